package operator_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
	"github.com/opentrusthub/trusthub/test/kit/transcripttest"
)

// TestTranscripts replays testdata/transcripts against the real server, on every database engine. Every response is also validated
// against its contract. Run with -update to write the responses anew.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/transcripts/*.http")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	contracts := loadContracts(t)
	seen := map[string]bool{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".http"), func(t *testing.T) {
			for engine, database := range storetest.Names() {
				t.Run(engine, func(t *testing.T) {
					newServer := newTestServer
					if filepath.Base(file) == "test_mode.http" {
						newServer = newTestModeServer
					}
					replay(t, newServer(t, storetest.Open(t, database(t))), file, contracts, seen)
				})
			}
		})
	}
	for _, id := range contracts.operators.Operations() {
		if !t.Failed() && !seen[id] {
			t.Errorf("operation %s of the contract is in no transcript", id)
		}
	}
}

// replay replays a transcript. Requests below /operator are the operator's, others Alice's. The line "Basic: user:password" is
// sent as Basic authentication. The line "Work: 1h" is not sent: before the request, the clock goes on by an hour and the server
// does what is due.
func replay(t *testing.T, s *testServer, file string, contracts contracts, seen map[string]bool) {
	t.Helper()
	transcripttest.Replay(t, transcripttest.Server{
		URL:   serverURL,
		Known: map[string]string{alice.SID: "{alice}", trust.PrimarySID(alice.SID): "{alice's Primary}"},
		Prepare: func(r *http.Request, hasBody bool) {
			contentType := "application/x-www-form-urlencoded"
			if strings.HasPrefix(r.URL.Path, "/operator/") {
				contentType = "application/json"
				r.Header.Set("Authorization", "Bearer "+operatorToken)
			} else {
				r.SetBasicAuth(alice.SID, alice.AuthToken)
			}
			if hasBody {
				r.Header.Set("Content-Type", contentType)
			}
		},
		Header: func(t *testing.T, r *http.Request, name, value string) bool {
			switch {
			case name == "Work":
				s.work(t, value)
			case name == "Basic":
				username, password, _ := strings.Cut(value, ":")
				r.SetBasicAuth(username, password)
			case value == "alice":
				r.SetBasicAuth(alice.SID, alice.AuthToken)
			case strings.HasPrefix(value, "alice, "): // with another token
				r.SetBasicAuth(alice.SID, strings.TrimPrefix(value, "alice, "))
			default:
				return false
			}
			return true
		},
		Do: s.do,
		Check: func(t *testing.T, title string, r *http.Request, w *httptest.ResponseRecorder) {
			contracts.check(t, title, r, w)
			if w.Code < http.StatusBadRequest {
				seen[contracts.operators.Operation(r)] = true
			}
		},
	}, file)
}
