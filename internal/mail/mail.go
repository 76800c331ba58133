// Package mail sends customers e-mail about changes to their bundles, through the operator's SMTP server.
//
// # What it guarantees
//
// Send makes one attempt to send one message to one recipient. It ends within the configured timeout and with its context,
// whatever the server does. All attempts for a notice send the same bytes, with the same Message-ID, so that a receiver
// recognizes a message that arrives twice. [Composer.Compose] returns these bytes without sending them. No text of a notice can
// add a header, a recipient or a command.
//
// A server on another machine gets only the greeting before TLS is up and its certificate is verified: smtp:// requires STARTTLS,
// smtps:// starts with TLS. For localhost, 127.0.0.1 and ::1, smtp:// uses clear text, so that a mail catcher or a relay on the
// same machine works; such names are rarely in a certificate. For TLS with a local server, use its real name.
//
// # Verdicts
//
// A message that the server accepted is [trust.Delivered], even if QUIT then fails, because another attempt would send a
// duplicate. A 5xx reply to MAIL, RCPT or DATA is [trust.Refused], unless its code asks for a login or for TLS. If the target is
// not an address, which the API allows, no server is contacted and the verdict is [trust.NotSent]. Everything else is
// [trust.TryAgain]: 4xx replies, failed and dropped connections, timeouts, and every refusal before MAIL, because logins and
// certificates are the operator's to fix. If the reply to an accepted message is lost, the next attempt sends a duplicate.
//
// # What it does not do
//
// It keeps no connection between attempts, looks up no MX records, does not sign (the server does DKIM), and does not see
// bounces. The caller decides when to try again.
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

// DefaultTimeout is the timeout of an attempt if Config has none.
const DefaultTimeout = 20 * time.Second

// Config configures a Sender.
type Config struct {
	// Server is smtp://user:password@host:587 or smtps://user:password@host:465. These are the default ports. Without a user,
	// there is no login. Special characters in user and password must be percent-encoded.
	Server string
	// From is the sender's address, with or without a name: "Trust Hub <trusthub@example.com>". Its domain is also used in the
	// greeting and in each Message-ID.
	From string
	// Now is the clock for the times of an attempt.
	Now func() time.Time
	// Timeout limits an attempt, including the DNS lookup; 0 means DefaultTimeout.
	Timeout time.Duration
}

// Sender sends notices through one SMTP server. It is safe for concurrent use.
type Sender struct {
	host, port     string
	implicitTLS    bool // smtps
	local          bool // the host is this machine: clear text is allowed
	user, password string
	composer       Composer
	now            func() time.Time
	timeout        time.Duration
	secrets        []string // the forms in which a server's reply may contain the password

	dial  func(ctx context.Context, network, address string) (net.Conn, error)
	roots *x509.CertPool // nil for the system's
}

// NewSender returns a Sender, or an error for an invalid configuration. It does not connect. Its errors contain no part of the
// configuration: if a password is not encoded, any part of the server's URL may belong to it.
func NewSender(config Config) (*Sender, error) {
	s := &Sender{now: config.Now, timeout: config.Timeout, dial: new(net.Dialer).DialContext}
	switch {
	case config.Now == nil:
		return nil, errors.New("mail: Config.Now is required")
	case config.Timeout < 0:
		return nil, errors.New("mail: the timeout is negative")
	case config.Timeout == 0:
		s.timeout = DefaultTimeout
	}
	if err := s.setServer(config.Server); err != nil {
		return nil, err
	}
	var err error
	if s.composer, err = NewComposer(config.From); err != nil {
		return nil, err
	}
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

// IsAddress reports whether text is an address that mail can be sent to: one that needs no quoting in a command or a header. This
// excludes addresses with a quoted local part ("a b"@example.com), which are rare and which many servers misread.
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
