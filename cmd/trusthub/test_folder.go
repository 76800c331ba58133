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

// testFolder is the temporary folder of a `serve --test`. The process holds a lock on a file in it until it removes the folder or
// dies. A folder whose lock can be taken belonged to a dead server.
type testFolder struct {
	path string
	root *os.Root
	lock *flock.Flock
}

// newTestFolder creates a folder. If another process takes it for a leftover, in the moment before it is locked, newTestFolder
// creates another one.
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

// remove removes the server's files from the folder, and the folder if it is then empty. It removes the lock file last, so that
// after an interruption the rest is still recognized as a leftover.
func (f testFolder) remove() error {
	defer f.root.Close() //nolint:errcheck // it is only read
	entries, err := fs.ReadDir(f.root.FS(), ".")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, f.lock.Close())
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), testDatabase) { // SQLite adds suffixes for its other files
			continue
		}
		if err := f.root.Remove(entry.Name()); err != nil {
			return errors.Join(err, f.lock.Close())
		}
	}
	// The lock file is removed while the lock is held, so that a server that waits for the lock sees that its folder was removed
	// (newTestFolder). Windows does not remove open files: there the waiting server's handle keeps the file and the folder.
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

// removeLeftovers removes the folders of servers that died without doing so. Anyone can write to the temporary folder, so that it
// removes only what is certainly ours. A folder that cannot be removed is ignored.
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

// lockLeftover takes the lock of a folder, unless the folder is no longer that of info, has no lock file, or is in use.
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
		_ = lock.Close()
		return nil, false
	}
	return lock, true
}
