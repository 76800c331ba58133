package interop

import (
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/opentrusthub/trusthub/test/kit/pgtest"
	"github.com/opentrusthub/trusthub/test/kit/programtest"
)

const (
	accountSID = programtest.AccountSID
	authToken  = programtest.AuthToken
)

// program is the path of the built binary. TestMain sets it, once, before the first test.
var program string

func TestMain(m *testing.M) { os.Exit(programtest.Main(m, &program)) }

// onEachDatabase runs a test on SQLite and on Postgres, each time with an empty database.
func onEachDatabase(t *testing.T, test func(t *testing.T, database string)) {
	t.Helper()
	for name, database := range map[string]func(testing.TB) string{
		"sqlite":   func(tb testing.TB) string { return filepath.Join(tb.TempDir(), "trusthub.db") },
		"postgres": pgtest.New,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, database(t))
		})
	}
}

// onEachEngine runs a test on SQLite and on Postgres, each time against a server of its own that keeps an empty database.
func onEachEngine(t *testing.T, test func(t *testing.T, server *url.URL), flags ...string) {
	t.Helper()
	onEachDatabase(t, func(t *testing.T, database string) {
		test(t, programtest.Serve(t, program, database, flags...))
	})
}
