package conformance_test

import (
	"net/http/httptest"
	"testing"

	"github.com/opentrusthub/trusthub/api/conformance"
)

// What an implementer writes. The cases of the review are skipped: this backend has none.
func ExampleRun() {} // testBackend is it

// testBackend would be a TestBackend in a package of yours. Here TestExample runs it.
func testBackend(t *testing.T) {
	server := httptest.NewServer(newBackend(t, "AC0123456789abcdef0123456789abcdef", "token", nil))
	defer server.Close()
	conformance.Run(t, conformance.Target{
		BaseURL: server.URL, Username: "AC0123456789abcdef0123456789abcdef", Password: "token", StandIn: true,
	})
}
