package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
)

const (
	testFolderPrefix = "trusthub-test-"
	lockName         = "lock"
	testDatabase     = "trusthub.db"
)

// testFolder is the temporary folder of a `serve --test`. A lock on a file in it is held until the folder is removed or the
// process dies, however it does: a folder whose lock can be taken is a dead server's.
type testFolder struct {
	path string
	root *os.Root
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
		root, err := os.OpenRoot(path)
		if err != nil {
			return testFolder{}, err
		}
		folder := testFolder{path, root, flock.New(filepath.Join(path, lockName))}
		err = folder.lock.Lock()
		if err == nil {
			if _, err = root.Lstat(lockName); err == nil {
				return folder, nil
			}
		}
		if !errors.Is(err, fs.ErrNotExist) || try == tries {
			return testFolder{}, errors.Join(err, folder.remove())
		}
		if err := errors.Join(folder.lock.Close(), root.Close()); err != nil {
			return testFolder{}, err
		}
	}
}

// remove removes what a server makes in its folder, and the folder if that was all. It removes the lock last: what is left where
// that is interrupted is still seen to be a leftover.
func (f testFolder) remove() error {
	defer f.root.Close() //nolint:errcheck // it is only read
	entries, err := fs.ReadDir(f.root.FS(), ".")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, f.lock.Close())
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), testDatabase) { // SQLite has files beside it
			continue
		}
		if err := f.root.Remove(entry.Name()); err != nil {
			return errors.Join(err, f.lock.Close())
		}
	}
	// While the lock is held, so that a server that waits for it sees that its folder is gone (newTestFolder). Windows removes no
	// open file; there that server's own handle keeps the file in its place, and with it the folder.
	_ = f.root.Remove(lockName)
	err = f.lock.Close()
	for _, remove := range []func() error{
		func() error { return f.root.Remove(lockName) },
		f.root.Close,
		func() error { return os.Remove(f.path) },
	} {
		if removed := remove(); removed != nil && !errors.Is(removed, fs.ErrNotExist) {
			err = errors.Join(err, removed)
		}
	}
	return err
}

// removeLeftovers removes the folders of servers that have died without doing it. Everybody can write to the folder that they
// are in: what is not surely ours is left alone. What cannot be removed keeps no server from starting.
func removeLeftovers() {
	temp, err := os.OpenRoot(os.TempDir())
	if err != nil {
		return
	}
	defer temp.Close() //nolint:errcheck // it is only read
	names, err := fs.Glob(temp.FS(), testFolderPrefix+"*")
	if err != nil {
		return
	}
	for _, name := range names {
		info, err := temp.Lstat(name)
		if err != nil || !info.IsDir() || !isOurs(info) {
			continue
		}
		root, err := temp.OpenRoot(name)
		if err != nil {
			continue
		}
		if lock, taken := lockLeftover(root, info); taken {
			_ = testFolder{root.Name(), root, lock}.remove()
		} else {
			_ = root.Close()
		}
	}
}

// lockLeftover takes the lock of a folder, unless that is no longer the one of info, has no lock, or is in use.
func lockLeftover(root *os.Root, info fs.FileInfo) (lock *flock.Flock, taken bool) {
	if opened, err := root.Stat("."); err != nil || !os.SameFile(info, opened) {
		return nil, false
	}
	file, err := root.Lstat(lockName)
	if err != nil || !file.Mode().IsRegular() {
		return nil, false
	}
	lock = flock.New(filepath.Join(root.Name(), lockName), flock.SetFlag(os.O_RDWR)) // without os.O_CREATE
	if taken, err := lock.TryLock(); err != nil || !taken {
		return nil, false
	}
	if locked, err := lock.Stat(); err != nil || !os.SameFile(file, locked) {
		_ = lock.Close() // its error does not matter
		return nil, false
	}
	return lock, true
}
