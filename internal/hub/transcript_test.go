package hub_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/internal/hub"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

var update = flag.Bool("update", false, "write the answers into the transcripts; review the diff")

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

func replay(t *testing.T, s *testServer, file string, contract *contract, codes map[api.Code]bool) {
	t.Helper()
	script, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var played strings.Builder
	names := &placeholders{known: map[string]string{
		s.url: "{server}", alice.SID: "{alice}", bob.SID: "{bob}",
		trust.PrimarySID(alice.SID): "{alice's Primary}", trust.PrimarySID(bob.SID): "{bob's Primary}",
	}}
	for section := range strings.SplitSeq(string(script), "\n## ") {
		if played.Len() == 0 {
			played.WriteString(strings.TrimSpace(section) + "\n") // what the file says about itself
			continue
		}
		title, rest, _ := strings.Cut(section, "\n")
		requestText, _, _ := strings.Cut(rest, "\nHTTP ")
		request := parseRequest(t, s, names, requestText)
		answer := s.do(t, request)
		contract.check(t, title, request, answer)
		if answer.Code >= http.StatusBadRequest && answer.Body.Len() > 0 {
			codes[errorCode(t, title, answer)] = true
		}
		fmt.Fprintf(&played, "\n## %s\n\n%s\n\n%s\n", title, strings.TrimSpace(requestText), names.hide(render(answer)))
	}
	if *update {
		if err := os.WriteFile(file, []byte(played.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(script), played.String()); diff != "" {
		t.Errorf("the answers differ (-transcript +server):\n%s", diff)
	}
}

var repeat = regexp.MustCompile(`\{(.)\*(\d+)\}`)

// parseRequest reads a request line, headers, an empty line and a form. Alice's credentials and the form's content type are
// understood; {x*1000} stands for a thousand x; a line of the form that ends in & goes on in the next. The line
// "Reviewed: {BU1} in-review" is not sent: before the request, a reviewer sets that status.
func parseRequest(t *testing.T, s *testServer, names *placeholders, text string) *http.Request {
	t.Helper()
	text = repeat.ReplaceAllStringFunc(names.show(text), func(match string) string {
		parts := repeat.FindStringSubmatch(match)
		n, err := strconv.Atoi(parts[2])
		if err != nil {
			t.Fatal(err)
		}
		return strings.Repeat(parts[1], n)
	})
	head, body, _ := strings.Cut(strings.TrimSpace(text), "\n\n")
	lines := strings.Split(head, "\n")
	method, target, _ := strings.Cut(lines[0], " ")
	body = strings.ReplaceAll(body, "&\n", "&")
	r := httptest.NewRequest(method, s.url+target, strings.NewReader(body))
	r.SetBasicAuth(alice.SID, alice.AuthToken)
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		if name == "Reviewed" {
			sid, status, _ := strings.Cut(value, " ")
			s.review(t, sid, trust.Status(status))
			continue
		}
		switch value {
		case "none":
			r.Header.Del(name)
		case "bob":
			r.SetBasicAuth(bob.SID, bob.AuthToken)
		case "alice, wrong token":
			r.SetBasicAuth(alice.SID, bob.AuthToken)
		default:
			r.Header.Set(name, value)
		}
	}
	return r
}

// render is an answer as the transcripts show it: the headers that matter to the reader, and the body indented.
func render(answer *httptest.ResponseRecorder) string {
	var b strings.Builder
	fmt.Fprintf(&b, "HTTP %d\n", answer.Code)
	shown := []string{"Allow", "Content-Type", "Retry-After", "WWW-Authenticate"}
	if answer.Code == http.StatusNoContent {
		shown = append(shown, "Access-Control-Allow-Origin", "Access-Control-Allow-Methods", "Access-Control-Allow-Headers")
	}
	slices.Sort(shown)
	for _, name := range shown {
		for _, value := range answer.Header().Values(name) {
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	var body bytes.Buffer
	if json.Indent(&body, bytes.TrimSpace(answer.Body.Bytes()), "", "  ") != nil {
		body.Reset()
		body.Write(answer.Body.Bytes())
	}
	return strings.TrimSpace(b.String() + "\n" + body.String())
}

func errorCode(t *testing.T, title string, answer *httptest.ResponseRecorder) api.Code {
	t.Helper()
	var body gen.Error
	if err := json.Unmarshal(answer.Body.Bytes(), &body); err != nil {
		t.Errorf("%s: status %d without an error body: %v", title, answer.Code, err)
	}
	return api.Code(body.Code)
}

// placeholders replaces what differs from run to run by names, in order of appearance: {BU1}, {BU2}.
type placeholders struct {
	known map[string]string
}

var (
	madeSID   = regexp.MustCompile(`[A-Z]{2}01[0-9a-f]{30}`)
	pageToken = regexp.MustCompile(`PageToken=([\w-]{60,})`)
)

func (p *placeholders) hide(s string) string {
	for _, sid := range madeSID.FindAllString(s, -1) {
		p.name(sid, sid[:2])
	}
	for _, token := range pageToken.FindAllStringSubmatch(s, -1) {
		p.name(token[1], "page")
	}
	for value, name := range p.known {
		s = strings.ReplaceAll(s, value, name)
	}
	return s
}

// name gives a value the next number of its kind.
func (p *placeholders) name(value, kind string) {
	if p.known[value] != "" {
		return
	}
	number := 1
	for _, name := range p.known {
		if strings.HasPrefix(name, "{"+kind) {
			number++
		}
	}
	p.known[value] = fmt.Sprintf("{%s%d}", kind, number)
}

func (p *placeholders) show(s string) string {
	for value, name := range p.known {
		s = strings.ReplaceAll(s, name, value)
	}
	return s
}

var errUnavailable = errors.New("the disk is gone")
