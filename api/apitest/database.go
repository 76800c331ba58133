package apitest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"

	"github.com/opentrusthub/trusthub/internal/store"
)

// emptyDatabase returns the file of a database with empty tables. It is made once in a process: copying it is faster than
// running the migrations for each server, which wait for the disk many times.
var emptyDatabase = sync.OnceValues(func() (file []byte, err error) {
	dir, err := os.MkdirTemp("", "apitest-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	name := filepath.Join(dir, "empty.db")
	db, err := store.Open(context.Background(), name, store.Options{})
	if err != nil {
		return nil, err
	}
	if err := db.Close(); err != nil { // the last one to close writes everything into the one file
		return nil, err
	}
	return os.ReadFile(name) //nolint:gosec // G304: the name is set above
})

// newDatabase makes an empty database in a folder and returns its name.
func newDatabase(dir string) (string, error) {
	file, err := emptyDatabase()
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "trusthub.db")
	return name, os.WriteFile(name, file, 0o600)
}
