package api_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/gen/server"
)

const route = "/v1/TrustProducts/:Sid"

// TestObserve sends a request of each kind and compares all that is observed.
func TestObserve(t *testing.T) {
	values := url.Values{"FriendlyName": {"Acme"}, "Email": {"a@b.example"}, "PolicySid": {"RN7a97559effdf62d00f4298208492a5ea"}}
	invalid := url.Values{"FriendlyName": {"Acme"}, "Email": {"a@b.example"}, "PolicySid": {"RN"}}
	for _, test := range []struct {
		name, method, target, body string
		username, password         string
		want                       api.RequestInfo
	}{
		{"a create", "POST", "/v1/TrustProducts", form + "&AuthToken=" + token, account, token, api.RequestInfo{
			Route: "/v1/TrustProducts", Operation: "CreateTrustProduct", AccountSID: account, Form: values, Status: 201,
		}},
		{"an invalid create", "POST", "/v1/TrustProducts", invalid.Encode(), account, token, api.RequestInfo{
			Route: "/v1/TrustProducts", Operation: "CreateTrustProduct", AccountSID: account, Form: invalid, Status: 400,
			Code: api.CodeInvalidParameter, Message: "Invalid parameter PolicySid: must match ^RN[0-9a-fA-F]{32}$",
		}},
		{"a body that cannot be parsed", "POST", "/v1/TrustProducts", form + "&Email=c@d.example", account, token, api.RequestInfo{
			Route: "/v1/TrustProducts", Operation: "CreateTrustProduct", AccountSID: account, Status: 400,
			Code: api.CodeInvalidParameter, Message: "Invalid parameter Email: must be given once",
		}},
		{"a wrong password", "POST", "/v1/TrustProducts", form, account, "wrong", api.RequestInfo{
			Route: "/v1/TrustProducts", Operation: "CreateTrustProduct", ClaimedAccountSID: account, Status: 401,
			Code: api.CodeUnauthenticated, Message: "Authenticate",
		}},
		{"a password as user name", "GET", "/v1/TrustProducts/" + validSID, "", token, "", api.RequestInfo{
			Route: route, Operation: "FetchTrustProduct", Status: 401, Code: api.CodeUnauthenticated, Message: "Authenticate",
		}},
		{"a query", "GET", "/v1/TrustProducts?Status=draft&PageSize=5&AuthToken=" + token, "", account, token, api.RequestInfo{
			Route: "/v1/TrustProducts", Operation: "ListTrustProduct", AccountSID: account,
			Query: url.Values{"Status": {"draft"}, "PageSize": {"5"}}, Status: 200,
		}},
		{"an invalid query", "GET", "/v1/TrustProducts?Status=bogus", "", account, token, api.RequestInfo{
			Route: "/v1/TrustProducts", Operation: "ListTrustProduct", AccountSID: account, Query: url.Values{"Status": {"bogus"}}, Status: 400,
			Code:    api.CodeInvalidParameter,
			Message: "Invalid parameter Status: must be one of draft, pending-review, in-review, twilio-rejected, twilio-approved",
		}},
		{"a query that cannot be parsed", "GET", "/v1/TrustProducts?Status=%", "", account, token, api.RequestInfo{
			Route: "/v1/TrustProducts", Operation: "ListTrustProduct", AccountSID: account, Status: 400,
			Code: api.CodeInvalidParameter, Message: "Invalid parameter Status: has an invalid percent-encoding",
		}},
		{"a delete", "DELETE", "/v1/TrustProducts/" + validSID, "", account, token, api.RequestInfo{
			Route: route, Operation: "DeleteTrustProduct", AccountSID: account, Status: 204,
		}},
		{"an unknown path", "GET", "/v2/nothing", "", account, token, api.RequestInfo{
			ClaimedAccountSID: account, Status: 404, Code: api.CodeNotFound, Message: "The requested resource /v2/nothing was not found",
		}},
		{"an unknown method", "PUT", "/v1/TrustProducts/" + validSID, "", account, token, api.RequestInfo{
			Route: route, ClaimedAccountSID: account, Status: 405, Code: api.CodeMethodNotAllowed,
			Message: "The requested resource /v1/TrustProducts/" + validSID + " does not support the attempted HTTP method PUT",
		}},
		{"a preflight", "OPTIONS", "/v1/TrustProducts/" + validSID, "", "", "", api.RequestInfo{Route: route, Status: 204}},
		{"a probe", "GET", "/healthz", "", "", "", api.RequestInfo{Route: "/healthz", Status: 200}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var observed []api.RequestInfo
			clock := time.Unix(0, 0)
			handler := newHandler(t, backend{}, api.Config{
				Health:  func(context.Context) error { return nil },
				Now:     func() time.Time { clock = clock.Add(time.Second); return clock },
				Observe: func(info api.RequestInfo) { observed = append(observed, info) },
			})
			r := httptest.NewRequest(test.method, "http://hub.example"+test.target, strings.NewReader(test.body))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Idempotency-Key", "key")
			if test.username != "" {
				r.SetBasicAuth(test.username, test.password)
			}
			w, _ := answerOf(t, handler, r)
			want := test.want
			want.ID, want.Client, want.Duration = w.Header().Get("Twilio-Request-Id"), netip.MustParseAddr("192.0.2.1"), time.Second
			want.Method, want.Path, want.IdempotencyKey = test.method, r.URL.Path, "key"
			if len(observed) != 1 || !reflect.DeepEqual(observed[0], want) {
				t.Errorf("observed %+v\nwant %+v", observed, want)
			}
		})
	}
}

