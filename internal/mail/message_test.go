package mail_test

import (
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/quotedprintable"
	netmail "net/mail"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/emersion/go-smtp"
	"pgregory.net/rapid"

	"github.com/opentrusthub/trusthub/internal/mail"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// read parses a message as a strict receiver would and returns its headers, its decoded subject and its decoded body.
func read(text string) (header netmail.Header, subject, body string, err error) {
	if bare := strings.ReplaceAll(text, "\r\n", ""); strings.ContainsAny(bare, "\r\n") {
		return nil, "", "", fmt.Errorf("a bare CR or LF in %q", text)
	}
	head, _, _ := strings.Cut(text, "\r\n\r\n")
	for at, line := range strings.Split(text, "\r\n") {
		limit := 78 // RFC 5322, 2.1.1; the address cannot be folded, so the hard limit applies to it
		if strings.HasPrefix(line, " <") || strings.HasPrefix(line, "To:") {
			limit = 998
		}
		if len(line) > limit {
			return nil, "", "", fmt.Errorf("line %d has %d bytes: %q", at, len(line), line)
		}
	}
	msg, err := netmail.ReadMessage(strings.NewReader(text))
	if err != nil {
		return nil, "", "", err
	}
	want := []string{
		"Auto-Submitted", "Content-Transfer-Encoding", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Subject", "To",
	}
	if got := slices.Sorted(maps.Keys(msg.Header)); !slices.Equal(got, want) {
		return nil, "", "", fmt.Errorf("headers %q", got)
	}
	for key, values := range msg.Header {
		if len(values) != 1 {
			return nil, "", "", fmt.Errorf("%s occurs %d times in %q", key, len(values), head)
		}
	}
	if got := msg.Header.Get("Content-Type") + " " + msg.Header.Get("Content-Transfer-Encoding"); got != "text/plain; charset=UTF-8 quoted-printable" {
		return nil, "", "", fmt.Errorf("content %q", got)
	}
	if subject, err = new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject")); err != nil {
		return nil, "", "", err
	}
	decoded, err := io.ReadAll(quotedprintable.NewReader(msg.Body))
	return msg.Header, subject, strings.ReplaceAll(string(decoded), "\r\n", "\n"), err
}

func TestMessage(t *testing.T) {
	srv := new(server).start(t)
	const name = "Bäckerei 東京 🥐"
	attempt := sender(t, srv.addr).Send(t.Context(), notice(name, "", trust.TwilioRejected, 18601, 99999))
	want := trust.Attempt{
		Started: epoch, Duration: 2 * time.Second, Verdict: trust.Delivered, Connected: true, Connecting: time.Second,
		StatusCode: 250, Answer: "250 2.0.0 OK: queued",
	}
	if attempt != want {
		t.Errorf("attempt %+v, want %+v", attempt, want)
	}
	got := srv.messages()
	if len(got) != 1 || got[0].from != "hub@sender.example" || !slices.Equal(got[0].to, []string{"jane@customer.example"}) {
		t.Fatalf("the server has %+v", got)
	}
	header, subject, body, err := read(got[0].text)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"From":           `"Trust Hub" <hub@sender.example>`,
		"To":             "<jane@customer.example>",
		"Date":           "Wed, 04 Mar 2026 05:06:07 +0000",
		"Message-Id":     "<ND" + strings.Repeat("0a", 16) + "@sender.example>",
		"Auto-Submitted": "auto-generated",
	} {
		if header.Get(key) != want {
			t.Errorf("%s: %q, want %q", key, header.Get(key), want)
		}
	}
	if want := "Trust Product “" + name + "” is rejected"; subject != want {
		t.Errorf("subject %q, want %q", subject, want)
	}
	known, unknown := trust.Rejection(18601), trust.Rejection(99999)
	wantBody := `The status of your Trust Product has changed.

Name:   ` + name + `
SID:    BU22222222222222222222222222222222
Status: rejected (twilio-rejected)

Why, and what you can do:

18601: ` + known.Meaning + "\n" + known.Remedy + `

99999: ` + unknown.Meaning + "\n" + unknown.Remedy + `

This was sent by trusthub, a stand-in for Twilio's Trust Hub. It does not come from Twilio.
`
	if body != wantBody {
		t.Errorf("body\n%s\nwant\n%s", body, wantBody)
	}
}

