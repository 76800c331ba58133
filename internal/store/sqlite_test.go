package store_test

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/opentrusthub/trusthub/internal/store"
)

// What is SQLite's own: the file.

// Several processes may start on a file that is not there yet: one makes the tables, the others find them made. All files
// are opened at once, since who loses a race looks again after a second.
func TestConcurrentOpen(t *testing.T) {
	const files, openers = 10, 8
	dir := t.TempDir()
	path := func(file int) string { return filepath.Join(dir, strconv.Itoa(file)) }
	var running sync.WaitGroup
	for file := range files {
		for i := range openers {
			running.Go(func() { openAndPut(t, path(file), i) })
		}
	}
	running.Wait()
	for file := range files {
		accounts, err := openFile(t, path(file)).Accounts(t.Context())
		if err != nil || len(accounts) != openers {
			t.Errorf("%d accounts, error %v, want %d", len(accounts), err, openers)
		}
	}
}

// openAndPut opens the file and stores an account in it that differs for each i.
func openAndPut(t *testing.T, path string, i int) {
	t.Helper()
	s, err := store.Open(t.Context(), path, store.Options{})
	if err != nil {
		t.Error(err)
		return
	}
	defer closeStore(t, s)
	sid := accountSID[:len(accountSID)-1] + string(rune('0'+i))
	if err := s.PutAccount(t.Context(), store.Account{SID: sid, AuthToken: "token", Created: at}); err != nil {
		t.Error(err)
	}
}

// The file is the one that was named, whatever a URL would make of the name, and only its owner may read it.
func TestFile(t *testing.T) {
	for _, name := range []string{
		"trusthub.db", "with space", "what?", "what?mode=memory", "#1", "100%", "%41", "a&b=c+d;e", "日本 \U0001F600", "file:x",
		"-x", `back\slash`, "..db", "sub/dir", ":memory:",
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir()) // so that a name without a folder is tried too
			check(t, os.Mkdir("sub", 0o700))
			check(t, openFile(t, name).Bundles.Create(t.Context(), draft()))
			wantBundle(t, openFile(t, name), draft())

			files, err := filepath.Glob(filepath.Join(filepath.Dir(name), "*"))
			check(t, err)
			for _, file := range files {
				info, err := os.Stat(file)
				check(t, err)
				switch base := filepath.Clean(name); {
				case info.IsDir():
				case !slices.Contains([]string{base, base + "-wal", base + "-shm"}, file):
					t.Errorf("there is a file %q", file)
				case info.Mode().Perm() != 0o600:
					t.Errorf("%q has mode %o, want 600", file, info.Mode().Perm())
				}
			}
			if _, err := os.Stat(name); err != nil {
				t.Error(err)
			}
		})
	}
}
