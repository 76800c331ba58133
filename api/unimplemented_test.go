package api_test

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/gen/server"
	"github.com/opentrusthub/trusthub/test/kit/contracttest"
)

// twoOperations implements two operations of the contract. That it compiles shows that adding an operation to the contract
// does not break an implementation that embeds Unimplemented.
type twoOperations struct{ server.Unimplemented }

var _ server.StrictServerInterface = twoOperations{}

func (twoOperations) CreateTrustProduct(
	ctx context.Context, r server.CreateTrustProductRequestObject,
) (server.CreateTrustProductResponseObject, error) {
	return backend{}.CreateTrustProduct(ctx, r)
}

func (twoOperations) FetchTrustProduct(
	ctx context.Context, r server.FetchTrustProductRequestObject,
) (server.FetchTrustProductResponseObject, error) {
	return backend{}.FetchTrustProduct(ctx, r)
}

func TestUnimplemented(t *testing.T) {
	handler, err := api.New(twoOperations{}, api.Config{Authenticate: authenticate})
	if err != nil {
		t.Fatal(err)
	}
	contract, err := contracttest.New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const list, one = "/v1/TrustProducts", "/v1/TrustProducts/" + validSID
	for _, test := range []struct {
		method, path, body string
		status             int
	}{
		{http.MethodPost, list, form, http.StatusCreated},
		{http.MethodGet, one, "", http.StatusOK},
		{http.MethodGet, list, "", http.StatusNotImplemented},
		{http.MethodPost, one, "Status=draft", http.StatusNotImplemented},
		{http.MethodPost, one, "Status=bogus", http.StatusBadRequest}, // the request is validated nevertheless
		{http.MethodDelete, one, "", http.StatusNotImplemented},
	} {
		t.Run(test.method+" "+test.path+" "+test.body, func(t *testing.T) {
			r := httptest.NewRequest(test.method, "http://hub.example"+test.path, strings.NewReader(test.body))
			r.SetBasicAuth(account, token)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			w, failure := answerOf(t, handler, r)
			if w.Code != test.status {
				t.Errorf("status %d, want %d: %s", w.Code, test.status, w.Body)
			}
			if w.Code == http.StatusNotImplemented && api.Code(failure.Code) != api.CodeUnimplemented {
				t.Errorf("code %d, want %d", failure.Code, api.CodeUnimplemented)
			}
			if err := contract.Check(r, w.Code, w.Header(), w.Body.Bytes()); err != nil {
				t.Error(err)
			}
		})
	}
}

// brokenDisk fails as a file system that cannot do what it is asked: errors.Is takes that error for errors.ErrUnsupported.
type brokenDisk struct{ server.Unimplemented }

func (brokenDisk) FetchTrustProduct(
	context.Context, server.FetchTrustProductRequestObject,
) (server.FetchTrustProductResponseObject, error) {
	return nil, fmt.Errorf("read the product: %w", &fs.PathError{Op: "sync", Path: "db", Err: syscall.ENOTSUP})
}

// TestUnsupportedIsNotUnimplemented has an operation that is implemented and fails.
func TestUnsupportedIsNotUnimplemented(t *testing.T) {
	handler, err := api.New(brokenDisk{}, api.Config{Authenticate: authenticate})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "http://hub.example/v1/TrustProducts/"+validSID, http.NoBody)
	r.SetBasicAuth(account, token)
	if w, failure := answerOf(t, handler, r); w.Code != http.StatusInternalServerError {
		t.Errorf("status %d, code %d, want 500", w.Code, failure.Code)
	}
}
