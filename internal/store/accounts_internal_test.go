package store

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/test/kit/pgtest"
)

// An account is found while all other connections are in use.
func TestAuthenticationHasConnectionsOfItsOwn(t *testing.T) {
	for engine, database := range map[string]string{
		"sqlite": filepath.Join(t.TempDir(), "trusthub.db"), "postgres": pgtest.New(t),
	} {
		t.Run(engine, func(t *testing.T) {
			s, err := Open(t.Context(), database, Options{MaxConns: 3})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close() //nolint:errcheck // a test's database
			if err := s.PutAccount(t.Context(), Account{SID: "AC", AuthToken: "token"}); err != nil {
				t.Fatal(err)
			}
			for range s.reader.Stats().MaxOpenConnections {
				conn, err := s.reader.Conn(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close() //nolint:errcheck // as above
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if a, err := s.Account(ctx, "AC"); err != nil || a.AuthToken != "token" {
				t.Errorf("%+v, error %v", a, err)
			}
		})
	}
}