// TestObserveFailures observes requests that end in unusual ways.
func TestObserveFailures(t *testing.T) {
	type create = func(context.Context, server.CreateTrustProductRequestObject) (server.CreateTrustProductResponseObject, error)
	partly := server.CreateTrustProductResponseFunc(func(w http.ResponseWriter) error {
		w.WriteHeader(http.StatusCreated)
		return errors.New("the disk is full")
	})
	for name, test := range map[string]struct {
		operation create
		want      api.RequestInfo
	}{
		"a panic": {
			func(context.Context, server.CreateTrustProductRequestObject) (server.CreateTrustProductResponseObject, error) {
				panic("secret")
			},
			api.RequestInfo{Status: 500, Code: api.CodeInternal, Message: "An internal error occurred"},
		},
		"a response that breaks off": {
			func(context.Context, server.CreateTrustProductRequestObject) (server.CreateTrustProductResponseObject, error) {
				return partly, nil
			},
			api.RequestInfo{Status: 201, Broken: true},
		},
		"a caller that closes the connection": {
			func(ctx context.Context, _ server.CreateTrustProductRequestObject) (server.CreateTrustProductResponseObject, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			},
			api.RequestInfo{Status: 499, Code: api.CodeUnavailable, Message: "The service is unavailable, try again later"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var observed []api.RequestInfo
			handler := newHandler(t, backend{create: test.operation}, api.Config{
				Observe: func(info api.RequestInfo) { observed = append(observed, info) },
			})
			ctx, cancel := context.WithCancel(t.Context())
			if test.want.Status == 499 {
				cancel()
			}
			func() {
				defer func() { _ = recover() }() // http.ErrAbortHandler
				handler.ServeHTTP(httptest.NewRecorder(), newRequest(strings.NewReader(form)).WithContext(ctx))
			}()
			cancel()
			if len(observed) != 1 {
				t.Fatalf("observed %+v", observed)
			}
			o := observed[0]
			if got := (api.RequestInfo{Status: o.Status, Broken: o.Broken, Code: o.Code, Message: o.Message}); !reflect.DeepEqual(got, test.want) {
				t.Errorf("observed %+v, want %+v", got, test.want)
			}
		})
	}
}
