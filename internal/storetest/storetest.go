// Package storetest opens databases for tests, so that what a store does is tested on every engine that there is.
//
// It guarantees a database of its own to each test, which is gone afterwards. It holds no tests and is no mock: the
// databases are real.
package storetest

import (
	"path/filepath"
	"testing"

	"github.com/opentrusthub/trusthub/internal/pgtest"
	"github.com/opentrusthub/trusthub/internal/store"
)

// Names returns a function for each engine that gives a test the name of a database, empty at first, for store.Open.
func Names() map[string]func(tb testing.TB) string {
	return map[string]func(tb testing.TB) string{
		"sqlite": func(tb testing.TB) string {
			tb.Helper()
			return filepath.Join(tb.TempDir(), "trusthub.db")
		},
		"postgres": pgtest.New,
	}
}

// Open opens a database until the test ends, or until the test itself closes it.
func Open(tb testing.TB, name string) *store.Store {
	tb.Helper()
	s, err := store.Open(tb.Context(), name, store.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("close: %v", err)
		}
	})
	return s
}

// Each runs a test on every engine.
func Each(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	for name, database := range Names() {
		t.Run(name, func(t *testing.T) { test(t, Open(t, database(t))) })
	}
}
