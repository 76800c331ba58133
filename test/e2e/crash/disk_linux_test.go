package crash_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/opentrusthub/trusthub/test/kit/programtest"
)

// TestDiskCannotBeWritten has the system refuse every write of a running server, as a full disk does (a limit on the size of
// files needs neither root nor a file system of its own). Creates and updates are 503 with the cause in the log, reads go on,
// and the health check notices. When writes are taken again, everything works, without a restart.
func TestDiskCannotBeWritten(t *testing.T) {
	t.Parallel()
	server := launchInstance(t, filepath.Join(t.TempDir(), "trusthub.db"), "--review", "manual")
	server.listens(t)
	draft := url.Values{"FriendlyName": {"Acme"}, "Email": {"a@acme.example"}, "PolicySid": {policySID}}
	products, name := server.url+"/v1/TrustProducts", 0
	_, body := send(t, http.MethodPost, products, draft)
	var product struct{ Sid string }
	if err := json.Unmarshal(body, &product); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	expect := func(when string, written, created int, health int) {
		t.Helper()
		name++
		update := url.Values{"FriendlyName": {strings.Repeat("x", name)}}
		for _, c := range []struct {
			method, url string
			form        url.Values
			want        int
		}{
			{http.MethodPost, products, draft, created},
			{http.MethodPost, products + "/" + product.Sid, update, written},
			{http.MethodGet, products + "/" + product.Sid, nil, http.StatusOK},
		} {
			if status, body := send(t, c.method, c.url, c.form); status != c.want {
				t.Errorf("%s: %s %s: status %d, want %d: %s", when, c.method, c.url, status, c.want, body)
			}
		}
		await(t, when+": health "+http.StatusText(health), func() bool {
			status, _ := send(t, http.MethodGet, server.url+"/healthz", nil)
			return status == health
		})
	}
	expect("at first", http.StatusOK, http.StatusCreated, http.StatusOK)
	limitFiles(t, server.PID(), 0)
	expect("without room", http.StatusServiceUnavailable, http.StatusServiceUnavailable, http.StatusServiceUnavailable)
	limitFiles(t, server.PID(), unix.RLIM_INFINITY)
	expect("with room again", http.StatusOK, http.StatusCreated, http.StatusOK)
	if err := server.Stop(); err != nil {
		t.Error(err)
	}
	log := server.Stderr()
	if refused := regexp.MustCompile(`"status":503.*"cause":".*disk I/O error`).FindAllString(log, -1); len(refused) < 3 {
		t.Errorf("the log does not say why:\n%s", log)
	}
	if strings.Contains(log, "savepoint") || strings.Contains(log, "rollback") {
		t.Errorf("the log speaks of something else than the cause:\n%s", log)
	}
}

// limitFiles sets how large a file may be that the process writes to.
func limitFiles(t *testing.T, pid int, size uint64) {
	t.Helper()
	if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: size, Max: unix.RLIM_INFINITY}, nil); err != nil {
		t.Fatal(err)
	}
}

func send(t *testing.T, method, to string, form url.Values) (status int, body []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, to, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(programtest.AccountSID, programtest.AuthToken)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := (&http.Client{Timeout: 30 * time.Second}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // all of it is read
	body, err = io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, body
}
