package crash_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/opentrusthub/trusthub/test/kit/programtest"
)

// TestDiskCannotBeWritten makes every write of a running server fail, as on a full disk. (It limits the size of files, which
// needs neither root nor a separate file system.) Creates and updates must return 503 with the cause in the log, reads must
// work, and the health check must fail. When writes work again, so must everything else, without a restart.
func TestDiskCannotBeWritten(t *testing.T) {
	t.Parallel()
	server := launchInstance(t, filepath.Join(t.TempDir(), "trusthub.db"), "--review", "manual")
	server.listens(t)
	draft := url.Values{"FriendlyName": {"Acme"}, "Email": {"a@acme.example"}, "PolicySid": {policySID}}
	products, name := server.url+"/v1/TrustProducts", 0
	body := send(t, http.MethodPost, products, programtest.AccountSID, draft).body
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
			if got := send(t, c.method, c.url, programtest.AccountSID, c.form); got.status != c.want {
				t.Errorf("%s: %s %s: status %d, want %d: %s", when, c.method, c.url, got.status, c.want, got.body)
			}
		}
		await(t, when+": health "+http.StatusText(health), func() bool { return server.health(t) == health })
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
		t.Errorf("the log has other errors:\n%s", log)
	}
}

// limitFiles limits the size of the files that a process may write.
func limitFiles(t *testing.T, pid int, size uint64) {
	t.Helper()
	if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: size, Max: unix.RLIM_INFINITY}, nil); err != nil {
		t.Fatal(err)
	}
}
