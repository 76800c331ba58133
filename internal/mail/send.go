package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"github.com/opentrusthub/trusthub/internal/trust"
)

const (
	answerLimit = 1 << 10 // of Attempt.Answer, in bytes
	errorLimit  = 300     // of Attempt.Error, in bytes
	readLimit   = 1 << 20 // of all replies of a server in one attempt, in bytes: they are kept in memory
	quitWait    = time.Second
)

// NotAnAddress is the error of an attempt with a target for which IsAddress is false.
const NotAnAddress = "the Email is not an address that mail can be sent to"

// Errors of an attempt that do not come from a reply.
var (
	errNotLocal  = errors.New("the host resolves to another machine, to which clear text is not safe")
	errTalkative = errors.New("the server sent more than a mail server needs to")
	errNoUTF8    = errors.New("the server does not take addresses outside ASCII (SMTPUTF8)")
)

// Send makes one attempt to deliver n to the address n.Target. It returns within the sender's timeout and soon after ctx
// ends. The package comment explains the verdicts. StatusCode is that of the reply that decided, or 0; Answer is that reply, at
// most 1 KiB of it. Neither Answer nor Error contains the password or the address, which servers often repeat.
func (s *Sender) Send(ctx context.Context, n trust.Notice) trust.Attempt {
	attempt := trust.Attempt{Started: s.now()}
	s.deliver(ctx, n, &attempt)
	attempt.Duration = s.now().Sub(attempt.Started)
	return attempt
}

func (s *Sender) deliver(ctx context.Context, n trust.Notice, attempt *trust.Attempt) {
	if !IsAddress(n.Target) {
		attempt.Verdict, attempt.Error = trust.NotSent, NotAnAddress
		return
	}
	message, err := s.composer.Compose(n)
	if err != nil {
		attempt.Verdict, attempt.Error = trust.Refused, line(err.Error(), errorLimit)
		return
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.timeout, fmt.Errorf("not done within %s", s.timeout))
	defer cancel()
	link := &link{sender: s}
	defer link.close()
	defer context.AfterFunc(ctx, link.close)()

	answer, stage, err := s.converse(ctx, link, n.Target, message)
	if at, ok := link.connected(); ok {
		attempt.Connected, attempt.Connecting = true, at.Sub(attempt.Started)
	}
	if err == nil {
		attempt.Verdict, attempt.StatusCode = trust.Delivered, 250
		attempt.Answer = line(s.redact("250 "+answer, n.Target), answerLimit)
		return
	}
	attempt.Verdict = trust.TryAgain
	problem := err.Error()
	if reply, ok := errors.AsType[*textproto.Error](err); ok {
		problem = strconv.Itoa(reply.Code) + " " + reply.Msg // not the error's text: redact would miss a quoted secret
		attempt.StatusCode = reply.Code
		attempt.Answer = line(s.redact(problem, n.Target), answerLimit)
		if stage != beforeMail && reply.Code/100 == 5 && !asksForLogin(reply.Code) {
			attempt.Verdict = trust.Refused
		}
	} else if ended := context.Cause(ctx); ended != nil {
		problem = ended.Error() // err only says that we closed the connection
	}
	if errors.Is(err, errNoUTF8) {
		attempt.Verdict = trust.Refused
	}
	attempt.Error = line(s.redact(stage+": "+problem, n.Target), errorLimit)
}

// asksForLogin reports whether a code, in reply to MAIL or later, means that a login or TLS is missing or too weak. Codes 530,
// 534, 535 and 538 are those of RFC 3207 and RFC 4954; servers that answer 502 or 503 to a MAIL without a login exist.
func asksForLogin(code int) bool {
	switch code {
	case 502, 503, 530, 534, 535, 538:
		return true
	}
	return false
}

// beforeMail is the stage before the server is told about the message.
const beforeMail = "before MAIL"

