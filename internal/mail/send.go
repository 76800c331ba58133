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
	readLimit   = 1 << 20 // of all that a server says in one attempt, in bytes: replies are collected in memory
	quitWait    = time.Second
)

// What fails an attempt before or beside a server's reply.
var (
	errNotLocal  = errors.New("the host's name leads away from this machine, where clear text is not safe")
	errTalkative = errors.New("the server says more than a mail server has to say")
	errNoUTF8    = errors.New("the server does not take addresses outside ASCII (SMTPUTF8)")
)

// Send makes one attempt to deliver n to the address n.Target. It returns within the sender's timeout and soon after ctx
// ends. See the package's comment for what leads to which verdict. StatusCode is that of the reply which decided, 0 if none
// did; Answer is that reply, at most 1 KiB of it. Neither Answer nor Error contains the password or the address, which
// servers like to repeat.
func (s *Sender) Send(ctx context.Context, n trust.Notice) trust.Attempt {
	attempt := trust.Attempt{Started: s.now()}
	s.deliver(ctx, n, &attempt)
	attempt.Duration = s.now().Sub(attempt.Started)
	return attempt
}

func (s *Sender) deliver(ctx context.Context, n trust.Notice, attempt *trust.Attempt) {
	if !IsAddress(n.Target) {
		attempt.Verdict, attempt.Error = trust.NotSent, "the Email is not an address that mail can be sent to"
		return
	}
	message, err := s.compose(n, attempt.Started)
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
	attempt.Connected = link.connected()
	if err == nil {
		attempt.Verdict, attempt.StatusCode = trust.Delivered, 250
		attempt.Answer = line(s.redact("250 "+answer, n.Target), answerLimit)
		return
	}
	attempt.Verdict = trust.TryAgain
	problem := err.Error()
	if reply, ok := errors.AsType[*textproto.Error](err); ok {
		problem = strconv.Itoa(reply.Code) + " " + reply.Msg // not the error's text, whose quoting would hide a secret
		attempt.StatusCode = reply.Code
		attempt.Answer = line(s.redact(problem, n.Target), answerLimit)
		if stage != beforeMail && reply.Code/100 == 5 && !asksForLogin(reply.Code) {
			attempt.Verdict = trust.Refused
		}
	} else if ended := context.Cause(ctx); ended != nil {
		problem = ended.Error() // err only says that the connection was closed, which we did
	}
	if errors.Is(err, errNoUTF8) {
		attempt.Verdict = trust.Refused
	}
	attempt.Error = line(s.redact(stage+": "+problem, n.Target), errorLimit)
}

// asksForLogin tells whether a code, in reply to MAIL or later, means that a login or TLS is missing or too weak. Codes 530,
// 534, 535 and 538 are those of RFC 3207 and RFC 4954; servers that answer 502 or 503 to a MAIL without a login exist.
func asksForLogin(code int) bool {
	switch code {
	case 502, 503, 530, 534, 535, 538:
		return true
	}
	return false
}

// beforeMail is the stage in which nothing is yet said about the message.
const beforeMail = "before MAIL"

// converse sends the message and returns the server's last words, or what failed and at which stage. It speaks the commands
// itself rather than through gomail.Client.Send, which hides the replies in a text with the recipient in it, and which asks
// for two more replies (to NOOP and RSET), each one more that can be missed.
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
		// A courtesy, whose failure changes nothing: an accepted message is delivered.
		_ = client.UpdateDeadline(quitWait)
		_ = client.Quit()
	}()
	if takes, _ := client.Extension("SMTPUTF8"); !takes && !ascii(to) {
		return "", beforeMail, errNoUTF8
	}
	if err := client.Mail("<" + s.from.Address + ">"); err != nil {
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
		gomail.WithTimeout(s.timeout + time.Second), // so that it is always the context that ends an attempt
		gomail.WithHELO(s.domain),                   // not the machine's own name, which is nobody's business and often no domain
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
		// Asked for without need, SMTPUTF8 makes a message undeliverable to servers that lack it.
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

// redact replaces the recipient's address, in any case, and the password in a text that came from elsewhere.
func (s *Sender) redact(text, to string) string {
	for _, secret := range s.secrets {
		text = strings.ReplaceAll(text, secret, "[password]")
	}
	return regexp.MustCompile("(?i)"+regexp.QuoteMeta(to)).ReplaceAllLiteralString(text, "[recipient]")
}

// link holds the one connection of an attempt. gomail bounds its waits one by one and leaves a connection open when a step
// before MAIL fails; the link is closed when the attempt's time is over, whatever is being waited for, and at the end.
type link struct {
	sender *Sender

	mu     sync.Mutex
	conn   net.Conn // nil until connected
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
	secure := tls.Client(bounded, s.tlsConfig()) // gomail allows a login if the connection it gets is this type
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return secure, nil
}

func (l *link) hold(conn net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conn = conn
	if l.closed { // the time ended just as the connection was made
		_ = conn.Close()
	}
}

func (l *link) connected() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conn != nil
}

func (l *link) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != nil && !l.closed {
		_ = l.conn.Close()
	}
	l.closed = true
}

// boundedConn is a connection that has only so much to read.
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
