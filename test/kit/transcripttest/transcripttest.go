// Package transcripttest replays transcripts: files that are meant to be read, in which each exchange has a title, the request
// as it is sent, and the response.
//
// It guarantees that a test fails if a response differs from the file. It does not know what a server does, nor whether a
// response is valid: the caller sends the requests and checks the responses.
package transcripttest

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the responses into the transcripts; review the diff")

// Server is what a transcript is replayed against.
type Server struct {
	URL string
	// Known are values that differ from run to run or are hard to read, and what they are replaced with.
	Known map[string]string
	// Prepare sets what a request has unless the transcript says otherwise.
	Prepare func(r *http.Request, hasBody bool)
	// Header applies a line of a request's headers that is not meant as it is, and reports whether it was one.
	Header func(t *testing.T, r *http.Request, name, value string) bool
	// Do sends a request.
	Do func(t *testing.T, r *http.Request) *httptest.ResponseRecorder
	// Check checks a response.
	Check func(t *testing.T, title string, r *http.Request, response *httptest.ResponseRecorder)
}

// Replay sends the requests of a file and compares the responses with the file's. With -update it writes them to the file.
func Replay(t *testing.T, s Server, file string) {
	t.Helper()
	script, err := os.ReadFile(file) //nolint:gosec // G304: a file of the calling test
	if err != nil {
		t.Fatal(err)
	}
	var played strings.Builder
	names := &placeholders{known: s.Known}
	names.known[s.URL] = "{server}"
	for section := range strings.SplitSeq(string(script), "\n## ") {
		if played.Len() == 0 {
			played.WriteString(strings.TrimSpace(section) + "\n") // what the file says about itself
			continue
		}
		title, rest, _ := strings.Cut(section, "\n")
		requestText, _, _ := strings.Cut(rest, "\nHTTP ")
		request := s.parseRequest(t, names.show(requestText))
		response := s.Do(t, request)
		s.Check(t, title, request, response)
		fmt.Fprintf(&played, "\n## %s\n\n%s\n\n%s\n", title, strings.TrimSpace(requestText), names.hide(render(response)))
	}
	if *update {
		if err := os.WriteFile(file, []byte(played.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(script), played.String()); diff != "" {
		t.Errorf("the responses differ (-transcript +server):\n%s", diff)
	}
}

var repeat = regexp.MustCompile(`\{(.)\*(\d+)\}`)

// parseRequest reads a request line, headers, an empty line and a body. {x*1000} stands for a thousand x; a line of a form that
// ends in & continues on the next. The header value "none" removes a header.
func (s Server) parseRequest(t *testing.T, text string) *http.Request {
	t.Helper()
	text = repeat.ReplaceAllStringFunc(text, func(match string) string {
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
	r := httptest.NewRequestWithContext(t.Context(), method, s.URL+target, strings.NewReader(body))
	s.Prepare(r, body != "")
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		switch {
		case s.Header(t, r, name, value):
		case value == "none":
			r.Header.Del(name)
		default:
			r.Header.Set(name, value)
		}
	}
	return r
}

// render returns a response as the transcripts show it: the headers that matter to the reader, and the body indented.
func render(response *httptest.ResponseRecorder) string {
	var b strings.Builder
	fmt.Fprintf(&b, "HTTP %d\n", response.Code)
	shown := []string{"Allow", "Content-Type", "Retry-After", "WWW-Authenticate"}
	if response.Code == http.StatusNoContent {
		shown = append(shown, "Access-Control-Allow-Origin", "Access-Control-Allow-Methods", "Access-Control-Allow-Headers")
	}
	slices.Sort(shown)
	for _, name := range shown {
		for _, value := range response.Header().Values(name) {
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	var body bytes.Buffer
	if json.Indent(&body, bytes.TrimSpace(response.Body.Bytes()), "", "  ") != nil {
		body.Reset()
		body.Write(response.Body.Bytes())
	}
	return strings.TrimSpace(b.String() + "\n" + body.String())
}

// placeholders replaces what differs from run to run by names, in order of appearance: {BU1}, {BU2}.
type placeholders struct {
	known map[string]string
}

var (
	madeSID   = regexp.MustCompile(`[A-Z]{2}01[0-9a-f]{30}`)
	pageToken = regexp.MustCompile(`PageToken=([\w-]{60,})`)
	authToken = regexp.MustCompile(`auth_token": "(\w{32})"`)
	secret    = regexp.MustCompile(`"secret": "(\w{32})"`)
	requestID = regexp.MustCompile(`"request_id": ?"(\w{34})"`)
	// requestDuration matches how long a request took. How long an attempt at a delivery took is the test's own choice.
	requestDuration = regexp.MustCompile(`("date_ended": ?"[^"]*",\s*"duration_ms": ?)[^,]+`)
)

func (p *placeholders) hide(s string) string {
	for _, sid := range madeSID.FindAllString(s, -1) {
		if kind := sid[:2]; kind != "RQ" { // ids of requests are random, and only some of them match
			p.name(sid, kind)
		}
	}
	for _, token := range pageToken.FindAllStringSubmatch(s, -1) {
		p.name(token[1], "page")
	}
	for _, token := range authToken.FindAllStringSubmatch(s, -1) {
		p.name(token[1], "token")
	}
	for _, value := range secret.FindAllStringSubmatch(s, -1) {
		p.name(value[1], "secret")
	}
	for _, id := range requestID.FindAllStringSubmatch(s, -1) {
		p.name(id[1], "RQ")
	}
	for value, name := range p.known {
		s = strings.ReplaceAll(s, value, name)
	}
	return requestDuration.ReplaceAllString(s, "${1}{duration}")
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
