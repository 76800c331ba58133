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
