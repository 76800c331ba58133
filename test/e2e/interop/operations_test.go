package interop

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/twilio/twilio-go/client"
	trusthub "github.com/twilio/twilio-go/rest/trusthub/v1"
)

// TestEveryOperation lets the SDK do all that it can do with bundles and what belongs to them, and fails for an operation of the
// contract that the SDK did not call successfully.
func TestEveryOperation(t *testing.T) {
	t.Parallel()
	onEachEngine(t, testEveryOperation)
}

func testEveryOperation(t *testing.T, server *url.URL) {
	t.Helper()
	service, succeeded := newService(t, server, authToken), &recorder{}
	record(service, succeeded)

	product := create(t, service)
	if _, err := service.FetchTrustProduct(*product.Sid); err != nil {
		t.Error(err)
	}
	if _, err := service.ListTrustProduct(nil); err != nil {
		t.Error(err)
	}
	useTypes(t, service)
	usePolicies(t, service)
	useEndUsers(t, service)
	useDocuments(t, service)
	useEntityAssignments(t, service, *product.Sid)
	useChannelEndpoints(t, service, *product.Sid)
	useEvaluations(t, service, *product.Sid)
	useFrozenProduct(t, service)
	useProfile(t, service, *product.Sid)
	if err := service.DeleteTrustProduct(*product.Sid); err != nil {
		t.Error(err)
	}

	readOperations(t).expect(t, succeeded)
}

// recorder keeps the method and path of each request that succeeded.
type recorder struct {
	mu       sync.Mutex
	requests []string
	next     http.RoundTripper
}

func record(service *trusthub.ApiService, r *recorder) {
	sdk := service.RequestHandler().Client.(*client.Client) //nolint:forcetypeassert // newService made it
	r.next, sdk.HTTPClient.Transport = sdk.HTTPClient.Transport, r
}

func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := r.next.RoundTrip(request)
	if err == nil && response.StatusCode < http.StatusBadRequest {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.requests = append(r.requests, request.Method+" "+request.URL.Path)
	}
	return response, err
}

func (r *recorder) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.requests)
}

// operations are those of the contract by name, each with a pattern of its method and path.
type operations map[string]*regexp.Regexp

// readOperations asks the program, which reads them from its contract.
func readOperations(t *testing.T) operations {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program, "api", "--list").Output()
	if err != nil {
		t.Fatal(err)
	}
	var listed []struct{ Operation, Method, Path string }
	if err := json.Unmarshal(out, &listed); err != nil {
		t.Fatal(err)
	}
	all := operations{}
	for _, o := range listed {
		pattern := regexp.MustCompile(`\\\{\w+\\\}`).ReplaceAllString(regexp.QuoteMeta(o.Path), "[^/]+")
		all[o.Operation] = regexp.MustCompile("^" + o.Method + " " + pattern + "$")
	}
	if len(all) < 48 {
		t.Fatalf("the contract has the operations %v", slices.Sorted(maps.Keys(all)))
	}
	return all
}

// expect wants each operation, and nothing else, among the requests.
func (o operations) expect(t *testing.T, succeeded *recorder) {
	t.Helper()
	called := map[string]bool{}
	for _, request := range succeeded.all() {
		called[o.of(request)] = true
	}
	for name := range o {
		if !called[name] {
			t.Errorf("%s was not called", name)
		}
	}
	if called[""] {
		t.Error("something was called that the contract does not have")
	}
}

// of returns the name of a request's operation, empty if it has none.
func (o operations) of(request string) string {
	for name, pattern := range o {
		if pattern.MatchString(request) {
			return name
		}
	}
	return ""
}

// expectError wants the SDK's own error, with a status, a code and words of its message.
func expectError(t *testing.T, what string, err error, status, code int, words string) {
	t.Helper()
	got, ok := errors.AsType[*client.TwilioRestError](err)
	if !ok || got.Status != status || got.Code != code || !strings.Contains(got.Message, words) {
		t.Errorf("%s: %v; want status %d, code %d and %q", what, err, status, code, words)
	}
}
