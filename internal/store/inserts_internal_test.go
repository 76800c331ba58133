package store

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/pgtest"
)

// TestInsertsShareAStatement has a bundle among others that Postgres cannot take, and one whose caller has gone.
func TestInsertsShareAStatement(t *testing.T) {
	s, err := Open(t.Context(), pgtest.New(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // what was stored has been read
	gone, leave := context.WithCancel(t.Context())
	leave()
	var batch []*insert[trust.Bundle]
	for n, ctx := range []context.Context{t.Context(), t.Context(), gone, t.Context()} {
		p := trust.NewBundle(trust.TrustProduct, fmt.Sprint("BU", n), "AC", "RN", "Acme", "a@b.example", "", time.UnixMilli(1))
		if n == 1 {
			p.FriendlyName = "\x00"
		}
		batch = append(batch, &insert[trust.Bundle]{ctx: ctx, row: p, done: make(chan struct{})})
	}
	s.Bundles.inserts.waiting, s.Bundles.inserts.running = batch, 1
	s.Bundles.inserts.insertAll()

	for n, wantStored := range []bool{true, false, false, true} {
		_, err := s.Bundles.Fetch(t.Context(), BundlesOf("AC", trust.TrustProduct), batch[n].row.SID)
		if stored := err == nil; stored != wantStored || (!stored && !errors.Is(err, ErrNotFound)) {
			t.Errorf("bundle %d: %v, want it stored: %t", n, err, wantStored)
		}
		if told := batch[n].err; batch[n].started && (told == nil) != wantStored {
			t.Errorf("bundle %d: its caller was told %v", n, told)
		}
	}
	if batch[2].started {
		t.Error("a bundle was taken whose caller had gone")
	}
	if s.Bundles.inserts.running != 0 {
		t.Errorf("%d goroutines are said to run", s.Bundles.inserts.running)
	}
}

// TestInsertOutlivesItsCaller has the caller go while the bundle is being stored: he must not be told that it was not.
func TestInsertOutlivesItsCaller(t *testing.T) {
	ctx, leave := context.WithCancel(t.Context())
	i := &inserts[trust.Bundle]{run: func([]trust.Bundle) error {
		leave()
		<-t.Context().Done() // until the test has ended
		return nil
	}}
	if err := i.do(ctx, trust.Bundle{}); !errors.Is(err, ErrUncertain) {
		t.Errorf("got %v, want ErrUncertain", err)
	}
}

// TestKeyedInsertsShareATransaction has keys among others that were used before: by a stored request, and by one in the same batch.
func TestKeyedInsertsShareATransaction(t *testing.T) {
	s, err := Open(t.Context(), pgtest.New(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // what was stored has been read
	if _, err := s.Bundles.CreateOnce(t.Context(), keyed(0, "used", "body").saved.Request, keyed(0, "used", "body").row); err != nil {
		t.Fatal(err)
	}
	broken := keyed(6, "broken", "body")
	broken.row.FriendlyName = "\x00" // which Postgres cannot take
	batch := []*keyedRow[trust.Bundle]{
		keyed(1, "z", "body"), keyed(2, "used", "body"), keyed(3, "used", "other"), keyed(4, "a", "body"), keyed(5, "z", "body"),
		keyed(7, "last", "body"), broken,
	}
	var running []*insert[*keyedRow[trust.Bundle]]
	for _, one := range batch {
		running = append(running, &insert[*keyedRow[trust.Bundle]]{ctx: t.Context(), row: one, done: make(chan struct{})})
	}
	s.Bundles.keyedInserts.insert(running[:5])
	s.Bundles.keyedInserts.insert(running[5:])
	for n, want := range []struct {
		answer string
		err    error
	}{{"BU1", nil}, {"BU0", nil}, {"", ErrKeyReused}, {"BU4", nil}, {"BU1", nil}, {"BU7", nil}} {
		if got := batch[n]; running[n].err != nil || got.answer.SID != want.answer || !errors.Is(got.err, want.err) {
			t.Errorf("row %d: %q, %v, %v, want %q, %v", n, got.answer.SID, got.err, running[n].err, want.answer, want.err)
		}
	}
	if running[6].err == nil {
		t.Error("the broken row was stored")
	}
	for n, wantStored := range []bool{true, true, false, false, true, false, false, true} {
		_, err := s.Bundles.Fetch(t.Context(), BundlesOf("AC", trust.TrustProduct), fmt.Sprint("BU", n))
		if stored := err == nil; stored != wantStored || (!stored && !errors.Is(err, ErrNotFound)) {
			t.Errorf("bundle %d: %v, want it stored: %t", n, err, wantStored)
		}
	}
	if _, err := s.Bundles.EarlierAnswer(t.Context(), broken.saved.Request); !errors.Is(err, ErrNotFound) {
		t.Errorf("the key of the broken row: %v", err)
	}
}

// keyed returns a bundle with a key, whose request has this body.
func keyed(n int, key, body string) *keyedRow[trust.Bundle] {
	at := time.UnixMilli(1)
	b := trust.NewBundle(trust.TrustProduct, fmt.Sprint("BU", n), "AC", "RN", "Acme", "a@b.example", "", at)
	text := fmt.Sprintf(`{"SID":%q}`, b.SID)
	return &keyedRow[trust.Bundle]{row: b, saved: savedAnswer{Request{"AC", key, "CreateTrustProduct", body, at}, text}}
}
