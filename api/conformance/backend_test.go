package conformance_test

import (
	"net/http"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/opentrusthub/trusthub/gen/server"
	"github.com/opentrusthub/trusthub/internal/app"
	"github.com/opentrusthub/trusthub/internal/hub"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// TestMain fails when a goroutine is left, of the suite's client for example.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestExample runs the example, which go test cannot do because it needs a *testing.T.
func TestExample(t *testing.T) { testBackend(t) }

// newBackend returns an implementation of the contract: this project's own, without a worker, wrapped by wrap if that is not
// nil.
func newBackend(t *testing.T, accountSID, authToken string, wrap func(*hub.Hub) server.StrictServerInterface) http.Handler {
	t.Helper()
	db := storetest.Open(t, storetest.Names()["sqlite"](t))
	if err := db.PutAccount(t.Context(), store.Account{SID: accountSID, AuthToken: authToken}); err != nil {
		t.Fatal(err)
	}
	backend, err := app.New(t.Context(), app.Config{Store: db, Now: time.Now, AllowGuessing: true, Wrap: wrap})
	if err != nil {
		t.Fatal(err)
	}
	return backend.Handler()
}
