package store_test

import (
	"errors"
	"testing"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// BenchmarkUnknownAccount measures what a request with an account that does not exist costs the database.
func BenchmarkUnknownAccount(b *testing.B) {
	for engine, database := range storetest.Names() {
		b.Run(engine, func(b *testing.B) {
			s := storetest.Open(b, database(b))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Account(b.Context(), accountSID); !errors.Is(err, store.ErrNotFound) {
					b.Fatal(err)
				}
			}
		})
	}
}
