package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/test/kit/pgtest"
)

// thing is a resource for tests: a table, and nothing else.
type thing struct {
	SID, Owner, Colour string
	Size               int
	Created            time.Time
}

var things = newTable(
	layout{name: "things", scope: []string{"owner"}},
	fixed(text("sid", func(t *thing) *string { return &t.SID })),
	fixed(text("owner", func(t *thing) *string { return &t.Owner })),
	text("colour", func(t *thing) *string { return &t.Colour }),
	number("size", func(t *thing) *int { return &t.Size }),
	fixed(moment("created_at", func(t *thing) *time.Time { return &t.Created })),
)

// TestResource does with a declared table all that a Resource can do.
func TestResource(t *testing.T) {
	for engine, name := range map[string]string{"sqlite": filepath.Join(t.TempDir(), "trusthub.db"), "postgres": pgtest.New(t)} {
		t.Run(engine, func(t *testing.T) {
			s, err := Open(t.Context(), name, Options{})
			must(t, err)
			defer s.Close() //nolint:errcheck // a test's database
			_, err = s.exec(t.Context(), `CREATE TABLE things
				(sid TEXT PRIMARY KEY, owner TEXT NOT NULL, colour TEXT NOT NULL, size BIGINT NOT NULL, created_at BIGINT NOT NULL)`)
			must(t, err)
			r := newResource(s, things)
			testRows(t, r)
			testRefusals(t, r)
		})
	}
}

func testRows(t *testing.T, r *Resource[thing]) {
	t.Helper()
	ctx, mine := t.Context(), Scope{"me"}
	for i := range 9 {
		must(t, r.Create(ctx, thing{fmt.Sprint("T", i), "me", []string{"red", "blue"}[i%2], i, time.UnixMicro(1).UTC()}))
	}
	must(t, r.Create(ctx, thing{SID: "X", Owner: "you"}))

	want := thing{"T3", "me", "green", 3, time.UnixMicro(1).UTC()}
	got, err := r.Update(ctx, mine, "T3", func(row *thing) (bool, error) {
		row.Colour, row.Owner = "green", "nobody" // which is fixed
		return true, nil
	})
	must(t, err)
	if got.Colour != "green" {
		t.Errorf("updated to %+v", got)
	}
	if got, err = r.Fetch(ctx, mine, "T3"); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("fetched %+v, %v, want %+v", got, err, want)
	}
	if n, err := r.Count(ctx, mine, 100); n != 9 || err != nil {
		t.Errorf("counted %d, %v", n, err)
	}
	part, err := r.List(ctx, Query{
		Of: mine, Where: map[string]string{"colour": "blue"}, Range: Range{After: "T7", Limit: 1, Bytes: 1000, Step: 5},
	})
	if err != nil || len(part.Rows) != 1 || part.Rows[0].SID != "T5" || r.Key(part.Rows[0]) != "T5" || part.Beyond == "" {
		t.Errorf("listed %+v, %v", part, err)
	}
}

func testRefusals(t *testing.T, r *Resource[thing]) {
	t.Helper()
	ctx, mine, refused := t.Context(), Scope{"me"}, errors.New("refused")
	if _, err := r.Update(ctx, mine, "T1", func(row *thing) (bool, error) { row.Colour = "none"; return true, refused }); err != refused { //nolint:errorlint // the very error
		t.Errorf("a refused update: %v", err)
	}
	row, err := r.Update(ctx, mine, "T1", func(row *thing) (bool, error) { row.Colour = "none"; return false, nil })
	if err != nil || row.Colour != "blue" {
		t.Errorf("an update of nothing: %+v, %v", row, err)
	}
	if row, err := r.Fetch(ctx, mine, "T1"); err != nil || row.Colour != "blue" {
		t.Errorf("after that: %+v, %v", row, err)
	}
	for what, do := range map[string]func(Scope) error{
		"fetch":  func(of Scope) error { _, err := r.Fetch(ctx, of, "X"); return err },
		"update": func(of Scope) error { _, err := r.Update(ctx, of, "X", nil); return err },
	} {
		if err := do(mine); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s of another's: %v", what, err)
		}
		if err := do(nil); err == nil || errors.Is(err, ErrNotFound) {
			t.Errorf("%s without a scope: %v", what, err)
		}
	}
	if _, err := r.Count(ctx, nil, 1); err == nil {
		t.Error("counted without a scope")
	}
	if _, err := r.List(ctx, Query{Range: Range{Limit: 1, Bytes: 1, Step: 1}}); err == nil {
		t.Error("listed without a scope")
	}
	if _, err := r.List(ctx, Query{Of: mine, Where: map[string]string{"1 = 1 OR colour": ""}}); err == nil {
		t.Error("filtered by an unknown column")
	}
}
