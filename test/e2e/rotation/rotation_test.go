package rotation_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/test/kit/pgtest"
	"github.com/opentrusthub/trusthub/test/kit/programtest"
)

// program is the path of the built binary. TestMain sets it, once, before the first test.
var program string

func TestMain(m *testing.M) { os.Exit(programtest.Main(m, &program, programtest.RaceFlags()...)) }

const (
	operatorToken = "operatorsecret16"
	rounds        = 4
)

func TestOneServer(t *testing.T) {
	t.Parallel()
	testRotations(t, filepath.Join(t.TempDir(), "trusthub.db"), 1)
}

func TestTwoServers(t *testing.T) {
	t.Parallel()
	testRotations(t, pgtest.New(t), 2)
}

// testRotations rotates as docs/operating.md says. In every second round the command line does so on the database, so that the change
// is another process's to all servers.
func testRotations(t *testing.T, database string, servers int) {
	t.Helper()
	programtest.DependOnSources(t, "../../..")
	f := fleet{database: database}
	for range servers {
		f.servers = append(f.servers, programtest.Serve(t, program, database, "--review-delay", "0s", "--operator-token", operatorToken))
	}
	l := startLoad(t, f.servers)
	old := programtest.AuthToken
	walk := l.firstPage(t)
	for round := range rounds {
		operate := f.overAPI
		if round%2 == 1 {
			operate = f.onDatabase
		}
		l.await(t, "before the rotation")
		next := operate(t, "rotate").SecondaryAuthToken
		l.receiver.accept(old, next)
		l.use(next) // at every server, at once
		walk = l.nextPage(t, walk)
		l.await(t, "with the secondary token")

		late := l.receiver.holdNext(t)
		operate(t, "promote")
		late.release(next, old)
		l.receiver.accept(next, old)
		walk = l.nextPage(t, walk)
		if round%2 == 0 {
			l.wantRefused(t, f.servers[0], old)
		}
		for _, server := range f.servers { // within a second, and the machine may be busy
			programtest.Eventually(t, 5*time.Second, "end of the old token", func() bool { return l.refused(t, server, old) })
		}
		l.awaitAll(t)
		l.receiver.accept(next)
		old = next
	}
	l.await(t, "after the rotations")
	l.stop()
	l.report(t)
}

// fleet is servers on one database.
type fleet struct {
	database string
	servers  []*url.URL
}

// rotated is what a step of a rotation prints or returns.
type rotated struct {
	SecondaryAuthToken string `json:"secondary_auth_token"`
}

// overAPI does a step of the rotation at the first server.
func (f fleet) overAPI(t *testing.T, step string) (r rotated) {
	t.Helper()
	at := f.servers[0].JoinPath("operator/v1/accounts", programtest.AccountSID, step)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at.String(), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+operatorToken)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // it is read completely, or the test fails
	if err := json.NewDecoder(response.Body).Decode(&r); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s over the API: %s, %v", step, response.Status, err)
	}
	return r
}

// onDatabase does a step of the rotation in a process of its own.
func (f fleet) onDatabase(t *testing.T, step string) (r rotated) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	command := exec.CommandContext(ctx, program, "accounts", step, programtest.AccountSID, "--db", f.database)
	command.Env = []string{}
	out, err := command.Output()
	if err == nil {
		err = json.Unmarshal(out, &r)
	}
	if err != nil {
		t.Fatal(fmt.Errorf("%s on the database: %w", step, err))
	}
	return r
}
