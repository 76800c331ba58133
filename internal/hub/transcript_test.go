package hub_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/internal/hub"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
	"github.com/opentrusthub/trusthub/test/kit/transcripttest"
)

// TestTranscripts replays testdata/transcripts against the real server, on every database engine. The files are meant to be
// read: each exchange has a title, the request as it is sent, and the answer. Every response is also validated against the
// contract. Run with -update to write the answers anew.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/transcripts/*.http")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	contract := newContract(t)
	codes := map[api.Code]bool{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".http"), func(t *testing.T) {
			for engine, database := range storetest.Names() {
				t.Run(engine, func(t *testing.T) {
					replay(t, newTestServer(t, storetest.Open(t, database(t)), quotasOf(file)), file, contract, codes)
				})
			}
		})
	}
	if t.Failed() {
		return
	}
	for _, id := range contract.unseen() {
		t.Errorf("operation %s of the contract is in no transcript", id)
	}
	for _, info := range api.Codes() {
		if !codes[info.Code] && info.Code != api.CodeUnimplemented { // what the hub does not implement has no transcript
			t.Errorf("error code %d is in no transcript", info.Code)
		}
	}
}

// quotasOf returns the quotas of the server that a transcript is replayed against: few for quotas*.http, none for the others.
func quotasOf(file string) hub.Quotas {
	if strings.HasPrefix(filepath.Base(file), "quotas") {
		return hub.Quotas{Objects: 2, OpenNotices: 2}
	}
	return hub.Quotas{}
}

// replay replays a transcript. Requests are Alice's unless they say otherwise. The line "Reviewed: {BU1} in-review" is not sent:
// before the request, a reviewer sets that status.
func replay(t *testing.T, s *testServer, file string, contract *contract, codes map[api.Code]bool) {
	t.Helper()
	transcripttest.Replay(t, transcripttest.Server{
		URL: s.url,
		Known: map[string]string{
			alice.SID: "{alice}", bob.SID: "{bob}",
			trust.PrimarySID(alice.SID): "{alice's Primary}", trust.PrimarySID(bob.SID): "{bob's Primary}",
		},
		Prepare: func(r *http.Request, hasBody bool) {
			r.SetBasicAuth(alice.SID, alice.AuthToken)
			if hasBody {
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			}
		},
		Header: func(t *testing.T, r *http.Request, name, value string) bool {
			switch {
			case name == "Reviewed":
				sid, status, _ := strings.Cut(value, " ")
				s.review(t, sid, trust.Status(status))
			case value == "bob":
				r.SetBasicAuth(bob.SID, bob.AuthToken)
			case value == "alice, wrong token":
				r.SetBasicAuth(alice.SID, bob.AuthToken)
			default:
				return false
			}
			return true
		},
		Do: s.do,
		Check: func(t *testing.T, title string, r *http.Request, answer *httptest.ResponseRecorder) {
			contract.check(t, title, r, answer)
			if answer.Code >= http.StatusBadRequest && answer.Body.Len() > 0 {
				codes[errorCode(t, title, answer)] = true
			}
		},
	}, file)
}

func errorCode(t *testing.T, title string, answer *httptest.ResponseRecorder) api.Code {
	t.Helper()
	var body gen.Error
	if err := json.Unmarshal(answer.Body.Bytes(), &body); err != nil {
		t.Errorf("%s: status %d without an error body: %v", title, answer.Code, err)
	}
	return api.Code(body.Code)
}

var errUnavailable = errors.New("the disk is gone")
