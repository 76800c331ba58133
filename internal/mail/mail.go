// Package mail tells customers by e-mail of changes to their bundles, through the operator's SMTP server.
//
// # What it guarantees
//
// One Send is one attempt with one message for one recipient, over within the configured timeout and within its context,
// whatever the server does. All attempts with one notice carry the same Message-ID, so that a receiver recognizes a
// message that arrives twice. Nothing in a notice becomes a header, a recipient or a command.
//
// To a server that is not on this machine nothing but the greeting is sent before TLS is up and the certificate verified:
// smtp:// insists on STARTTLS, smtps:// begins with TLS. To localhost, 127.0.0.1 and ::1, smtp:// speaks in clear, so that a
// developer's mail catcher and a relay on the same machine just work; their certificates are seldom made out to such a
// name. A local server that wants TLS is given by its real name.
//
// # Verdicts
//
// Accepted is [trust.Delivered], from the reply to the message's last line on: what happens to QUIT after it changes
// nothing, since trying again would send a duplicate. A 5xx reply to MAIL, RCPT or DATA is [trust.Refused], unless its code
// is one of those that ask for a login or for TLS. Where the target is not an address, which the API allows, nobody is
// contacted and the verdict is [trust.NotSent]. All else is [trust.TryAgain]: 4xx replies, failed and dropped connections,
// timeouts, and every refusal before MAIL, since a login or a certificate is the operator's to fix and says nothing about
// the message. A reply that got lost may stand for an accepted message; then the next attempt is a duplicate.
//
// # What it does not do
//
// It keeps no connection between attempts, looks up no MX records, signs nothing (DKIM is the server's work), and does not
// see bounces that come later. When to try again is the caller's to decide.
package mail

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net"
	netmail "net/mail"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// DefaultTimeout bounds an attempt where Config does not.
const DefaultTimeout = 20 * time.Second

// Config is what a Sender needs to know.
type Config struct {
	// Server is smtp://user:password@host:587 or smtps://user:password@host:465. The ports are the defaults; without a user
	// there is no login. Special characters in user and password are percent-encoded.
	Server string
	// From is the sender's address, with or without a name: "Trust Hub <trusthub@example.com>". Its domain is also what
	// the server is greeted with and what stands in each Message-ID.
	From string
	// Now is the clock, for the Date header and for the times in an attempt.
	Now func() time.Time
	// Timeout bounds an attempt from the look-up of the host's address to the end; 0 means DefaultTimeout.
	Timeout time.Duration
}

// Sender delivers notices through one SMTP server. Its methods may be called concurrently.
type Sender struct {
	host, port     string
	implicitTLS    bool // smtps
	local          bool // the host is this machine, so that clear text is fine
	user, password string
	from           *netmail.Address
	domain         string // of from
	now            func() time.Time
	timeout        time.Duration
	secrets        []string // the forms in which the password may come back in a server's reply

	dial  func(ctx context.Context, network, address string) (net.Conn, error)
	roots *x509.CertPool // nil for the system's
}

// NewSender makes a Sender and fails if the configuration cannot work. It does not connect. Its errors do not quote the
// configuration, not even in part: where a password is not encoded, any part of the server's URL can be a piece of it.
func NewSender(config Config) (*Sender, error) {
	s := &Sender{now: config.Now, timeout: config.Timeout, dial: new(net.Dialer).DialContext}
	switch {
	case config.Now == nil:
		return nil, errors.New("mail: there is no clock")
	case config.Timeout < 0:
		return nil, errors.New("mail: the timeout is negative")
	case config.Timeout == 0:
		s.timeout = DefaultTimeout
	}
	if err := s.setServer(config.Server); err != nil {
		return nil, err
	}
	var err error
	if s.from, err = netmail.ParseAddress(config.From); err != nil || !IsAddress(s.from.Address) || !ascii(s.from.Address) {
		return nil, errors.New("mail: the sender is not a plain address such as trusthub@example.com")
	}
	s.domain = s.from.Address[strings.LastIndex(s.from.Address, "@")+1:]
	return s, nil
}

func (s *Sender) setServer(server string) error {
	u, err := url.Parse(server)
	if err != nil || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return errors.New("mail: the server is not a URL like smtp://user:password@host:587, " +
			"with special characters in user and password percent-encoded")
	}
	switch u.Scheme {
	case "smtp":
		s.port = "587"
	case "smtps":
		s.port, s.implicitTLS = "465", true
	default:
		return errors.New("mail: the server's URL begins with neither smtp:// nor smtps://")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return errors.New("mail: the port in the server's URL is not one from 1 to 65535")
		}
		s.port = port
	}
	s.host = strings.ToLower(u.Hostname())
	if strings.Trim(s.host, "abcdefghijklmnopqrstuvwxyz0123456789-._:") != "" || s.host == "" {
		return errors.New("mail: the host in the server's URL is neither a name nor an address")
	}
	s.local = s.host == "localhost" || s.host == "127.0.0.1" || s.host == "::1"
	if u.User == nil {
		return nil
	}
	s.user = u.User.Username()
	s.password, _ = u.User.Password()
	if s.user == "" || s.password == "" || strings.ContainsFunc(s.user+s.password, unicode.IsControl) {
		return errors.New("mail: the server's URL has a user without a password, a password without a user, " +
			"or a control character in one of them")
	}
	plain := "\x00" + s.user + "\x00" + s.password
	for _, secret := range []string{plain, s.password} {
		s.secrets = append(s.secrets, base64.StdEncoding.EncodeToString([]byte(secret)))
	}
	s.secrets = append(s.secrets, s.password)
	return nil
}

// IsAddress reports whether text is an address that mail can be sent to: one that can stand in a command and in a header just
// as it is. That leaves out addresses with a quoted local part ("a b"@example.com), which hardly anyone has and which many a
// server reads wrongly.
func IsAddress(text string) bool {
	parsed, err := netmail.ParseAddress(text)
	return err == nil && parsed.Address == text && // no name, no comment, no second address, no quotes
		len(text) <= 254 && // RFC 5321, 4.5.3.1.3, without the angle brackets
		utf8.ValidString(text) &&
		!strings.ContainsFunc(text, func(r rune) bool {
			return !unicode.IsGraphic(r) || unicode.IsSpace(r) || r == '<' || r == '>'
		})
}

func ascii(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII })
}
