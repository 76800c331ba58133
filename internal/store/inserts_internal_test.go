package store

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

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

// TestKeyedInsertsShareAStatement has keys among others that were used before: by a stored request, and by one in the same batch.
func TestKeyedInsertsShareAStatement(t *testing.T) {
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
	for n, wantStored := range []bool{true, false, false, true, false, true} {
		if running[n].err != nil || batch[n].stored != wantStored {
			t.Errorf("row %d: stored %t, %v, want %t", n, batch[n].stored, running[n].err, wantStored)
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

// TestKeyRemovedInBetween has a create find its key in use, which is removed before the answer is read.
func TestKeyRemovedInBetween(t *testing.T) {
	s, err := Open(t.Context(), pgtest.New(t), Options{})
	must(t, err)
	defer s.Close() //nolint:errcheck // what was stored has been read
	inUse := true
	s.Bundles.keyedInserts.run = func(all []*keyedRow[trust.Bundle]) error {
		if inUse {
			inUse = false
			return nil
		}
		return s.Bundles.insertKeyedTogether(all)
	}
	one := keyed(1, "key", "body")
	answer, err := s.Bundles.CreateOnce(t.Context(), one.saved.Request, one.row)
	must(t, err)
	stored, err := s.Bundles.EarlierAnswer(t.Context(), one.saved.Request)
	if err != nil || stored.SID != one.row.SID || answer.SID != one.row.SID {
		t.Errorf("answer %q, stored %q, %v, want %q", answer.SID, stored.SID, err, one.row.SID)
	}
}

// TestCollisionsAreRepeated has Postgres abort a statement twice in favour of another.
func TestCollisionsAreRepeated(t *testing.T) {
	s, err := Open(t.Context(), pgtest.New(t), Options{})
	must(t, err)
	defer s.Close() //nolint:errcheck // nothing was stored
	collisions := []error{&pgconn.PgError{Code: "40P01"}, &pgconn.PgError{Code: "40001"}}
	must(t, s.writeOne(t.Context(), func(session) error {
		if len(collisions) == 0 {
			return nil
		}
		collision := collisions[0]
		collisions = collisions[1:]
		return collision
	}))
}

// keyed returns a bundle with a key, whose request has this body.
func keyed(n int, key, body string) *keyedRow[trust.Bundle] {
	at := time.UnixMilli(1)
	b := trust.NewBundle(trust.TrustProduct, fmt.Sprint("BU", n), "AC", "RN", "Acme", "a@b.example", "", at)
	text := fmt.Sprintf(`{"SID":%q}`, b.SID)
	return &keyedRow[trust.Bundle]{row: b, saved: savedAnswer{Request{"AC", key, "CreateTrustProduct", body, at}, text}}
}
