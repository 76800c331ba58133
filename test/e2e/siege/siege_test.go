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

// scale returns the size of an attack. The full size is the one measured before there was a defence.
func scale(share, full int) int {
	if value, _ := os.LookupEnv("TRUSTHUB_SIEGE"); value == "full" {
		return full
	}
	return share
}

// start runs a program, the one built here or a script that wraps it, on a database.
func start(t *testing.T, program, database string, flags ...string) *url.URL {
	t.Helper()
	programtest.DependOnSources(t, "../../..")
	return programtest.Serve(t, program, database, flags...)
}

func sqlite(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(tb.TempDir(), "trusthub.db")
}

// answer is the response to a request, and how long it took.
type answer struct {
	status int
	header http.Header
	took   time.Duration
}

// list lists the account's products on a new connection.
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

// atOnce is much longer than a request takes on a busy machine, and much shorter than the server's timeouts: 10 s for a header,
// two minutes for an idle connection.
const atOnce = 3 * time.Second

// expectAtOnce lists the products with the right password, within atOnce, and returns how long it took.
func expectAtOnce(t *testing.T, server *url.URL) time.Duration {
	t.Helper()
	a, err := list(t.Context(), server, programtest.AuthToken)
	if err != nil || a.status != http.StatusOK || a.took > atOnce {
		t.Fatalf("status %d after %v: %v", a.status, a.took, err)
	}
	return a.took
}
