package hub_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"testing"

	"github.com/opentrusthub/trusthub/internal/hub"
	"github.com/opentrusthub/trusthub/test/kit/contracttest"
)

// contract validates responses against openapi.yaml, and records which operations have succeeded.
type contract struct {
	*contracttest.Contract
	seen map[string]bool
}

func newContract(t *testing.T) *contract {
	t.Helper()
	c, err := contracttest.New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return &contract{c, map[string]bool{}}
}

// check fails the test unless the contract allows the answer and it has the headers that every answer has.
func (c *contract) check(t *testing.T, title string, r *http.Request, answer *httptest.ResponseRecorder) {
	t.Helper()
	if answer.Header().Get("Twilio-Request-Id") == "" {
		t.Errorf("%s: no Twilio-Request-Id", title)
	}
	if err := c.Check(r, answer.Code, answer.Header(), answer.Body.Bytes()); err != nil {
		t.Errorf("%s: %v", title, err)
	}
	operation := c.Operation(r)
	if operation == "" {
		return
	}
	for _, name := range []string{"Origin", "Methods", "Headers", "Credentials"} {
		if answer.Header().Get("Access-Control-Allow-"+name) == "" {
			t.Errorf("%s: no Access-Control-Allow-%s", title, name)
		}
	}
	if answer.Code < http.StatusBadRequest {
		c.seen[operation] = true
	}
}

// unseen lists the operations that are served and that no successful answer was seen of.
func (c *contract) unseen() []string {
	return slices.DeleteFunc(c.Operations(), func(id string) bool { return c.seen[id] || slices.Contains(notServed(), id) })
}

// notServed lists the operations of the contract that the hub does not implement yet: they return 501 and need no transcript. With
// the last of them goes this list, and server.Unimplemented in the hub.
func notServed() []string {
	return []string{
		"CreateEndUser", "DeleteEndUser", "FetchEndUser", "ListEndUser", "UpdateEndUser",
		"CreateSupportingDocument", "DeleteSupportingDocument", "FetchSupportingDocument", "ListSupportingDocument",
		"UpdateSupportingDocument",
		"FetchEndUserType", "ListEndUserType", "FetchSupportingDocumentType", "ListSupportingDocumentType",
		"FetchPolicies", "ListPolicies",
		"CreateTrustProductChannelEndpointAssignment", "DeleteTrustProductChannelEndpointAssignment",
		"FetchTrustProductChannelEndpointAssignment", "ListTrustProductChannelEndpointAssignment",
		"CreateTrustProductEntityAssignment", "DeleteTrustProductEntityAssignment",
		"FetchTrustProductEntityAssignment", "ListTrustProductEntityAssignment",
		"CreateTrustProductEvaluation", "FetchTrustProductEvaluation", "ListTrustProductEvaluation",
	}
}

// TestNotServed fails for an operation that is listed as not served and is.
func TestNotServed(t *testing.T) {
	empty := reflect.ValueOf(&hub.Hub{})
	for _, id := range notServed() {
		method := empty.MethodByName(id)
		if !method.IsValid() {
			t.Errorf("the contract has no operation %s", id)
			continue
		}
		if err := callZero(t.Context(), method); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("operation %s is served: remove it from the list, and write its transcript", id)
		}
	}
}

// callZero calls an operation with an empty request. One that is written returns another error than ErrUnsupported, or panics for
// want of a store.
func callZero(ctx context.Context, operation reflect.Value) (err error) {
	defer func() {
		if recover() != nil {
			err = nil
		}
	}()
	request := reflect.Zero(operation.Type().In(1))
	err, _ = reflect.TypeAssert[error](operation.Call([]reflect.Value{reflect.ValueOf(ctx), request})[1])
	return err
}
