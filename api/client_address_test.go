package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/api"
)

// TestClientAddress sends true and forged X-Forwarded-For headers from trusted proxies and from other addresses.
func TestClientAddress(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("2001:db8:1::/48")}
	for _, test := range []struct {
		name      string
		trusted   []netip.Prefix
		peer      string
		forwarded []string
		want      string
	}{
		{"no header", proxies, "10.1.2.3:1", nil, "10.1.2.3"},
		{"no trusted proxies", nil, "10.1.2.3:1", []string{"192.0.2.7"}, "10.1.2.3"},
		{"no trusted proxies, from loopback", nil, "127.0.0.1:1", []string{"192.0.2.7"}, "127.0.0.1"},
		{"from a trusted proxy", proxies, "10.1.2.3:1", []string{"192.0.2.7"}, "192.0.2.7"},
		{"from a trusted proxy over IPv6", proxies, "[2001:db8:1::5]:1", []string{"2001:db8:2::7"}, "2001:db8:2::7"},
		{"from another address", proxies, "10.2.0.1:1", []string{"192.0.2.7"}, "10.2.0.1"},
		{"from loopback, which is not a trusted proxy", proxies, "127.0.0.1:1", []string{"192.0.2.7"}, "127.0.0.1"},
		{"an entry forged by the caller", proxies, "10.1.2.3:1", []string{"198.51.100.1, 192.0.2.7"}, "192.0.2.7"},
		{"an entry forged in another header", proxies, "10.1.2.3:1", []string{"198.51.100.1", "192.0.2.7"}, "192.0.2.7"},
		{"through two proxies", proxies, "10.1.2.3:1", []string{"198.51.100.1, 192.0.2.7, 10.1.9.9"}, "192.0.2.7"},
		{"no address", proxies, "10.1.2.3:1", []string{"192.0.2.7, unknown"}, "10.1.2.3"},
		{"IPv4-mapped", proxies, "[::ffff:192.0.2.7]:1", nil, "192.0.2.7"},
		{"not a TCP connection", proxies, "@", nil, "invalid IP"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got netip.Addr
			handler := newHandler(t, backend{}, api.Config{
				TrustedProxies: test.trusted,
				Authenticate: func(ctx context.Context, _, _ string) (string, error) {
					got = api.ClientAddress(ctx)
					return account, nil
				},
			})
			r := newRequest(strings.NewReader(form))
			r.RemoteAddr = test.peer
			for _, value := range test.forwarded {
				r.Header.Add("X-Forwarded-For", value)
			}
			answerOf(t, handler, r)
			if got.String() != test.want {
				t.Errorf("got %v, want %s", got, test.want)
			}
		})
	}
}

// TestRefusedCallersAreLogged expects the account SID and the address of refused callers in the log, and nothing else of their
// credentials. Of other callers, neither is logged.
func TestRefusedCallersAreLogged(t *testing.T) {
	limited := "AC11111111111111111111111111111111"
	var log bytes.Buffer
	handler := newHandler(t, backend{}, api.Config{
		Logger: slog.New(slog.NewJSONHandler(&log, nil)),
		Authenticate: func(ctx context.Context, username, password string) (string, error) {
			if username == limited {
				return "", api.NewError(api.CodeTooManyRequests, "", nil)
			}
			return authenticate(ctx, username, password)
		},
	})
	const peer = "192.0.2.7"
	for _, test := range []struct {
		name, username, password string
		status                   int
		sid, address             any
	}{
		{"a wrong token", account, "wrong", http.StatusUnauthorized, account, peer},
		{"too many", limited, token, http.StatusTooManyRequests, limited, peer},
		{"a user name that is not a SID", "person@acme.example", token, http.StatusUnauthorized, nil, peer},
		{"a token instead of the user name", token, "", http.StatusUnauthorized, nil, peer},
		{"no credentials", "", "", http.StatusUnauthorized, nil, peer},
		{"the right credentials", account, token, http.StatusCreated, nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			log.Reset()
			r := newRequest(strings.NewReader(form))
			r.RemoteAddr = peer + ":4711"
			r.SetBasicAuth(test.username, test.password)
			if test.username == "" {
				r.Header.Del("Authorization")
			}
			if w, _ := answerOf(t, handler, r); w.Code != test.status {
				t.Errorf("status %d, want %d", w.Code, test.status)
			}
			var line map[string]any
			if err := json.Unmarshal(log.Bytes(), &line); err != nil {
				t.Fatal(err)
			}
			if line["account_sid"] != test.sid || line["client_address"] != test.address {
				t.Errorf("logged %s", &log)
			}
			for _, secret := range []string{token, "wrong", "person"} {
				if strings.Contains(log.String(), secret) {
					t.Errorf("the log has %q: %s", secret, &log)
				}
			}
		})
	}
}
