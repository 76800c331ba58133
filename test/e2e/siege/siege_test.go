package siege_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/test/kit/programtest"
)

// program is the path of the built binary. TestMain sets it, once, before the first test.
var program string

func TestMain(m *testing.M) { os.Exit(programtest.Main(m, &program)) }

// scale returns how large an attack is to be: full is what was measured before there was a defence.
func scale(share, full int) int {
	if value, _ := os.LookupEnv("TRUSTHUB_SIEGE"); value == "full" {
		return full
	}
	return share
}

// start runs a program, which is the one built here or a script around it, on a database.
func start(t *testing.T, program, database string, flags ...string) *url.URL {
	t.Helper()
	programtest.DependOnSources(t, "../../..")
	return programtest.Serve(t, program, database, flags...)
}

func sqlite(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(tb.TempDir(), "trusthub.db")
}

// answer is what came of a request, and after what time.
type answer struct {
	status int
	header http.Header
	took   time.Duration
}

// list lists the products of the account on a connection of its own.
func list(ctx context.Context, server *url.URL, password string) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.JoinPath("/v1/TrustProducts").String(), http.NoBody)
	if err != nil {
		return answer{}, err
	}
	request.SetBasicAuth(programtest.AccountSID, password)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	begun := time.Now()
	response, err := client.Do(request)
	if err != nil {
		return answer{}, fmt.Errorf("after %v: %w", time.Since(begun), err)
	}
	return answer{response.StatusCode, response.Header, time.Since(begun)}, response.Body.Close()
}

// atOnce is far above what a request takes, on a machine that is busy, and far below the server's time-outs: 10 s for a header,
// two minutes for an idle connection.
const atOnce = 3 * time.Second

// expectAtOnce lists the products with the right password, and returns how long that took.
func expectAtOnce(t *testing.T, server *url.URL) time.Duration {
	t.Helper()
	a, err := list(t.Context(), server, programtest.AuthToken)
	if err != nil || a.status != http.StatusOK || a.took > atOnce {
		t.Fatalf("status %d after %v: %v", a.status, a.took, err)
	}
	return a.took
}
