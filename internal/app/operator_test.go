package app_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/app"
)

// TestWhereOperatorsCall starts servers that listen on loopback and on all addresses, with and without an address for operators.
func TestWhereOperatorsCall(t *testing.T) {
	t.Parallel()
	const own, shared, off = "own", "shared", "off"
	for name, test := range map[string]struct {
		listen   string
		operator app.Operator
		want     string
	}{
		"loopback":                 {"127.0.0.1:0", app.Operator{Token: "secret"}, shared},
		"no token":                 {"127.0.0.1:0", app.Operator{Listen: "127.0.0.1:0"}, off},
		"all addresses":            {"0.0.0.0:0", app.Operator{Token: "secret"}, off},
		"all addresses, in a test": {"0.0.0.0:0", app.Operator{Token: "secret", Share: true}, shared},
		"its own":                  {"0.0.0.0:0", app.Operator{Token: "secret", Listen: "127.0.0.1:0"}, own},
		"its own beside loopback":  {"127.0.0.1:0", app.Operator{Token: "secret", Listen: "127.0.0.1:0"}, own},

		"console on loopback":                 {"127.0.0.1:0", app.Operator{Console: true}, shared},
		"console on all addresses":            {"0.0.0.0:0", app.Operator{Console: true}, off},
		"console on all addresses, in a test": {"0.0.0.0:0", app.Operator{Console: true, Share: true}, shared},
		"console with its own":                {"0.0.0.0:0", app.Operator{Console: true, Listen: "127.0.0.1:0"}, own},
		"both":                                {"127.0.0.1:0", app.Operator{Token: "secret", Console: true}, shared},
		"both with their own":                 {"0.0.0.0:0", app.Operator{Token: "secret", Console: true, Listen: "127.0.0.1:0"}, own},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			a, err := app.New(t.Context(), app.Config{
				Store: openStore(t), Now: time.Now, Listen: test.listen, Operator: test.operator,
				Logger: slog.New(slog.NewTextHandler(&log, nil)),
			})
			if err != nil {
				t.Fatal(err)
			}
			said := strings.Contains(log.String(), "the operator API is off: ")
			saidConsole := strings.Contains(log.String(), "the console is off: ")
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- a.Run(ctx) }()

			statusIf := func(on bool, status int) int {
				if on {
					return status
				}
				return http.StatusNotFound
			}
			hasAPI, hasConsole := test.operator.Token != "", test.operator.Console
			wantStatus(t, a.Addr(), "/v1/TrustProducts", http.StatusOK)
			wantStatus(t, a.Addr(), "/", http.StatusNotFound)
			wantStatus(t, a.Addr(), "/operator/v1/accounts", statusIf(hasAPI && test.want == shared, http.StatusUnauthorized))
			wantStatus(t, a.Addr(), "/console/login", statusIf(hasConsole && test.want == shared, http.StatusOK))
			switch address := a.OperatorAddr(); {
			case test.want == off && address != nil:
				t.Errorf("the address for operators is %s, want none", address)
			case test.want == shared && address != a.Addr():
				t.Errorf("the address for operators is %s, want that of the server", address)
			case test.want == own:
				wantStatus(t, address, "/operator/v1/accounts", statusIf(hasAPI, http.StatusUnauthorized))
				wantStatus(t, address, "/console/login", statusIf(hasConsole, http.StatusOK))
				wantStatus(t, address, "/v1/TrustProducts", http.StatusNotFound)
			}
			if want := test.want == off && test.operator.Token != ""; said != want {
				t.Errorf("the start says that the API is off: %t, want %t", said, want)
			}
			if want := test.want == off && test.operator.Console; saidConsole != want {
				t.Errorf("the start says that the console is off: %t, want %t", saidConsole, want)
			}
			stop()
			if err := errors.Join(<-ended, a.Close()); err != nil {
				t.Error(err)
			}
			if address := a.OperatorAddr(); test.want == own {
				if c, err := net.Dial("tcp", address.String()); err == nil {
					_ = c.Close()
					t.Error("the address for operators accepts connections after Run")
				}
			}
		})
	}
}

// wantStatus requests a path with the credentials of an account.
func wantStatus(t *testing.T, address net.Addr, path string, want int) {
	t.Helper()
	_, port, err := net.SplitHostPort(address.String())
	if err != nil {
		t.Fatal(err)
	}
	if got := get(t, "http://127.0.0.1:"+port+path); got != want {
		t.Errorf("%s at %s: status %d, want %d", path, address, got, want)
	}
}

// TestOperatorAddressTaken starts a server whose address for operators is taken: New fails and leaves nothing open.
func TestOperatorAddressTaken(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	db := openStore(t)
	if _, err := app.New(t.Context(), app.Config{
		Store: db, Now: time.Now, Listen: "127.0.0.1:0", Operator: app.Operator{Token: "secret", Listen: taken.Addr().String()},
	}); err == nil {
		t.Error("New returned no error")
	}
	if !isClosed(db) {
		t.Error("the store is open")
	}
}

// TestRoot sends browsers to the console, and programs nowhere.
func TestRoot(t *testing.T) {
	t.Parallel()
	for _, on := range []bool{false, true} {
		a, err := app.New(t.Context(), app.Config{Store: openStore(t), Now: time.Now, Operator: app.Operator{Console: on}})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close() //nolint:errcheck // tested by TestStop
		for accept, want := range map[string]string{"text/html,*/*": "/console/", "*/*": ""} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
			r.Header.Set("Accept", accept)
			w := httptest.NewRecorder()
			a.Handler().ServeHTTP(w, r)
			if !on {
				want = ""
			}
			if got := w.Header().Get("Location"); got != want {
				t.Errorf("console %t, Accept %s: sent to %q, want %q", on, accept, got, want)
			}
		}
	}
}
