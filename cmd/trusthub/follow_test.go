package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	operatorapi "github.com/opentrusthub/trusthub/gen/operator"
)

// scriptedStreams is an HTTP client that gets these streams, one for each connection, and after the last one ends the test.
type scriptedStreams struct {
	bodies  []io.Reader
	resumed []string // the Last-Event-ID of each request
	end     func()
}

// Do returns the next stream.
func (s *scriptedStreams) Do(r *http.Request) (*http.Response, error) {
	s.resumed = append(s.resumed, r.Header.Get("Last-Event-ID"))
	if len(s.resumed) > len(s.bodies) {
		s.end()
		return nil, r.Context().Err()
	}
	body := s.bodies[len(s.resumed)-1]
	if body == nil { // silent until the reader gives up
		silent, w := io.Pipe()
		context.AfterFunc(r.Context(), func() { w.CloseWithError(r.Context().Err()) })
		body = silent
	}
	w := httptest.NewRecorder()
	response := w.Result()
	response.Body = io.NopCloser(body)
	return response, nil
}

// TestFollow: comments and messages without data print nothing, missing requests are told, and a lost or silent connection is made
// again, after the last message.
func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		client := &scriptedStreams{end: cancel, bodies: []io.Reader{
			strings.NewReader(": hello\n\nid: 1\ndata: {\"request_id\":\n" + "data: \"RQ1\"}\n\nid: 5\n\nevent: missed\ndata: {\"missed\":3}\n\n"),
			strings.NewReader("event: missed\ndata: {\"missed\":null}\n\nid: 7\ndata: {\"request_id\":\"RQ7\"}\n\nid: 8\ndata: {\"broken off"),
			nil,
		}}
		api, err := operatorapi.NewClient("http://server.example", operatorapi.WithHTTPClient(client))
		if err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		f := follower{api: system{Client: api}, streams: streams{out: escaper{&out}, err: escaper{&errs}}}
		if err := f.follow(ctx); err != nil {
			t.Error(err)
		}
		if lines := strings.Split(out.String(), "\n"); len(lines) != 3 || !strings.Contains(lines[0], `"RQ1"`) || !strings.Contains(lines[1], `"RQ7"`) {
			t.Errorf("printed %s", &out)
		}
		const want = `connected
3 requests are missing here
the connection was lost (unexpected EOF); connecting again
connected
some requests are missing here
the connection was lost (unexpected EOF); connecting again
connected
the connection was lost (the server has sent nothing for a minute); connecting again
`
		if errs.String() != want {
			t.Errorf("told\n%s", &errs)
		}
		if resumed := strings.Join(client.resumed, ","); resumed != ",5,7,7" {
			t.Errorf("resumed after %s", resumed)
		}
	})
}

// TestFollowEnds: what is not a stream of requests is an error at once.
func TestFollowEnds(t *testing.T) {
	for name, respond := range map[string]http.HandlerFunc{
		"refused":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) },
		"not JSON": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "data: <html>\n\n") },
		"no number": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "event: missed\ndata: <html>\n\n")
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(respond)
			defer server.Close()
			code, out, errs := runWith(t, map[string]string{"TRUSTHUB_OPERATOR_URL": server.URL, "TRUSTHUB_OPERATOR_TOKEN": "secret"},
				"requests", "--follow")
			if code != 1 || out != "" || strings.Contains(errs, "html") {
				t.Errorf("status %d: %s%s", code, out, errs)
			}
		})
	}
}
