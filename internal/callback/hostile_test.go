package callback_test

import (
	"bufio"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/opentrusthub/trusthub/internal/callback"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/nettest"
)

// short is the timeout of attempts that must reach it.
const short = 50 * time.Millisecond

// raw is a receiver that reads a request and writes arbitrary bytes.
func raw(t *testing.T, answer func(net.Conn)) (target string) {
	t.Helper()
	return "http://" + nettest.Listen(t, func(conn net.Conn) {
		if r, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
			_, _ = io.Copy(io.Discard, r.Body)
			answer(conn)
		}
	})
}

func writes(text string) func(net.Conn) {
	return func(conn net.Conn) { _, _ = io.WriteString(conn, text) }
}

// stalls writes a text and then waits until the sender disconnects.
func stalls(text string) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = io.WriteString(conn, text)
		_, _ = io.Copy(io.Discard, conn)
	}
}

// endless writes first, and then more repeatedly until the sender disconnects.
func endless(first, more string) func(net.Conn) {
	return func(conn net.Conn) {
		_, err := io.WriteString(conn, first)
		for err == nil {
			_, err = io.WriteString(conn, more)
		}
	}
}

// header returns the attempt for a response that has only a status line.
func header(status int, verdict trust.Verdict, failure string) trust.Attempt {
	return trust.Attempt{Verdict: verdict, StatusCode: status, Error: failure}
}

func TestHostileReceivers(t *testing.T) {
	const (
		broke   = "the connection broke, or what came was not an HTTP answer"
		late    = "no answer within 50ms"
		serverX = "the receiver answered 500 Internal Server Error"
	)
	none := func(failure string) trust.Attempt { return header(0, trust.TryAgain, failure) }
	answers := func(attempt trust.Attempt, answer string) trust.Attempt {
		attempt.Answer = answer
		return attempt
	}
	asked := header(503, trust.TryAgain, "the receiver answered 503 Service Unavailable")
	asked.RetryAfter = 24 * time.Hour

	for name, test := range map[string]struct {
		limit  time.Duration // 0 means the default
		answer func(net.Conn)
		want   trust.Attempt
	}{
		"closes":                  {0, writes(""), none(broke)},
		"speaks SMTP":             {0, writes("220 someone@example.com ESMTP\r\n"), none(broke)},
		"says nothing":            {short, stalls(""), none(late)},
		"stops within its header": {short, stalls("HTTP/1.1 200 OK\r\nX-"), none(late)},
		"never ends its header":   {0, endless("HTTP/1.1 200 OK\r\n", "X-Filler: 1234567890\r\n"), none(broke)},
		"has a large header":      {0, writes("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n"), none(broke)},
		"answers 100 for ever":    {0, endless("", "HTTP/1.1 100 Continue\r\nX-Filler: 1234567890\r\n\r\n"), none(broke)},
		"stops within its body": {
			short, stalls("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nthanks"),
			answers(header(200, trust.Delivered, ""), "thanks"),
		},
		"closes within its body": {
			0, writes("HTTP/1.1 500 X\r\nContent-Length: 9\r\n\r\nsorry"), answers(header(500, trust.TryAgain, serverX), "sorry"),
		},
		"has an address in its status": {0, writes("HTTP/1.1 500 someone@example.com\r\n\r\n"), header(500, trust.TryAgain, serverX)},
		"switches protocols": {
			0, stalls("HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhi"),
			header(101, trust.TryAgain, "the receiver answered 101 Switching Protocols"),
		},
		"claims a compressed body": {
			0, writes("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok"),
			answers(header(200, trust.Delivered, ""), "ok"),
		},
		"answers in control codes": {
			0, writes("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n\x1b[2J\x00ok\xff\r\n"),
			answers(header(200, trust.Delivered, ""), "\uFFFD[2J\uFFFDok\uFFFD\uFFFD\n"),
		},
		"asks for too much time": {0, writes("HTTP/1.1 503 X\r\nRetry-After: 999999\r\nContent-Length: 0\r\n\r\n"), asked},
	} {
		t.Run(name, func(t *testing.T) {
			got := newSender(t, callback.Config{Timeout: test.limit}).Send(t.Context(), notice(raw(t, test.answer)), token)
			test.want.Started, test.want.Duration = got.Started, got.Duration
			test.want.Connected, test.want.Connecting = true, got.Connecting
			if got != test.want {
				t.Errorf("\n got %+v\nwant %+v", got, test.want)
			}
		})
	}
}

