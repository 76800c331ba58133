package mail_test

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/opentrusthub/trusthub/internal/mail"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/nettest"
)

func reply(code int, text string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 1, 1}, Message: text}
}

func replies(err error) func(net.Conn, io.Reader) error {
	return func(_ net.Conn, r io.Reader) error {
		_, _ = io.Copy(io.Discard, r)
		return err
	}
}

func TestReplies(t *testing.T) {
	for name, test := range map[string]struct {
		server *server
		want   trust.Verdict
		code   int
	}{
		"4xx to MAIL":        {&server{mail: reply(451, "later")}, trust.TryAgain, 451},
		"5xx to MAIL":        {&server{mail: reply(550, "not from you")}, trust.Refused, 550},
		"4xx to RCPT":        {&server{rcpt: reply(450, "greylisted")}, trust.TryAgain, 450},
		"5xx to RCPT":        {&server{rcpt: reply(550, "no such user")}, trust.Refused, 550},
		"4xx to the message": {&server{data: replies(reply(452, "full"))}, trust.TryAgain, 452},
		"5xx to the message": {&server{data: replies(reply(554, "spam"))}, trust.Refused, 554},
		"login wanted":       {&server{logins: true}, trust.TryAgain, 502},
		"TLS wanted":         {&server{mail: reply(530, "issue STARTTLS first")}, trust.TryAgain, 530},
		"closing":            {&server{rcpt: reply(421, "closing")}, trust.TryAgain, 421},
	} {
		t.Run(name, func(t *testing.T) {
			srv := test.server.start(t)
			attempt := sender(t, srv.addr).Send(t.Context(), approved())
			if attempt.Verdict != test.want || attempt.StatusCode != test.code || !attempt.Connected {
				t.Errorf("%+v", attempt)
			}
			if attempt.Answer == "" || attempt.Error == "" {
				t.Errorf("the attempt does not have the reason: %+v", attempt)
			}
			if got := srv.messages(); len(got) != 0 {
				t.Errorf("the server has %+v", got)
			}
		})
	}
}

// TestLostReplies: instead of one of its replies, the server closes the connection or stalls.
func TestLostReplies(t *testing.T) {
	for name, test := range map[string]struct {
		reply string // as the server would begin it
		want  trust.Verdict
		taken int // messages
	}{
		"greeting": {"220", trust.TryAgain, 0},
		"EHLO":     {"250-Hello", trust.TryAgain, 0},
		"MAIL":     {"250 2.0.0 Roger", trust.TryAgain, 0},
		"RCPT":     {"250 2.0.0 I'll", trust.TryAgain, 0},
		"DATA":     {"354", trust.TryAgain, 0},
		"message":  {"250 2.0.0 OK", trust.TryAgain, 1}, // accepted, but the sender cannot know
		"QUIT":     {"221", trust.Delivered, 1},
	} {
		check := func(t *testing.T, srv *server, s *mail.Sender) trust.Attempt {
			t.Helper()
			attempt := s.Send(t.Context(), approved())
			if attempt.Verdict != test.want || !attempt.Connected || (attempt.Error == "") != (test.want == trust.Delivered) {
				t.Errorf("%+v", attempt)
			}
			if got := srv.messages(); len(got) != test.taken {
				t.Errorf("the server has %+v", got)
			}
			return attempt
		}
		t.Run(name+" dropped", func(t *testing.T) {
			srv := (&server{cut: test.reply}).start(t)
			check(t, srv, sender(t, srv.addr))
		})
		t.Run(name+" stalled", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := newPipes()
				srv := (&server{stall: test.reply}).serve(t, network)
				s := sender(t, srv.addr)
				s.Reroute(network.dial, nil)
				attempt := check(t, srv, s)
				if test.want == trust.TryAgain && !strings.Contains(attempt.Error, mail.DefaultTimeout.String()) {
					t.Errorf("the error does not name the timeout: %+v", attempt)
				}
			})
		})
	}
}

func TestDroppedInTheMessage(t *testing.T) {
	srv := &server{data: func(conn net.Conn, r io.Reader) error {
		_, _ = io.ReadFull(r, make([]byte, 10))
		return conn.Close()
	}}
	srv.start(t)
	if attempt := sender(t, srv.addr).Send(t.Context(), approved()); attempt.Verdict != trust.TryAgain || attempt.StatusCode != 0 {
		t.Errorf("%+v", attempt)
	}
}

// TestRetrySendsTheSame: a retry must be the same message to its receiver, in case an earlier attempt succeeded unnoticed. It has
// the bytes that Compose returns.
func TestRetrySendsTheSame(t *testing.T) {
	srv := new(server).start(t)
	s := sender(t, srv.addr) // its clock goes on
	for range 2 {
		if attempt := s.Send(t.Context(), approved()); attempt.Verdict != trust.Delivered {
			t.Fatalf("%+v", attempt)
		}
	}
	other := approved()
	other.ID = trust.NoticePrefix + strings.Repeat("0b", 16)
	s.Send(t.Context(), other)
	var ids []string
	for _, message := range srv.messages() {
		header, _, _, err := read(message.text)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, header.Get("Message-Id"))
	}
	if len(ids) != 3 || ids[0] != ids[1] || ids[1] == ids[2] {
		t.Errorf("message ids %q", ids)
	}
	composed, err := composer(t).Compose(approved())
	if err != nil {
		t.Fatal(err)
	}
	for i, message := range srv.messages()[:2] {
		if message.text != string(composed) {
			t.Errorf("attempt %d sent\n%q, want\n%q", i+1, message.text, composed)
		}
	}
	other.ID = "x>\r\nBcc: <y"
	if attempt := s.Send(t.Context(), other); attempt.Verdict != trust.Refused || attempt.Connected {
		t.Errorf("with an invalid id: %+v", attempt)
	}
}