// Messages about Customer Profiles say so, and call each status by a name of its own.
func TestStatusInWords(t *testing.T) {
	srv := new(server).start(t)
	send := sender(t, srv.addr).Send
	for status, want := range map[trust.Status]string{
		trust.Draft: "a draft", trust.PendingReview: "waiting for review", trust.InReview: "in review",
		trust.TwilioApproved: "approved", trust.TwilioRejected: "rejected", "new\r\nX: y": "new X: y",
	} {
		n := notice("Acme", "", status)
		n.BundleKind = trust.CustomerProfile
		if attempt := send(t.Context(), n); attempt.Verdict != trust.Delivered {
			t.Fatalf("%s: %+v", status, attempt)
		}
		got := srv.messages()
		_, subject, body, err := read(got[len(got)-1].text)
		if err != nil || subject != "Customer Profile “Acme” is "+want ||
			!strings.HasPrefix(body, "The status of your Customer Profile has changed.") || !strings.Contains(body, "\nStatus: "+want+" (") {
			t.Errorf("%q: %v, %q, %q", status, err, subject, body)
		}
		if expired := strings.Contains(body, "The approval has expired."); expired != (status == trust.TwilioRejected) {
			t.Errorf("%q, rejected without a code: %q", status, body)
		}
	}
}

// TestKindInWords checks that a message calls each kind of bundle by its name.
func TestKindInWords(t *testing.T) {
	srv := new(server).start(t)
	for kind, name := range map[trust.Kind]string{trust.TrustProduct: "Trust Product", trust.CustomerProfile: "Customer Profile"} {
		n := approved()
		n.BundleKind = kind
		if attempt := sender(t, srv.addr).Send(t.Context(), n); attempt.Verdict != trust.Delivered {
			t.Fatalf("%s: %+v", kind, attempt)
		}
		got := srv.messages()
		_, subject, body, err := read(got[len(got)-1].text)
		if err != nil || subject != name+" “Acme” is approved" || !strings.HasPrefix(body, "The status of your "+name+" has changed.\n") {
			t.Errorf("%s: %v, %q, %q", kind, err, subject, body)
		}
	}
}

// TestNotAnAddress: an Email may be any text. If it is not an address, the sender does not even connect.
func TestNotAnAddress(t *testing.T) {
	srv := new(server).start(t)
	for _, email := range []string{
		"email", "string", "Acme, Inc.", "jane", "@example.com", "jane@", "Jane <jane@example.com>", "jane@example.com, joe@example.com", "jane@example.com (Jane)",
		"jane@example.com\r\nBcc: joe@example.com", "jane@example.com>\r\nRCPT TO:<joe@example.com", "jane@example.com> SIZE=1",
		`"jane doe"@example.com`, `"jane> x"@example.com`, "jane @example.com", "jane@example.com\x00", "jane\u202e@example.com",
		"jane\u2028@example.com", "jane\xff@example.com", strings.Repeat("j", 250) + "@example.com",
	} {
		attempt := sender(t, srv.addr).Send(t.Context(), notice("Acme", email, trust.TwilioApproved))
		if attempt.Verdict != trust.NotSent || attempt.Connected || !strings.Contains(attempt.Error, "not an address") {
			t.Errorf("%q: %+v", email, attempt)
		}
	}
	if heard, _ := srv.wire(); heard != "" {
		t.Errorf("the server heard %q", heard)
	}
}

func TestAddressOutsideASCII(t *testing.T) {
	n := notice("Acme", "žofie@zákazník.example", trust.TwilioApproved)
	without := new(server).start(t)
	if attempt := sender(t, without.addr).Send(t.Context(), n); attempt.Verdict != trust.Refused || len(without.messages()) != 0 {
		t.Errorf("by a server without SMTPUTF8: %+v", attempt)
	}
	with := new(server).start(t, func(s *smtp.Server) { s.EnableSMTPUTF8 = true })
	if attempt := sender(t, with.addr).Send(t.Context(), n); attempt.Verdict != trust.Delivered {
		t.Errorf("by a server with SMTPUTF8: %+v", attempt)
	}
	if attempt := sender(t, with.addr).Send(t.Context(), approved()); attempt.Verdict != trust.Delivered {
		t.Errorf("an ASCII address: %+v", attempt)
	}
	if heard, _ := with.wire(); strings.Count(heard, "SMTPUTF8") != 1 {
		t.Errorf("want SMTPUTF8 only for the message that needs it: %q", heard)
	}
}

