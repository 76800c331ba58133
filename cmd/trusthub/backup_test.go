package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/programtest"
)

// TestBackupKilled kills `trusthub backup` while it writes: there must be no file of the backup's name, or the one from before.
func TestBackupKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	useStore(t, filepath.Join(dir, "trusthub.db"), func(s *store.Store) error { return createBundles(t, s, 20_000) })
	backup := func(args ...string) *programtest.Process {
		p, err := programtest.Launch(programtest.Command{
			Path: "trusthub", Args: append([]string{"backup", "--to", "backup.db"}, args...), Dir: dir,
			Env: []string{"GORACE=" + noRaceDelay},
		})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	killMidway := func(args ...string) {
		t.Helper()
		p := backup(args...)
		deadline := time.Now().Add(waitLimit)
		for ticker := time.NewTicker(time.Millisecond); ; <-ticker.C {
			written, err := filepath.Glob(filepath.Join(dir, ".backup.db.*.tmp"))
			if err != nil || time.Now().After(deadline) {
				t.Fatal("no temporary file", err)
			}
			if len(written) == 0 {
				continue
			}
			if info, err := os.Stat(written[0]); err == nil && info.Size() > 0 {
				break
			}
		}
		if err := p.Kill(); err != nil {
			t.Fatal(err)
		}
		left, err := filepath.Glob(filepath.Join(dir, ".backup.db.*.tmp"))
		if err != nil || len(left) != 1 {
			t.Fatalf("the process was not killed midway: %v, %v", left, err)
		}
		if err := os.Remove(left[0]); err != nil {
			t.Fatal(err)
		}
	}

	killMidway()
	if _, err := os.Lstat(filepath.Join(dir, "backup.db")); !os.IsNotExist(err) {
		t.Errorf("a killed backup left its file: %v", err)
	}
	if err := backup().Wait(); err != nil {
		t.Fatal(err)
	}
	before, err := store.VerifyBackup(t.Context(), filepath.Join(dir, "backup.db"))
	if err != nil {
		t.Fatal(err)
	}
	killMidway("--force")
	after, err := store.VerifyBackup(t.Context(), filepath.Join(dir, "backup.db"))
	if err != nil || after.SHA256 != before.SHA256 {
		t.Errorf("a killed backup changed the one from before: %v", err)
	}
}

func createBundles(t *testing.T, s *store.Store, n int) error {
	t.Helper()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var group errgroup.Group
	group.SetLimit(256)
	for i := range n {
		group.Go(func() error {
			sid := fmt.Sprintf("BU%032d", i+1)
			b := trust.NewBundle(trust.TrustProduct, sid, "ACa0000000000000000000000000000001", "RN00000000000000000000000000000001",
				"Acme, Inc.", "compliance@acme.example", "https://acme.example/status", at)
			return s.Bundles.Create(t.Context(), b)
		})
	}
	return group.Wait()
}
