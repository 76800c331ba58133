package browser

import (
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/opentrusthub/trusthub/test/kit/programtest"
)

const (
	accountSID = programtest.AccountSID
	authToken  = programtest.AuthToken
)

// program is the path of the built binary. TestMain sets it, once, before the first test.
var program string

func TestMain(m *testing.M) { os.Exit(programtest.Main(m, &program)) }

// startServer runs a server with an empty database until the test ends, and returns its URL.
func startServer(t *testing.T, flags ...string) *url.URL {
	t.Helper()
	return programtest.Serve(t, program, filepath.Join(t.TempDir(), "trusthub.db"), flags...)
}
