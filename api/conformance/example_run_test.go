package conformance_test

import (
	"net/http/httptest"
	"testing"

	"github.com/opentrusthub/trusthub/api/conformance"
)

// A test of an implementation. This backend has no review, so the cases about it are skipped.
func ExampleRun() {} // see testBackend

// testBackend would be TestBackend in your package. Here TestExample runs it.
func testBackend(t *testing.T) {
	server := httptest.NewServer(newBackend(t, "AC0123456789abcdef0123456789abcdef", "token", nil))
	defer server.Close()
	conformance.Run(t, conformance.Target{
		BaseURL: server.URL, Username: "AC0123456789abcdef0123456789abcdef", Password: "token", StandIn: true,
	})
}