// converse sends the message and returns the server's last reply, or the error and the stage at which it occurred. It does not
// use gomail.Client.Send, which returns the replies only in a text that contains the recipient, and which sends two more commands
// (NOOP and RSET) that can fail.
func (s *Sender) converse(ctx context.Context, link *link, to string, message []byte) (answer, stage string, err error) {
	settings, err := gomail.NewClient(s.host, s.options(link, to)...)
	if err != nil {
		return "", beforeMail, err
	}
	client, err := settings.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return "", beforeMail, err
	}
	defer func() {
		// If it fails, nothing changes: an accepted message is delivered.
		_ = client.UpdateDeadline(quitWait)
		_ = client.Quit()
	}()
	if takes, _ := client.Extension("SMTPUTF8"); !takes && !ascii(to) {
		return "", beforeMail, errNoUTF8
	}
	if err := client.Mail("<" + s.composer.from.Address + ">"); err != nil {
		return "", "MAIL", err
	}
	if err := client.Rcpt("<" + to + ">"); err != nil {
		return "", "RCPT", err
	}
	data, err := client.Data()
	if err != nil {
		return "", "DATA", err
	}
	if _, err := data.Write(message); err != nil {
		return "", "message", err
	}
	if err := data.Close(); err != nil {
		return "", "end of message", err
	}
	if closer, ok := data.(*smtp.DataCloser); ok {
		answer = closer.ServerResponse()
	}
	return answer, "", nil
}

func (s *Sender) options(link *link, to string) []gomail.Option {
	options := []gomail.Option{
		gomail.WithDialContextFunc(link.dial),
		gomail.WithTimeout(s.timeout + time.Second), // so that the context always ends an attempt first
		gomail.WithHELO(s.composer.domain),          // not the machine's name, which is private and often not a domain
		gomail.WithTLSConfig(s.tlsConfig()),
	}
	switch {
	case s.implicitTLS:
		options = append(options, gomail.WithSSL())
	case s.local:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if ascii(to) {
		// Only if needed: a server without SMTPUTF8 cannot deliver a message that asks for it.
		options = append(options, gomail.WithoutSMTPUTF8())
	}
	if s.user != "" {
		options = append(options, gomail.WithUsername(s.user), gomail.WithPassword(s.password),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin))
	}
	return options
}

func (s *Sender) tlsConfig() *tls.Config {
	return &tls.Config{ServerName: s.host, RootCAs: s.roots, MinVersion: tls.VersionTLS12}
}

// redact replaces the recipient's address, in upper or lower case, and the password in a text of the server or of a library.
func (s *Sender) redact(text, to string) string {
	for _, secret := range s.secrets {
		text = strings.ReplaceAll(text, secret, "[password]")
	}
	return regexp.MustCompile("(?i)"+regexp.QuoteMeta(to)).ReplaceAllLiteralString(text, "[recipient]")
}

// link has the connection of an attempt. It is closed when the attempt's time is over and at the end. gomail limits each wait,
// but not all of them together, and leaves the connection open if a step before MAIL fails.
type link struct {
	sender *Sender

	mu     sync.Mutex
	conn   net.Conn  // nil until connected
	at     time.Time // when conn was made
	closed bool
}

func (l *link) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	s := l.sender
	conn, err := s.dial(ctx, "tcp", net.JoinHostPort(s.host, s.port))
	if err != nil {
		return nil, err
	}
	l.hold(conn)
	if s.local {
		peer, err := netip.ParseAddrPort(conn.RemoteAddr().String())
		if err != nil || !peer.Addr().Unmap().IsLoopback() {
			return nil, errNotLocal
		}
	}
	bounded := &boundedConn{Conn: conn, left: readLimit}
	if !s.implicitTLS {
		return bounded, nil
	}
	secure := tls.Client(bounded, s.tlsConfig()) // gomail allows a login only on a connection of this type
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return secure, nil
}

func (l *link) hold(conn net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conn, l.at = conn, l.sender.now()
	if l.closed { // the time was over just when the connection was made
		_ = conn.Close()
	}
}

// connected returns when the server was reached, or false if it was not.
func (l *link) connected() (at time.Time, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.at, l.conn != nil
}

func (l *link) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != nil && !l.closed {
		_ = l.conn.Close()
	}
	l.closed = true
}

// boundedConn is a connection from which a limited number of bytes can be read.
type boundedConn struct {
	net.Conn
	left int
}

func (c *boundedConn) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, errTalkative
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}
