package upgrade_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/opentrusthub/trusthub/test/kit/pgtest"
	"github.com/opentrusthub/trusthub/test/kit/programtest"
)

// program is the path of the built binary. TestMain sets it, once, before the first test.
var program string

func TestMain(m *testing.M) { os.Exit(programtest.Main(m, &program)) }

const root = "../../.."

// TestServersAreReplacedOneByOne upgrades, rolls the upgrade back, and upgrades again.
func TestServersAreReplacedOneByOne(t *testing.T) {
	t.Parallel()
	programtest.DependOnSources(t, root)
	database, version := pgtest.New(t), lastMigration(t)
	next, newer := buildNext(t, version)

	var all *traffic
	var current *url.URL
	ok := t.Run("beside each other", func(beside *testing.T) {
		old := serve(beside, program, database)
		wantSchema(beside, program, database, version)
		all = startTraffic(t, old)
		all.await(beside, "the old server, before the upgrade")

		beside.Run("an upgrade that is taken back", func(tried *testing.T) {
			server := serve(tried, next, database)
			wantSchema(tried, next, database, newer)
			all.use(old, server)
			all.await(tried, "both servers")
			all.use(old)
		})
		wantSchema(beside, program, database, newer) // the old program accepts the newer schema and does not change it
		all.await(beside, "the old server alone, on the newer schema")

		current = serve(t, next, database)
		all.use(current)
	})
	if !ok {
		return
	}
	all.await(t, "the new server alone")
	all.verify(t, current)
}

// serve starts a server whose reviews take no time, and checks that it stays healthy until the test ends.
func serve(t *testing.T, program, database string) *url.URL {
	t.Helper()
	server := programtest.Serve(t, program, database, "--review-delay", "0s")
	ended, watching := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watching)
		often := time.NewTicker(healthInterval)
		defer often.Stop()
		for healthy(t, server) {
			select {
			case <-often.C:
			case <-ended:
				return
			}
		}
	}()
	t.Cleanup(func() { // before the server stops
		close(ended)
		<-watching
	})
	return server
}

const healthInterval = 20 * time.Millisecond

func healthy(t *testing.T, server *url.URL) bool {
	t.Helper()
	response, err := http.Get(server.JoinPath("/healthz").String())
	if err != nil {
		t.Errorf("the health of a server: %v", err)
		return false
	}
	if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("the health of a server is %s: %v", response.Status, err)
		return false
	}
	return true
}

// lastMigration returns the version of the program that is built from this module.
func lastMigration(t *testing.T) (version int64) {
	t.Helper()
	names, err := filepath.Glob(root + "/internal/store/migrations/*.sql")
	if err != nil || len(names) == 0 {
		t.Fatalf("the migrations: %v, %v", names, err)
	}
	for _, name := range names {
		number, err := goose.NumericComponent(path.Base(name))
		if err != nil {
			t.Fatal(err)
		}
		version = max(version, number)
	}
	return version
}

// buildNext builds the program with more migrations, after those up to version, and returns its path and its version.
func buildNext(t *testing.T, version int64) (program string, newer int64) {
	t.Helper()
	folder, replace := t.TempDir(), map[string]string{}
	migrations, err := filepath.Glob("testdata/*.sql")
	if err != nil || len(migrations) == 0 {
		t.Fatalf("the next version's migrations: %v, %v", migrations, err)
	}
	for _, migration := range migrations {
		version++
		replace[absolute(t, fmt.Sprintf("%s/internal/store/migrations/%05d_next.sql", root, version))] = absolute(t, migration)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	file, built := filepath.Join(folder, "overlay.json"), filepath.Join(folder, "trusthub-next")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := programtest.Build(t.Context(), built, "-overlay", file); err != nil {
		t.Fatal(err)
	}
	return built, version
}

func absolute(t *testing.T, name string) string {
	t.Helper()
	name, err := filepath.Abs(name)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// wantSchema checks that a program has nothing to migrate because the schema has this version.
func wantSchema(t *testing.T, program, database string, version int64) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program, "migrate", "--db", database).Output()
	var schema struct{ From, To int64 }
	if err == nil {
		err = json.Unmarshal(out, &schema)
	}
	if err != nil || schema.From != version || schema.To != version {
		t.Fatalf("the schema was migrated from %d to %d, want no migration from %d: %v", schema.From, schema.To, version, err)
	}
}
