package callback

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/opentrusthub/trusthub/internal/trust"
)

const (
	maxAnswerBytes = 1 << 10  // kept
	maxDrainBytes  = 32 << 10 // read beyond that to reuse the connection; for more, a new one is cheaper
	maxRetryAfter  = 24 * time.Hour
)

// judge returns what an HTTP status means for the delivery and, if that failed, why.
func judge(status int) (trust.Verdict, string) {
	answered := strings.TrimSpace(fmt.Sprintf("the receiver answered %d %s", status, http.StatusText(status)))
	switch {
	case status/100 == 2:
		return trust.Delivered, ""
	case status == http.StatusGone:
		return trust.Refused, answered + ", which ends the delivery"
	case status/100 == 3:
		return trust.TryAgain, answered + "; redirects are not followed"
	}
	return trust.TryAgain, answered
}

// readAnswer returns the start of a response as text that any database can store and any terminal can show.
func readAnswer(body io.Reader) string {
	// An incomplete body does not matter: the status decides.
	start, _ := io.ReadAll(io.LimitReader(body, maxAnswerBytes))
	_, _ = io.CopyN(io.Discard, body, maxDrainBytes)
	text := strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) || r == '\n' || r == '\t' {
			return r
		}
		return utf8.RuneError
	}, strings.ToValidUTF8(string(start), string(utf8.RuneError)))
	for len(text) > maxAnswerBytes { // a replacement is longer than what it replaces
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return text
}

// failure says why there is no response. It does not return the error's own text, which may contain what the receiver sent or
// parts of the URL, except for system error numbers and TLS alerts.
func (s *Sender) failure(err error, connected, stopped bool) string {
	if refused, ok := errors.AsType[*refusedError](err); ok {
		return refused.Error()
	}
	if stopped {
		return "the attempt was stopped before the receiver answered"
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		if connected {
			return fmt.Sprintf("no answer within %v", s.timeout)
		}
		return fmt.Sprintf("no connection within %v", min(s.connect, s.timeout))
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		if dns.IsNotFound {
			return "the host name does not exist"
		}
		return "the host name could not be looked up"
	}
	if text := tlsFailure(err); text != "" {
		return text
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return "the connection failed: " + errno.Error()
	}
	if connected {
		return "the connection broke, or what came was not an HTTP answer"
	}
	return "no connection could be made"
}

func tlsFailure(err error) string {
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "the receiver does not speak TLS on this port"
	}
	// This is how crypto/tls marks an alert that it received; the type of the alert is not exported.
	if alert, ok := errors.AsType[*net.OpError](err); ok && alert.Op == "remote error" {
		return "the receiver refused the TLS connection: " + alert.Err.Error()
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); !ok {
		return ""
	}
	const cannotTrust = "the receiver's TLS certificate cannot be trusted: "
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return cannotTrust + "it is for another name"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return cannotTrust + "it is signed by an unknown authority"
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return cannotTrust + "it has expired or is not valid yet"
	}
	return cannotTrust + "it is not valid"
}
