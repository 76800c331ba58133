package apitest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/api/client"
)

// TestExamples runs the examples, which go test cannot do because they need a *testing.T. Each is in its own file, so that the
// documentation shows the whole file.
func TestExamples(t *testing.T) {
	t.Run("New", testRejection)
	t.Run("Server_Inject", testOverload)
	t.Run("Server_Reset", testApproval)
	t.Run("WithCompliance", testCompliance)
	t.Run("WithSeed", testSeed)
}

// application is what the examples test. It registers a business and shows the status that the last callback reported.
type application struct {
	api       *client.Client
	authToken string

	mu    sync.Mutex
	shown client.BundleStatus
}

func newApplication(t *testing.T, baseURL, accountSID, authToken string) http.Handler {
	t.Helper()
	c, err := client.New(client.WithBaseURL(baseURL), client.WithCredentials(accountSID, authToken),
		client.WithHTTPClient(&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}),
		client.WithRetries(client.RetryPolicy{BaseWait: time.Millisecond}))
	if err != nil {
		t.Fatal(err)
	}
	app := &application{api: c, authToken: authToken}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /register", app.register)
	mux.HandleFunc("POST /status", app.receive)
	mux.HandleFunc("GET /", app.show)
	return mux
}

func (a *application) register(w http.ResponseWriter, r *http.Request) {
	product, err := a.api.CreateTrustProduct(r.Context(), client.CreateTrustProductRequest{
		FriendlyName: "Acme", Email: r.PostFormValue("email"), PolicySID: "RN7a97559effdf62d00f4298208492a5ea",
		StatusCallback: new("http://" + r.Host + "/status"),
	})
	if err == nil {
		_, err = a.api.UpdateTrustProduct(r.Context(), product.SID, client.UpdateTrustProductRequest{Status: new(client.BundleStatusPendingReview)})
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
	}
}

func (a *application) receive(w http.ResponseWriter, r *http.Request) {
	callback, err := client.ParseCallback(r, a.authToken)
	if err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.shown = callback.Status
}

func (a *application) show(w http.ResponseWriter, _ *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	fmt.Fprint(w, a.shown) //nolint:errcheck // the caller notices
}

// register has the application register a business.
func register(t *testing.T, app *httptest.Server, email string) {
	t.Helper()
	response, err := app.Client().PostForm(app.URL+"/register", url.Values{"email": {email}})
	if body := bodyOf(t, response, err); response.StatusCode != http.StatusOK {
		t.Fatalf("the application returned %s: %s", response.Status, body)
	}
}

// shownStatus returns what the application shows.
func shownStatus(t *testing.T, app *httptest.Server) string {
	t.Helper()
	response, err := app.Client().Get(app.URL)
	return bodyOf(t, response, err)
}

func bodyOf(t *testing.T, response *http.Response, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // all of it is read
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