// TestHugeBody: an attempt must end soon, however long the body is and whatever the timeout is.
func TestHugeBody(t *testing.T) {
	target := raw(t, endless("HTTP/1.1 200 OK\r\n\r\n", strings.Repeat("a\xff", 1<<10)))
	got := newSender(t, callback.Config{}).Send(t.Context(), notice(target), token)
	if got.Verdict != trust.Delivered || len(got.Answer) > 1<<10 || len(got.Answer) < 1<<9 || !utf8.ValidString(got.Answer) {
		t.Errorf("recorded %d bytes, %+v", len(got.Answer), got)
	}
}

func TestSlowBody(t *testing.T) {
	target := raw(t, stalls("HTTP/1.1 200 OK\r\n\r\nwait"))
	got := newSender(t, callback.Config{Timeout: time.Hour}).Send(t.Context(), notice(target), token)
	if got.Verdict != trust.Delivered || got.Answer != "wait" {
		t.Errorf("%+v", got)
	}
}

// withTLS starts a server with an untrusted certificate, and returns its URL.
func withTLS(t *testing.T, config *tls.Config) string {
	t.Helper()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = config
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL
}

func TestNoConnection(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := listener.Addr().String()
	_ = listener.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // connections succeed, but the TLS handshake gets no response
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close() //nolint:errcheck // a listener of a test
	strange := withTLS(t, nil)
	old := withTLS(t, &tls.Config{MaxVersion: tls.VersionTLS11})
	plain := receiver(t, http.NotFound)

	sender := newSender(t, callback.Config{ConnectTimeout: 2 * time.Second})
	hasty := newSender(t, callback.Config{ConnectTimeout: short})
	for _, test := range []struct {
		sender       *callback.Sender
		target, want string
	}{
		{sender, "http://me:secret@" + closed + "/", "the connection failed: connection refused"},
		{hasty, "https://" + silent.Addr().String() + "/", "no connection within 50ms"},
		{sender, strange, "the receiver's TLS certificate cannot be trusted: it is signed by an unknown authority"},
		{sender, strings.Replace(plain.URL, "http:", "https:", 1), "the receiver does not speak TLS on this port"},
		{sender, old, "the receiver refused the TLS connection: tls: protocol version not supported"},
	} {
		got := test.sender.Send(t.Context(), notice(test.target), token)
		if got.Connected || got.StatusCode != 0 || got.Verdict != trust.TryAgain || got.Error != test.want {
			t.Errorf("%s: %+v, want %q", test.target, got, test.want)
		}
	}
}

// TestErrorsKeepSecrets: no attempt has the URL's secrets, even if the URL is invalid.
func TestErrorsKeepSecrets(t *testing.T) {
	sender := newSender(t, callback.Config{})
	for _, target := range []string{
		"http://someone%40example.com:hunter2@127.0.0.1:1/?token=" + token,
		"http://someone:hunter2@127.0.0.1:port/",
		"http://someone:hunter2@[::1/",
		"http://someone:hunter2@/",
		"http://someone:hunter2@host\x7f/",
		"ftp://someone:hunter2@127.0.0.1/" + token,
		"mailto:someone@example.com",
		"hunter2\n",
		"",
	} {
		got := sender.Send(t.Context(), notice(target), token)
		if got.Verdict == trust.Delivered || got.Error == "" {
			t.Errorf("%q: %+v", target, got)
		}
		for _, secret := range []string{"hunter2", token, "someone", "@"} {
			if strings.Contains(got.Error+got.Answer, secret) {
				t.Errorf("%q: the error has %q: %s", target, secret, got.Error)
			}
		}
	}
}
