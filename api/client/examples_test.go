package client_test

import (
	"net/http"
	"testing"

	"github.com/opentrusthub/trusthub/api/apitest"
	"github.com/opentrusthub/trusthub/api/client"
)

// TestExamples runs the example that go test cannot run because it needs a *testing.T. It has its own file, so that the
// documentation shows the whole file.
func TestExamples(t *testing.T) {
	t.Run("A2P", testA2P)
}

// newClient returns a client of a server that has the whole API.
func newClient(t *testing.T, s *apitest.Server) *client.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	c, err := client.New(client.WithBaseURL(s.BaseURL), client.WithCredentials(s.AccountSID, s.AuthToken),
		client.WithHTTPClient(&http.Client{Transport: transport}))
	check(t, err)
	return c
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