// TestNothingIsInjected: for any name and address, either nothing is sent, or the server has one message with one recipient,
// whose headers every receiver reads in the same way, and which has the bytes that Compose returns.
func TestNothingIsInjected(t *testing.T) {
	srv := new(server).start(t, func(s *smtp.Server) { s.EnableSMTPUTF8 = true })
	send, compose := sender(t, srv.addr).Send, composer(t).Compose
	nasty := rapid.SampledFrom([]string{
		"\r\nBcc: evil@example.org", "\n", "\r", "\r\n.\r\nMAIL FROM:<evil@example.org>\r\n", "\r\n\r\n", ">", "> SIZE=1", "<", ",evil@example.org",
		"\x00", " ", "\t", "\u202e", "\u2066", "\u2028", "\u0085", "(c)", `"`, `\`, ";", "é", "\xff", "=?utf-8?q?=0D=0ABcc:_evil?=", ".", "\u200d", "\U000e0041",
	})
	plain := rapid.StringMatching(`[a-z0-9]{1,10}([.+_-][a-z0-9]{1,10}){0,2}@[a-z0-9]{1,10}\.(com|example)`)
	names := rapid.OneOf(
		rapid.String(), rapid.StringN(300, 3000, -1), rapid.StringMatching(`[a-zA-Z.]{0,900}`),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
		rapid.Map(rapid.SliceOfN(rapid.OneOf(nasty, rapid.String()), 1, 6), func(s []string) string { return strings.Join(s, "") }),
	)
	rapid.Check(t, func(t *rapid.T) {
		name, email := names.Draw(t, "name"), plain.Draw(t, "email")
		spoiled := rapid.Bool().Draw(t, "spoiled")
		if spoiled {
			at := rapid.IntRange(0, len(email)).Draw(t, "at")
			email = email[:at] + nasty.Draw(t, "nasty") + email[at:]
		}
		before := len(srv.messages())
		n := notice(name, email, trust.TwilioApproved)
		attempt := send(t.Context(), n)
		got := srv.messages()[before:]
		if attempt.Verdict != trust.Delivered {
			if !spoiled || attempt.Verdict != trust.NotSent || len(got) != 0 {
				t.Fatalf("%+v, the server has %q", attempt, got)
			}
			return
		}
		if len(got) != 1 || !slices.Equal(got[0].to, []string{email}) {
			t.Fatalf("the server has %q", got)
		}
		if composed, err := compose(n); err != nil || string(composed) != got[0].text || !utf8.Valid(composed) {
			t.Fatalf("composed %q, %v, sent %q", composed, err, got[0].text)
		}
		header, subject, body, err := read(got[0].text)
		if err != nil {
			t.Fatal(err)
		}
		if to, err := header.AddressList("To"); err != nil || len(to) != 1 || *to[0] != (netmail.Address{Address: email}) {
			t.Fatalf("to %v, %v", to, err)
		}
		if want := "Trust Product “" + mail.Line(name, 100) + "” is approved"; subject != want {
			t.Fatalf("subject %q, want %q", subject, want)
		}
		if want := "Name:   " + mail.Line(name, 1000) + "\nSID:"; !strings.Contains(body, want) {
			t.Fatalf("body %q does not have %q", body, want)
		}
	})
}

func TestLine(t *testing.T) {
	for text, want := range map[string]string{
		"Acme": "Acme", "": "", " a \r\n\t b ": "a b", "a\u202eb\u2066c": "abc", "a\u2028b": "a b", "a\xffb": "a\ufffdb",
		"👩\u200d👦"[4:]: "\u200d👦", "12345678901": "1234567…", "123456 8901": "123456…", "1234äää": "1234äää", "123456äää": "123456…",
	} {
		if got := mail.Line(text, 10); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

func TestLineIsOneLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "text")
		limit := rapid.IntRange(3, 50).Draw(t, "limit")
		got := mail.Line(text, limit)
		if len(got) > limit || !utf8.ValidString(got) || strings.ContainsFunc(got, unicode.IsControl) || mail.Line(got, limit) != got {
			t.Fatalf("%q becomes %q", text, got)
		}
	})
}
