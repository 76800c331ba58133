package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

const (
	testFolderPrefix = "trusthub-test-"
	lockName         = "lock"
)

// testFolder is the temporary folder of a `serve --test`. A lock on a file in it is held until the folder is removed or the
// process dies, however it does: a folder whose lock can be taken is a dead server's.
type testFolder struct {
	path string
	lock *flock.Flock
}

// newTestFolder makes a folder. Where another process takes it for a leftover, in the moment before the lock is taken, it
// makes another one.
func newTestFolder() (testFolder, error) {
	const tries = 10
	for try := 1; ; try++ {
		path, err := os.MkdirTemp("", testFolderPrefix)
		if err != nil {
			return testFolder{}, err
		}
		folder := testFolder{path, flock.New(filepath.Join(path, lockName))}
		err = folder.lock.Lock()
		if err == nil {
			if _, err = os.Stat(folder.lock.Path()); err == nil {
				return folder, nil
			}
		}
		if !errors.Is(err, fs.ErrNotExist) || try == tries {
			return testFolder{}, errors.Join(err, folder.remove())
		}
		if err := folder.lock.Close(); err != nil {
			return testFolder{}, err
		}
	}
}

// remove removes the folder, the lock last: what is left where that is interrupted is still seen to be a leftover.
func (f testFolder) remove() error {
	entries, err := os.ReadDir(f.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, entry := range entries {
		if entry.Name() == lockName {
			continue
		}
		if err := os.RemoveAll(filepath.Join(f.path, entry.Name())); err != nil {
			return err
		}
	}
	// While the lock is held, so that a server that waits for it sees that its folder is gone (newTestFolder). Windows removes no
	// open file; there that server's own handle keeps the file in its place, and with it the folder.
	_ = os.Remove(f.lock.Path())
	err = f.lock.Close()
	for _, path := range []string{f.lock.Path(), f.path} {
		if removed := os.Remove(path); removed != nil && !errors.Is(removed, fs.ErrNotExist) {
			err = errors.Join(err, removed)
		}
	}
	return err
}

// removeLeftovers removes the folders of servers that have died without doing it. What cannot be removed, or has no lock and so
// may be anybody's, is left alone: it keeps no server from starting.
func removeLeftovers() {
	locks, err := fs.Glob(os.DirFS(os.TempDir()), testFolderPrefix+"*/"+lockName)
	if err != nil {
		return
	}
	for _, name := range locks {
		path := filepath.Join(os.TempDir(), filepath.FromSlash(name))
		if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
			continue
		}
		lock := flock.New(path, flock.SetFlag(os.O_RDWR)) // without os.O_CREATE
		if taken, err := lock.TryLock(); err != nil || !taken {
			continue
		}
		_ = testFolder{filepath.Dir(path), lock}.remove()
	}
}