func TestContextEndsAnAttempt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	srv := &server{data: func(net.Conn, io.Reader) error {
		cancel() // the server has the DATA command and will not reply to the message
		<-t.Context().Done()
		return nil
	}}
	srv.start(t)
	start := time.Now()
	attempt := sender(t, srv.addr).Send(ctx, approved())
	if attempt.Verdict != trust.TryAgain || !attempt.Connected || !strings.HasSuffix(attempt.Error, ": context canceled") {
		t.Errorf("%+v", attempt)
	}
	if took := time.Since(start); took > mail.DefaultTimeout/2 {
		t.Errorf("the attempt took %s to end", took)
	}
	if attempt = sender(t, srv.addr).Send(ctx, approved()); attempt.Verdict != trust.TryAgain || attempt.Connected {
		t.Errorf("with a context that has ended: %+v", attempt)
	}
}

func TestConnectionRefused(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	attempt := sender(t, listener.Addr().String()).Send(t.Context(), approved())
	if attempt.Verdict != trust.TryAgain || attempt.Connected || attempt.StatusCode != 0 || attempt.Error == "" {
		t.Errorf("%+v", attempt)
	}
}

func TestNoMailServer(t *testing.T) {
	endless := strings.Repeat("220-and another thing\r\n", 1000)
	for name, serve := range map[string]func(net.Conn){
		"HTTP": func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") },
		"busy": func(c net.Conn) { _, _ = io.WriteString(c, "421 4.3.2 come back later\r\n") },
		"shut": func(c net.Conn) { _, _ = io.WriteString(c, "554 5.7.1 your network is not welcome\r\n") },
		"talkative": func(c net.Conn) {
			for {
				if _, err := io.WriteString(c, endless); err != nil {
					return
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			attempt := sender(t, nettest.Listen(t, serve)).Send(t.Context(), approved())
			if attempt.Verdict != trust.TryAgain || !attempt.Connected || attempt.Error == "" {
				t.Errorf("%+v", attempt)
			}
			if name == "talkative" && !strings.Contains(attempt.Error, "more than a mail server") {
				t.Errorf("the attempt took until the timeout: %+v", attempt)
			}
			if want := map[string]int{"busy": 421, "shut": 554}[name]; attempt.StatusCode != want {
				t.Errorf("status code %d, want %d", attempt.StatusCode, want)
			}
		})
	}
}

func TestAttemptHasNoSecrets(t *testing.T) {
	srv := &server{rcpt: reply(550, "<JANE@Customer.example> is unknown to relay:"+password+", \x1b[31m"+strings.Repeat("really ", 500))}
	srv.start(t)
	attempt := sender(t, login+srv.addr).Send(t.Context(), approved())
	if attempt.Verdict != trust.Refused || !strings.HasPrefix(attempt.Answer, "550 5.1.1 <[recipient]> is unknown to relay:[password], ") {
		t.Errorf("%+v", attempt)
	}
	if len(attempt.Answer) > 1024 || len(attempt.Error) > 300 {
		t.Errorf("an answer of %d bytes, an error of %d", len(attempt.Answer), len(attempt.Error))
	}
	for _, text := range []string{attempt.Answer, attempt.Error} {
		if low := strings.ToLower(text); strings.Contains(low, "jane") || strings.Contains(low, password) || strings.Contains(low, "\x1b") {
			t.Errorf("%q has a secret", text)
		}
	}
}

func TestNewSenderRefuses(t *testing.T) {
	for _, server := range []string{
		"", "s3cret", "smtp://", "smtp://:587", "http://u:s3cret@host", "//u:s3cret@host", "smtp:u:s3cret@host",
		"smtp://u:s3cret/x@host:587", "smtp://u:s3cret#x@host:587", "smtp://u:s3cret?x@host:587", "smtp://u:s3cret%zz@host",
		"smtp://u:1#s3cret@host", "smtp://u:1/s3cret@host", "smtp://u:1?s3cret@host", "smtp://u:s3cret@host?", "smtp://u:s3cret@host/",
		"smtp://u:s3cret@host:0", "smtp://u:s3cret@host:65536", "smtp://u:s3cret@host:x", "smtp://u:s3cret@ho%20st",
		"smtp://u@host", "smtp://:s3cret@host", "smtp://u:@host", "smtp://u:s3cret%00@host", "smtp://u%0a:s3cret@host",
	} {
		_, err := mail.NewSender(mail.Config{Server: server, From: "hub@sender.example", Now: clock()})
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %v", server, err)
		}
	}
	for _, from := range []string{
		"", "hub", "hub@sender.example, x@sender.example", "hub@sender.example\r\nBcc: x@y.example", `"a b"@sender.example`, "húb@sender.example",
	} {
		if _, err := mail.NewSender(mail.Config{Server: "smtp://host", From: from, Now: clock()}); err == nil {
			t.Errorf("from %q: no error", from)
		}
	}
	if _, err := mail.NewSender(mail.Config{Server: "smtp://host", From: "hub@sender.example"}); err == nil {
		t.Error("without a clock: no error")
	}
	if _, err := mail.NewSender(mail.Config{Server: "smtp://host", From: "hub@sender.example", Now: clock(), Timeout: -1}); err == nil {
		t.Error("with a negative timeout: no error")
	}
}
