package app_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
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
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- a.Run(ctx) }()

			wantStatus(t, a.Addr(), "/v1/TrustProducts", http.StatusOK)
			onMain := http.StatusNotFound
			if test.want == shared {
				onMain = http.StatusUnauthorized
			}
			wantStatus(t, a.Addr(), "/operator/v1/accounts", onMain)
			switch address := a.OperatorAddr(); {
			case test.want == off && address != nil:
				t.Errorf("the address for operators is %s, want none", address)
			case test.want == shared && address != a.Addr():
				t.Errorf("the address for operators is %s, want that of the server", address)
			case test.want == own:
				wantStatus(t, address, "/operator/v1/accounts", http.StatusUnauthorized)
				wantStatus(t, address, "/v1/TrustProducts", http.StatusNotFound)
			}
			if want := test.want == off && test.operator.Token != ""; said != want {
				t.Errorf("the start says that the API is off: %t, want %t", said, want)
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
