package store_test

import (
	"os"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/internal/store"
)

// TestOpenRefusesOtherNames: what is neither a Postgres URL nor a file is refused, no file is made, and no password is told.
func TestOpenRefusesOtherNames(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{
		"postgres://user:hunter2@localhost:port/hub",
		"postgres://user:hunt/er2@localhost/hub",
		"postgres://user:12/hunter2@localhost/hub",
		"postgres://user:12?hunter2@localhost/hub",
		"postgres://user:%hunter2@localhost/hub",
		"Postgres://user:hunter2@localhost/hub",
		" postgres://user:hunter2@localhost/hub",
		"postgre://user:hunter2@localhost/hub",
		"postgres:/user:hunter2@localhost/hub",
		"user:hunter2@localhost/hub",
		"mysql://user:hunter2@localhost/hub",
		"host=localhost user=hub password=hunter2",
		"user = hub PASSWORD = hunter2",
		"dbname=hunter2",
	} {
		s, err := store.Open(t.Context(), name, store.Options{})
		if err == nil {
			closeStore(t, s)
			t.Errorf("%s was opened", name)
			continue
		}
		if strings.Contains(err.Error(), "er2") {
			t.Errorf("%s: the error is %q", name, err)
		}
	}
	if made, err := os.ReadDir("."); err != nil || len(made) > 0 {
		t.Errorf("made %v, %v", made, err)
	}
	closeStore(t, openFile(t, "./user:a=b@c.db")) // a file, without doubt
}
