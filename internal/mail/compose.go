package mail

import (
	"bytes"
	"errors"
	"fmt"
	netmail "net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	gomail "github.com/wneessen/go-mail"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// How much of a FriendlyName a message shows, in bytes.
const (
	subjectNameLimit = 100
	bodyNameLimit    = 1000
)

// DefaultFrom is the sender if the operator names none.
const DefaultFrom = "trusthub@localhost"

// Composer composes the messages of one sender. A message depends on its notice and the sender alone: not on the time, the
// attempt or the server that it is sent through. All attempts therefore send the same bytes, and Compose returns them at any
// time.
type Composer struct {
	from   *netmail.Address
	domain string // of from
}

// NewComposer returns a Composer for a sender's address, with or without a name: "Trust Hub <trusthub@example.com>".
func NewComposer(from string) (Composer, error) {
	address, err := netmail.ParseAddress(from)
	if err != nil || !IsAddress(address.Address) || !ascii(address.Address) {
		return Composer{}, errors.New("mail: the sender is not a plain address such as trusthub@example.com")
	}
	return Composer{from: address, domain: address.Address[strings.LastIndex(address.Address, "@")+1:]}, nil
}

// From returns the sender for people to read: name and address, or the address alone.
func (c Composer) From() string {
	if c.from.Name == "" {
		return c.from.Address
	}
	return c.from.Name + " <" + c.from.Address + ">"
}

// Compose returns the message for n in the form of RFC 5322, to an address for which IsAddress is true. Its Date is that of the
// change: RFC 5322 has there when a message was complete, not when it was transported.
func (c Composer) Compose(n trust.Notice) ([]byte, error) {
	// The id becomes a part of a header. Package trust makes only valid ones.
	if n.ID == "" || len(n.ID) > 64 || strings.Trim(n.ID, idAlphabet) != "" {
		return nil, errors.New("the notice's id cannot be a Message-ID")
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(c.from)
	msg.ToMailAddress(&netmail.Address{Address: n.Target})
	msg.SetMessageIDWithValue(n.ID + "@" + c.domain)
	msg.SetDateWithValue(n.Created.UTC())
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: keeps out-of-office replies away
	msg.Subject(Subject(n))
	msg.SetBodyString(gomail.TypeTextPlain, Text(n))

	var message bytes.Buffer
	if _, err := msg.WriteTo(&message); err != nil {
		return nil, fmt.Errorf("writing the message: %w", err)
	}
	return message.Bytes(), nil
}

const idAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// Subject returns the subject of the message for n.
//
// Because of the typographic quotes, it must be encoded in a header. Otherwise a name that looks like an encoded word, such as
// =?utf-8?q?=0A?=, would be sent unchanged and decoded by the reader.
func Subject(n trust.Notice) string {
	return fmt.Sprintf("%s “%s” is %s", n.BundleKind.Name(), line(n.FriendlyName, subjectNameLimit), words(n.Status))
}

// Text returns the text of the message for n.
func Text(n trust.Notice) string {
	var text strings.Builder
	printf := func(format string, args ...any) { _, _ = fmt.Fprintf(&text, format, args...) } // a Builder never fails
	printf("The status of your %s has changed.\n\n", n.BundleKind.Name())
	printf("Name:   %s\nSID:    %s\n", line(n.FriendlyName, bodyNameLimit), line(n.BundleSID, bodyNameLimit))
	printf("Status: %s (%s)\n", words(n.Status), line(string(n.Status), bodyNameLimit))
	switch {
	case n.Status == trust.TwilioRejected && len(n.Errors) == 0:
		printf("\n%s\nSubmit it again if you still need it.\n", n.FailureReason())
	case n.Status == trust.TwilioRejected:
		printf("\nWhy, and what you can do:\n")
		for _, code := range n.Errors {
			reason := trust.Rejection(code)
			printf("\n%d: %s\n%s\n", code, reason.Meaning, reason.Remedy)
		}
	}
	printf("\nThis was sent by trusthub, a stand-in for Twilio's Trust Hub. It does not come from Twilio.\n")
	return text.String()
}

// words returns a status as the end of a sentence.
func words(status trust.Status) string {
	switch status {
	case trust.Draft:
		return "a draft"
	case trust.PendingReview:
		return "waiting for review"
	case trust.InReview:
		return "in review"
	case trust.TwilioRejected:
		return "rejected"
	case trust.TwilioApproved:
		return "approved"
	default:
		return line(string(status), subjectNameLimit)
	}
}

// line returns any text as one line of at most limit bytes of valid UTF-8, with single spaces between words. Control characters
// become spaces. Invisible characters that change how other text looks (directional marks, tags) are removed, except for the
// two joiners, which some scripts and emoji need.
func line(text string, limit int) string {
	const zwnj, zwj = '\u200c', '\u200d'
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r), unicode.In(r, unicode.Zl, unicode.Zp):
			return ' '
		case unicode.Is(unicode.Cf, r) && r != zwnj && r != zwj:
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
	text = strings.Join(strings.Fields(text), " ")
	if len(text) <= limit {
		return text
	}
	const more = "…"
	end := limit - len(more)
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return strings.TrimRight(text[:end], " ") + more
}
