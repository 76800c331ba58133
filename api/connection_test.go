package api_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/gen/server"
)

// waitLimit is how long an immediate response may take on a busy machine.
const waitLimit = 10 * time.Second

// serveTCP serves the handler on loopback without timeouts, so that a request that waits makes the test fail.
func serveTCP(t *testing.T, handler http.Handler) (address string) {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(func() {
		s.CloseClientConnections() // do not wait for requests that hang
		s.Close()
	})
	return s.Listener.Addr().String()
}

// send sends text over a new connection and returns a reader of the response.
func send(t *testing.T, address, text string) *bufio.Reader {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(waitLimit)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	return bufio.NewReader(conn)
}

// receive reads a response, and reports whether it announces that the connection is closed.
func receive(t *testing.T, conn *bufio.Reader) (status int, body string, closes bool) {
	t.Helper()
	response, err := http.ReadResponse(conn, nil)
	if err != nil {
		t.Fatalf("no response: %v", err)
	}
	defer response.Body.Close() //nolint:errcheck // all of it is read
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("an incomplete response: %v", err)
	}
	return response.StatusCode, string(text), response.Close
}

// TestBodyThatNeverComes announces bodies but does not send them. A request that is refused without its body must get the
// response immediately, and the connection must be closed.
func TestBodyThatNeverComes(t *testing.T) {
	address := serveTCP(t, newHandler(t, backend{}, api.Config{Health: func(context.Context) error { return nil }}))
	waiting := make(map[string]*bufio.Reader) // all at the same time
	requests := map[string]int{
		"POST /v1/TrustProducts":               http.StatusUnauthorized,
		"POST /v1/TrustProducts/" + validSID:   http.StatusUnauthorized,
		"DELETE /v1/TrustProducts/" + validSID: http.StatusUnauthorized,
		"PUT /v1/TrustProducts":                http.StatusMethodNotAllowed,
		"OPTIONS /v1/TrustProducts":            http.StatusNoContent,
		"POST /nowhere":                        http.StatusNotFound,
		"GET /healthz":                         http.StatusOK,
		"GET /docs/swagger-ui.js":              http.StatusOK,
	}
	bodies := []string{"Content-Length: 10", "Content-Length: 1000000000", "Transfer-Encoding: chunked"}
	for request := range requests {
		for _, body := range bodies {
			waiting[request+body] = send(t, address, request+" HTTP/1.1\r\nHost: hub.example\r\n"+body+"\r\n\r\n")
		}
	}
	for request, status := range requests {
		for _, body := range bodies {
			t.Run(request+", "+body, func(t *testing.T) {
				conn := waiting[request+body]
				if got, _, closes := receive(t, conn); got != status || !closes {
					t.Errorf("status %d, closes %t, want status %d and a closed connection", got, closes, status)
				}
				if _, err := conn.ReadByte(); !errors.Is(err, io.EOF) {
					t.Errorf("after the response the connection is not closed: %v", err)
				}
			})
		}
	}
}

// TestConnectionIsKept sends two requests on a connection. The body of the first is read.
func TestConnectionIsKept(t *testing.T) {
	address := serveTCP(t, newHandler(t, backend{}, api.Config{}))
	for body, status := range map[string]int{form: http.StatusCreated, "FriendlyName=Acme": http.StatusBadRequest} {
		r := newRequest(nil)
		request := fmt.Sprintf("POST /v1/TrustProducts HTTP/1.1\r\nHost: hub.example\r\nAuthorization: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
			r.Header.Get("Authorization"), r.Header.Get("Content-Type"), len(body), body)
		conn := send(t, address, request+request)
		for range 2 {
			if got, _, _ := receive(t, conn); got != status {
				t.Errorf("status %d, want %d", got, status)
			}
		}
	}
}

// TestHost sends Host headers that are invalid in a URL, and valid ones.
func TestHost(t *testing.T) {
	healthy := func(context.Context) error { return nil }
	fromHost := serveTCP(t, newHandler(t, backend{}, api.Config{Health: healthy}))
	public := serveTCP(t, newHandler(t, backend{}, api.Config{Health: healthy, PublicURL: "https://public.example"}))
	credentials := "Authorization: " + newRequest(nil).Header.Get("Authorization") + "\r\n"
	for host, want := range map[string]string{
		"Host: hub.example\r\n":      "http://hub.example/",
		"Host: hub.example:8080\r\n": "http://hub.example:8080/",
		"Host: [::1]:8080\r\n":       "http://[::1]:8080/",
		"Host: 127.0.0.1\r\n":        "http://127.0.0.1/",
		"":                           "",
		"Host:\r\n":                  "",
		"Host: %zz\r\n":              "",
		"Host: a%ff\r\n":             "",
		"Host: [::1\r\n":             "",
		"Host: :80\r\n":              "",
		"Host: a:port\r\n":           "",
		"Host: a:99999\r\n":          "",
	} {
		get := func(address, path string) (int, string) {
			status, body, _ := receive(t, send(t, address, "GET "+path+" HTTP/1.0\r\n"+host+credentials+"\r\n"))
			return status, body
		}
		name, path := strings.TrimSpace(host), "/v1/TrustProducts/"+validSID
		status, body := get(fromHost, path)
		var failure gen.Error
		switch {
		case want != "" && !strings.Contains(body, `"url":"`+want):
			t.Errorf("%q: status %d, the response does not use %s: %s", name, status, want, body)
		case want == "" && (json.Unmarshal([]byte(body), &failure) != nil || failure.Status != http.StatusBadRequest ||
			status != http.StatusBadRequest || !strings.Contains(failure.Message, "Host")):
			t.Errorf("%q: status %d: %s", name, status, body)
		}
		for _, probe := range []string{"/healthz", "/livez"} {
			if status, _ := get(fromHost, probe); status != http.StatusOK {
				t.Errorf("%q: %s has status %d", name, probe, status)
			}
		}
		if status, _ := get(public, path); status != http.StatusOK {
			t.Errorf("%q: with a public URL, status %d", name, status)
		}
	}
}

// TestCallerDisconnects: a caller that disconnects during its request is not an error of the server.
func TestCallerDisconnects(t *testing.T) {
	for name, test := range map[string]struct {
		goes         bool
		fails        error // instead of the context's error
		level        string
		loggedStatus int
	}{
		"the caller disconnects":      {true, nil, "INFO", 499},
		"the operation times out":     {false, context.DeadlineExceeded, "ERROR", http.StatusServiceUnavailable},
		"something else was canceled": {false, context.Canceled, "ERROR", http.StatusServiceUnavailable},
		"a defect, and no caller":     {true, io.ErrUnexpectedEOF, "ERROR", http.StatusInternalServerError},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			waiting := backend{create: func(
				ctx context.Context, _ server.CreateTrustProductRequestObject,
			) (server.CreateTrustProductResponseObject, error) {
				if test.goes {
					leave()
					<-ctx.Done()
				}
				if test.fails != nil {
					return nil, test.fails
				}
				return nil, fmt.Errorf("wait for the database: %w", ctx.Err())
			}}
			var log bytes.Buffer
			handler := newHandler(t, waiting, api.Config{Logger: slog.New(slog.NewJSONHandler(&log, nil))})
			handler.ServeHTTP(httptest.NewRecorder(), newRequest(strings.NewReader(form)).WithContext(ctx))
			var line struct {
				Level  string
				Status int
			}
			if err := json.Unmarshal(log.Bytes(), &line); err != nil || line.Level != test.level || line.Status != test.loggedStatus {
				t.Errorf("logged %s, error %v, want level %s, status %d", &log, err, test.level, test.loggedStatus)
			}
		})
	}
}
