package crash_test

import (
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/api/client"
	"github.com/opentrusthub/trusthub/test/kit/pgtest"
	"github.com/opentrusthub/trusthub/test/kit/programtest"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

const (
	policySID = "RN7a97559effdf62d00f4298208492a5ea"
	// primaryPolicySID is the policy of the Primary Customer Profile that every account has.
	primaryPolicySID = "RN6433641899984f951173ef1738c3bdd0"

	leaseTime = 10 * time.Second // long enough for a delivery on a busy machine; tests wait this long after a kill
	waitLimit = 2 * time.Minute  // for expected events, including the end of leases
)

// program is the path of the built program. TestMain sets it, once, before the first test.
var program string

func TestMain(m *testing.M) { os.Exit(programtest.Main(m, &program, programtest.RaceFlags()...)) }

// campaignRounds returns the number of kills of a test: TRUSTHUB_CRASH_ROUNDS if that is set.
func campaignRounds(t *testing.T, otherwise int) (rounds int, campaign bool) {
	t.Helper()
	if rounds, campaign = campaignSize(t, "TRUSTHUB_CRASH_ROUNDS"); campaign {
		return rounds, true
	}
	return otherwise, false
}

// campaignSize returns the number in an environment variable, and reports whether it is set.
func campaignSize(t *testing.T, variable string) (size int, campaign bool) {
	t.Helper()
	s, set := os.LookupEnv(variable)
	if !set {
		return 0, false
	}
	size, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return size, true
}

// onEachEngine runs a test on each engine, in parallel with other tests, with the name of an empty database.
func onEachEngine(t *testing.T, test func(t *testing.T, db string)) {
	t.Helper()
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, filepath.Join(t.TempDir(), "crash.db"))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, pgtest.NewDurable(t))
	})
}

func isPostgres(db string) bool { return strings.HasPrefix(db, "postgres://") }

// instance is a running `trusthub serve`.
type instance struct {
	*programtest.Process
	name string // unique; the application name of the server's connections in Postgres
	db   string
	url  string
}

var instancesStarted atomic.Int64

// launchInstance starts a server on the database and does not wait until it listens.
func launchInstance(t *testing.T, db string, flags ...string) *instance {
	t.Helper()
	programtest.DependOnSources(t, "../../..")
	s := &instance{name: fmt.Sprintf("server-%d", instancesStarted.Add(1)), db: db}
	if isPostgres(db) {
		at, err := url.Parse(db)
		if err != nil {
			t.Fatal(err)
		}
		query := at.Query()
		query.Set("application_name", s.name)
		at.RawQuery = query.Encode()
		db = at.String()
	}
	s.Process = programtest.Start(t, programtest.Command{
		Path: program,
		Args: append([]string{"serve", "--listen", "127.0.0.1:0"}, flags...),
		Env: []string{
			"TRUSTHUB_DB=" + db, "TWILIO_ACCOUNT_SID=" + programtest.AccountSID, "TWILIO_AUTH_TOKEN=" + programtest.AuthToken,
			"GORACE=atexit_sleep_ms=0 halt_on_error=1", // so that a race fails the test, however the server ends
		},
	})
	return s
}

// listens waits until the server listens.
func (s *instance) listens(t *testing.T) {
	t.Helper()
	at, err := s.URL()
	if err != nil {
		t.Fatal(err)
	}
	s.url = at.String()
}

// startInstance starts a server on the database and waits until it listens.
func startInstance(t *testing.T, db string, flags ...string) *instance {
	t.Helper()
	s := launchInstance(t, db, flags...)
	s.listens(t)
	return s
}

// api returns a client of the server that does not retry, because the tests count the requests without a response.
func (s *instance) api(t *testing.T) *client.Client {
	t.Helper()
	return s.apiOver(t, func(transport http.RoundTripper) http.RoundTripper { return transport })
}

// apiOver is api with a transport around that of the connections.
func (s *instance) apiOver(t *testing.T, wrap func(http.RoundTripper) http.RoundTripper) *client.Client {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: writerCount}
	t.Cleanup(transport.CloseIdleConnections)
	api, err := client.New(client.WithBaseURL(s.url), client.WithCredentials(programtest.AccountSID, programtest.AuthToken),
		client.WithRetries(client.RetryPolicy{MaxAttempts: 1}),
		client.WithHTTPClient(&http.Client{Transport: wrap(transport), Timeout: 30 * time.Second}))
	if err != nil {
		t.Fatal(err)
	}
	return api
}

// signalKill sends SIGKILL and does not wait.
func (s *instance) signalKill() error { return s.Signal(os.Kill) }

// end kills a server, if it is still running, and returns when everything it began has ended: Postgres may still be working
// on a commit.
func (s *instance) end(t *testing.T) {
	t.Helper()
	if err := s.Kill(); err != nil {
		t.Error(err)
	}
	if !isPostgres(s.db) {
		return
	}
	storetest.UseSQL(t, s.db, func(db *sql.DB) {
		await(t, "end of the connections of "+s.name, func() bool {
			return queryCount(t, db, `SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = $1`, s.name) == 0
		})
	})
}

// terminate stops the server with SIGTERM, so that it records what it has delivered.
func (s *instance) terminate(t *testing.T) {
	t.Helper()
	if err := s.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("stop %s: %v", s.name, err)
		return
	}
	if err := s.Wait(); err != nil {
		t.Errorf("the server did not stop cleanly: %v\n%s", err, s.Stderr())
	}
}

func await(t *testing.T, what string, there func() bool) {
	t.Helper()
	programtest.Eventually(t, waitLimit, what, there)
}

// answer is the response to a request.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// send sends a request as an account.
func send(t *testing.T, method, target, account string, form url.Values) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth(account, programtest.AuthToken)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := (&http.Client{Timeout: 30 * time.Second}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, body}
}

// health returns the status of the server's health check.
func (s *instance) health(t *testing.T) int {
	t.Helper()
	return send(t, http.MethodGet, s.url+"/healthz", "", nil).status
}

// queryCount returns the number that a query returns.
func queryCount(t *testing.T, db *sql.DB, query string, args ...any) (n int) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
