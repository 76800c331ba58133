package store

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// While somebody reads, nothing that is written can leave the log. When he has ended, the log shrinks by itself.
func TestLogShrinks(t *testing.T) {
	s := openFile(t)
	reader, err := s.reader.BeginTx(t.Context(), s.engine.snapshot)
	must(t, err)
	var version int64
	must(t, reader.QueryRowContext(t.Context(), `SELECT MAX(version_id) FROM goose_db_version`).Scan(&version)) // it begins here

	p := trust.NewBundle(trust.TrustProduct, "BU0", "AC1", "RN1", "", "a@acme.example", "", time.UnixMilli(1))
	must(t, s.Bundles.Create(t.Context(), p))
	letters := 0
	write := func() {
		letters++ // SQLite writes no page that stays as it is
		_, err := s.ReviewBundle(t.Context(), p.SID, func(p trust.Bundle) (trust.Outcome, error) {
			p.FriendlyName = strings.Repeat(string(rune('A'+letters)), logLimit/8)
			return trust.Outcome{Bundle: p, Changed: true}, nil
		})
		must(t, err)
	}
	for range 16 {
		write()
	}
	size := func() int64 {
		info, err := os.Stat(s.file.path + "-wal")
		must(t, err)
		return info.Size()
	}
	if size() < 2*logLimit {
		t.Fatalf("the log has %d bytes, which does not show anything", size())
	}
	must(t, reader.Rollback())
	for range 3 { // one brings back what is in the log, the next starts it anew
		write()
	}
	if size() > logLimit {
		t.Errorf("the log has %d bytes after the reader has ended, want %d at most", size(), logLimit)
	}
}

// The copies that a savepoint keeps of changed pages stay in memory, on a connection that replaces a broken one as well.
func TestSavepointsStayInMemory(t *testing.T) {
	s := openFile(t)
	for range 2 {
		const memory = 2
		var store int
		must(t, s.write(t.Context(), func(tx session) error { return tx.row(`PRAGMA temp_store`).Scan(&store) }))
		if store != memory {
			t.Errorf("temp_store is %d, want %d", store, memory)
		}
		s.batches.run.discard()
		s.batches.run = nil
	}
}

// A fetch with a context that may end costs no more than one with a context that never does, and fails when it has ended.
func TestFetchIsNotInterrupted(t *testing.T) {
	s, of := openFile(t), BundlesOf("AC1", trust.TrustProduct)
	must(t, s.Bundles.Create(t.Context(), trust.Bundle{SID: "BU1", Kind: trust.TrustProduct, AccountSID: "AC1"}))
	fetch := func(ctx context.Context) func() {
		return func() {
			_, err := s.Bundles.Fetch(ctx, of, "BU1")
			must(t, err)
		}
	}
	ctx, leave := context.WithCancel(t.Context())
	endless := testing.AllocsPerRun(100, fetch(context.Background())) // that of a test may end
	if n := testing.AllocsPerRun(100, fetch(ctx)); n > endless+1 {
		t.Errorf("a fetch allocates %v times, want %v and the context", n, endless)
	}
	leave()
	if _, err := s.Bundles.Fetch(ctx, of, "BU1"); !errors.Is(err, context.Canceled) {
		t.Errorf("a fetch after the end of its context: %v", err)
	}
}
