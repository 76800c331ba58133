package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// TestBackUpBesideWriters backs up a database while bundles are created: each that was acknowledged before the backup began must
// be in it.
func TestBackUpBesideWriters(t *testing.T) {
	t.Parallel()
	name := storetest.Names()["sqlite"](t)
	s := openFile(t, name)
	var acknowledged atomic.Int64 // all bundles up to this number
	stop := make(chan struct{})
	var group errgroup.Group
	group.Go(func() error {
		for i := 1; ; i++ {
			select {
			case <-stop:
				return nil
			default:
			}
			b := draft()
			b.SID = fmt.Sprintf("BU%032d", i)
			if err := s.Bundles.Create(t.Context(), b); err != nil {
				return err
			}
			acknowledged.Store(int64(i))
		}
	})
	dir := t.TempDir()
	for round := range 5 {
		to := filepath.Join(dir, fmt.Sprintf("backup%d.db", round))
		before := acknowledged.Load()
		made, err := store.BackUp(t.Context(), name, to, false)
		check(t, err)
		after := acknowledged.Load() + 1 // the next one may be stored, and not yet acknowledged
		if n := made.Rows["bundles"]; n < before || n > after {
			t.Errorf("the backup has %d bundles; %d were acknowledged before it, %d after it", n, before, after)
		}
		copied := openFile(t, to)
		for i := range before {
			if _, err := copied.Bundle(t.Context(), fmt.Sprintf("BU%032d", i+1)); err != nil {
				t.Fatalf("bundle %d of %d that were acknowledged before: %v", i+1, before, err)
			}
		}
	}
	close(stop)
	check(t, group.Wait())
}

// TestVerifyBackup damages a backup in the ways that a disk or a transfer does.
func TestVerifyBackup(t *testing.T) {
	t.Parallel()
	name := storetest.Names()["sqlite"](t)
	s := openFile(t, name)
	createMany(t, s, 500)
	dir := t.TempDir()
	whole := filepath.Join(dir, "whole.db")
	made, err := store.BackUp(t.Context(), name, whole, false)
	check(t, err)
	if found, err := store.VerifyBackup(t.Context(), whole); err != nil || found.SHA256 != made.SHA256 || found.Rows["bundles"] != 500 {
		t.Errorf("verified %+v, %v", found, err)
	}
	if _, err := store.BackUp(t.Context(), name, whole, false); !errors.Is(err, store.ErrExists) {
		t.Errorf("a second backup to the same name: %v", err)
	}
	content, err := os.ReadFile(whole)
	check(t, err)
	const page = 4096
	for damage, edit := range map[string]func([]byte) []byte{
		"cut in a page":        func(b []byte) []byte { return b[:len(b)-100] },
		"cut after a page":     func(b []byte) []byte { return b[:len(b)-page] },
		"cut in half":          func(b []byte) []byte { return b[:len(b)/2] },
		"a page of zeros":      func(b []byte) []byte { clear(b[len(b)-page:]); return b },
		"a page of the header": func(b []byte) []byte { clear(b[:100]); return b },
	} {
		path := filepath.Join(dir, "damaged.db")
		check(t, os.WriteFile(path, edit(append([]byte(nil), content...)), 0o600))
		if found, err := store.VerifyBackup(t.Context(), path); !errors.Is(err, store.ErrBroken) {
			t.Errorf("%s: %+v, %v", damage, found, err)
		}
	}
	if _, err := store.VerifyBackup(t.Context(), name); !errors.Is(err, store.ErrInUse) {
		t.Errorf("the database itself: %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
