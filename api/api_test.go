package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opentrusthub/trusthub"
	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/gen/server"
)

const (
	account  = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	token    = "correct"
	validSID = "BUaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	form     = "FriendlyName=Acme&Email=a@b.example&PolicySid=RN7a97559effdf62d00f4298208492a5ea"
)

// backend returns a product with the request's values, or calls the test's functions.
type backend struct {
	server.Unimplemented

	create func(ctx context.Context, r server.CreateTrustProductRequestObject) (server.CreateTrustProductResponseObject, error)
}

func (b backend) CreateTrustProduct(
	ctx context.Context, r server.CreateTrustProductRequestObject,
) (server.CreateTrustProductResponseObject, error) {
	if b.create != nil {
		return b.create(ctx, r)
	}
	return server.CreateTrustProduct201JSONResponse{Body: product(ctx, r.Body.FriendlyName, r.Body.Email)}, nil
}

func (b backend) ListTrustProduct(
	ctx context.Context, _ server.ListTrustProductRequestObject,
) (server.ListTrustProductResponseObject, error) {
	return server.ListTrustProduct200JSONResponse{
		Body: gen.TrustProductPage{Results: []gen.TrustProduct{product(ctx, "Acme", "a@b.example")}},
	}, nil
}

func (b backend) FetchTrustProduct(
	ctx context.Context, _ server.FetchTrustProductRequestObject,
) (server.FetchTrustProductResponseObject, error) {
	return server.FetchTrustProduct200JSONResponse{Body: product(ctx, "Acme", "a@b.example")}, nil
}

func (b backend) DeleteTrustProduct(
	context.Context, server.DeleteTrustProductRequestObject,
) (server.DeleteTrustProductResponseObject, error) {
	return server.DeleteTrustProduct204Response{}, nil
}

func (b backend) UpdateTrustProduct(
	ctx context.Context, _ server.UpdateTrustProductRequestObject,
) (server.UpdateTrustProductResponseObject, error) {
	return server.UpdateTrustProduct200JSONResponse{Body: product(ctx, "Acme", "a@b.example")}, nil
}

func product(ctx context.Context, name, email string) gen.TrustProduct {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	url := api.BaseURL(ctx) + "/v1/TrustProducts/" + validSID
	return gen.TrustProduct{
		SID: validSID, AccountSID: api.AccountSID(ctx), PolicySID: "RN7a97559effdf62d00f4298208492a5ea",
		FriendlyName: name, Email: email, Status: gen.BundleStatusDraft, DateCreated: at, DateUpdated: at, URL: url,
		Links: gen.TrustProductLinks{
			TrustProductsEntityAssignments: url + "/a", TrustProductsEvaluations: url + "/b",
			TrustProductsChannelEndpointAssignment: url + "/c",
		},
	}
}

func authenticate(_ context.Context, username, password string) (string, error) {
	if username == account && password == token {
		return account, nil
	}
	return "", api.ErrUnauthenticated
}

func newHandler(t testing.TB, b backend, config api.Config) http.Handler {
	t.Helper()
	if config.Authenticate == nil {
		config.Authenticate = authenticate
	}
	handler, err := api.New(b, config)
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

func newRequest(body io.Reader) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "http://hub.example/v1/TrustProducts", body)
	r.SetBasicAuth(account, token)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func answerOf(t testing.TB, handler http.Handler, r *http.Request) (*httptest.ResponseRecorder, gen.Error) {
	t.Helper()
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	var failure gen.Error
	if w.Code >= http.StatusBadRequest {
		if err := json.Unmarshal(w.Body.Bytes(), &failure); err != nil || failure.Status != w.Code {
			t.Fatalf("status %d with body %q: %v", w.Code, w.Body, err)
		}
	}
	return w, failure
}

func TestInvalidConfig(t *testing.T) {
	for name, config := range map[string]api.Config{
		"no authenticator":       {},
		"a relative public URL":  {Authenticate: authenticate, PublicURL: "hub.example"},
		"a public URL of ftp":    {Authenticate: authenticate, PublicURL: "ftp://hub.example"},
		"a public URL's query":   {Authenticate: authenticate, PublicURL: "https://hub.example?x=1"},
		"a broken public URL":    {Authenticate: authenticate, PublicURL: "https://hub example"},
		"a public URL's nothing": {Authenticate: authenticate, PublicURL: "https://"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := api.New(backend{}, config); err == nil {
				t.Error("New accepts it")
			}
		})
	}
}

func TestBaseURL(t *testing.T) {
	for _, test := range []struct{ name, publicURL, want string }{
		{"the request's own", "", "http://hub.example/v1/"},
		{"the public one", "https://public.example/prefix/", "https://public.example/prefix/v1/"},
	} {
		t.Run(test.name, func(t *testing.T) {
			handler := newHandler(t, backend{}, api.Config{PublicURL: test.publicURL})
			w, _ := answerOf(t, handler, newRequest(strings.NewReader(form)))
			if !strings.Contains(w.Body.String(), `"url":"`+test.want) {
				t.Errorf("the response does not use %s: %s", test.want, w.Body)
			}
		})
	}
}

func TestBodyLimitWithoutContentLength(t *testing.T) {
	handler := newHandler(t, backend{}, api.Config{MaxBodyBytes: 100})
	body := io.MultiReader(strings.NewReader(form), strings.NewReader(strings.Repeat("x", 100)))
	if _, failure := answerOf(t, handler, newRequest(body)); api.Code(failure.Code) != api.CodeBodyTooLarge {
		t.Errorf("got %+v", failure)
	}
}

func TestEscapedPath(t *testing.T) {
	handler := newHandler(t, backend{}, api.Config{})
	r := httptest.NewRequest(http.MethodGet, "http://hub.example/v1/%54rustProducts/%42U"+validSID[2:], nil)
	r.SetBasicAuth(account, token)
	if w, failure := answerOf(t, handler, r); w.Code != http.StatusOK {
		t.Errorf("status %d: %+v", w.Code, failure)
	}
}

// TestEmptyBodyOfAnotherType sends no form, but a Content-Type that makes echo parse one.
func TestEmptyBodyOfAnotherType(t *testing.T) {
	handler := newHandler(t, backend{}, api.Config{})
	r := newRequest(http.NoBody)
	r.URL.Path += "/" + validSID
	r.Header.Set("Content-Type", "multipart/form-data")
	if w, failure := answerOf(t, handler, r); w.Code != http.StatusOK {
		t.Errorf("status %d: %+v", w.Code, failure)
	}
}

func TestBodyIsNotReadBeforeAuthentication(t *testing.T) {
	handler := newHandler(t, backend{}, api.Config{})
	body := &countingReader{}
	r := newRequest(body)
	r.SetBasicAuth(account, "wrong")
	if _, failure := answerOf(t, handler, r); api.Code(failure.Code) != api.CodeUnauthenticated || body.reads != 0 {
		t.Errorf("got %+v after %d reads of the body", failure, body.reads)
	}
}

type countingReader struct{ reads int }

func (r *countingReader) Read([]byte) (int, error) {
	r.reads++
	return 0, io.EOF
}

func TestAuthenticateErrors(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		want api.Code
	}{
		{"an empty account", nil, api.CodeUnauthenticated},
		{"wrong credentials", api.ErrUnauthenticated, api.CodeUnauthenticated},
		{"an internal error", errors.New("the directory is down"), api.CodeInternal},
		{"an *Error", api.NewError(api.CodeUnavailable, "", nil), api.CodeUnavailable},
	} {
		t.Run(test.name, func(t *testing.T) {
			refuse := func(context.Context, string, string) (string, error) { return "", test.err }
			handler := newHandler(t, backend{}, api.Config{Authenticate: refuse})
			if _, failure := answerOf(t, handler, newRequest(strings.NewReader(form))); api.Code(failure.Code) != test.want {
				t.Errorf("got %+v, want code %d", failure, test.want)
			}
		})
	}
}

func TestOperationEndsInTime(t *testing.T) {
	slow := backend{create: func(
		ctx context.Context, _ server.CreateTrustProductRequestObject,
	) (server.CreateTrustProductResponseObject, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	handler := newHandler(t, slow, api.Config{Timeout: time.Millisecond})
	if _, failure := answerOf(t, handler, newRequest(strings.NewReader(form))); api.Code(failure.Code) != api.CodeUnavailable {
		t.Errorf("got %+v", failure)
	}
}

func TestUnhealthy(t *testing.T) {
	down := func(context.Context) error { return errors.New("no disk") }
	handler := newHandler(t, backend{}, api.Config{Health: down})
	w, failure := answerOf(t, handler, httptest.NewRequest(http.MethodGet, "/healthz", nil))
	if api.Code(failure.Code) != api.CodeUnavailable || strings.Contains(w.Body.String(), "disk") {
		t.Errorf("got %s", w.Body)
	}
	if w, _ := answerOf(t, handler, httptest.NewRequest(http.MethodGet, "/livez", nil)); w.Code != http.StatusOK {
		t.Errorf("/livez: status %d", w.Code)
	}
}

// TestHealthHangs checks the health of a backend that does not respond.
func TestHealthHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		handler, began := newHandler(t, backend{}, api.Config{Health: hangs}), time.Now()
		_, failure := answerOf(t, handler, httptest.NewRequest(http.MethodGet, "/healthz", nil))
		if took := time.Since(began); api.Code(failure.Code) != api.CodeUnavailable || took != 3*time.Second {
			t.Errorf("after %v: %+v", took, failure)
		}
		began = time.Now()
		w, _ := answerOf(t, handler, httptest.NewRequest(http.MethodGet, "/livez", nil))
		if took := time.Since(began); w.Code != http.StatusOK || took != 0 {
			t.Errorf("/livez: status %d after %v", w.Code, took)
		}
	})
}

func TestContractIsServed(t *testing.T) {
	handler := newHandler(t, backend{}, api.Config{})
	w, _ := answerOf(t, handler, httptest.NewRequest(http.MethodGet, "/openapi.yaml", nil))
	if w.Code != http.StatusOK || w.Body.String() != trusthub.Contract() {
		t.Errorf("status %d, %d bytes", w.Code, w.Body.Len())
	}
}

func TestStatusCallbackHost(t *testing.T) {
	handler := newHandler(t, backend{}, api.Config{})
	for _, test := range []struct {
		name, host string
		status     int
	}{
		{"the longest DNS name", strings.Repeat("a", 253), http.StatusCreated},
		{"a longer name", strings.Repeat("a", 254), http.StatusBadRequest},
		{"with a port", strings.Repeat("a", 253) + ":65535", http.StatusCreated},
		{"a port that is too long", "a.example:" + strings.Repeat("0", 4096), http.StatusBadRequest},
		{"a port out of range", "acme.example:99999", http.StatusBadRequest},
		{"IPv6", "[::1]:80", http.StatusCreated},
		{"IPv6 with a zone", "[fe80::1%25eth0]", http.StatusBadRequest},
		{"a Unicode name", "bücher.example", http.StatusCreated},
		{"a name without a form in DNS", "ü-.example", http.StatusBadRequest},
		{"invalid UTF-8 when decoded", "a%ff.example", http.StatusBadRequest},
	} {
		t.Run(test.name, func(t *testing.T) {
			callback := url.Values{"StatusCallback": {"http://" + test.host + "/"}}
			if w, _ := answerOf(t, handler, newRequest(strings.NewReader(form+"&"+callback.Encode()))); w.Code != test.status {
				t.Errorf("status %d, want %d: %s", w.Code, test.status, w.Body)
			}
		})
	}
}

func TestEmailIsAnyText(t *testing.T) {
	handler := newHandler(t, backend{}, api.Config{})
	for _, test := range []struct {
		name, email string
		status      int
	}{
		{"the value on the create page", "email", http.StatusCreated},
		{"a company's name", `Café & Söhne "Real", Inc. <x>, y@z`, http.StatusCreated},
		{"a joined emoji and a direction mark", "👩\u200d👦 \u200f", http.StatusCreated},
		{"254 characters, but more bytes", strings.Repeat("é", 254), http.StatusCreated},
		{"255 characters", strings.Repeat("é", 255), http.StatusBadRequest},
		{"empty", "", http.StatusBadRequest},
		{"a line break", "a@b.example\n", http.StatusBadRequest},
		{"a carriage return", "a\rb", http.StatusBadRequest},
		{"a tab", "a\tb", http.StatusBadRequest},
		{"the last of C0", "a\x1fb", http.StatusBadRequest},
		{"DEL", "a\x7fb", http.StatusBadRequest},
		{"the first of C1", "a\u0080b", http.StatusBadRequest},
		{"NEL", "a\u0085b", http.StatusBadRequest},
		{"the last of C1", "a\u009fb", http.StatusBadRequest},
		{"the first after C1", "a\u00a0b", http.StatusCreated},
		{"the line separator", "a\u2028b", http.StatusBadRequest},
		{"the paragraph separator", "a\u2029b", http.StatusBadRequest},
	} {
		t.Run(test.name, func(t *testing.T) {
			body := strings.NewReader(url.Values{
				"FriendlyName": {"Acme"}, "PolicySid": {"RN7a97559effdf62d00f4298208492a5ea"}, "Email": {test.email},
			}.Encode())
			if w, failure := answerOf(t, handler, newRequest(body)); w.Code != test.status {
				t.Errorf("status %d, want %d: %s", w.Code, test.status, failure.Message)
			}
		})
	}
}

// TestNothingPrivateIsLogged sends secrets in every part of a request and looks for them in the log and the response.
func TestNothingPrivateIsLogged(t *testing.T) {
	var log bytes.Buffer
	defect := backend{create: func(
		_ context.Context, r server.CreateTrustProductRequestObject,
	) (server.CreateTrustProductResponseObject, error) {
		panic("cannot handle " + r.Body.Email)
	}}
	handler := newHandler(t, defect, api.Config{Logger: slog.New(slog.NewJSONHandler(&log, nil))})
	const private = "private"
	requests := map[string]func() *http.Request{
		"a panic's value":    func() *http.Request { return newRequest(replaced("a@", "private@")) },
		"an invalid address": func() *http.Request { return newRequest(replaced("a@", "private%0A")) },
		"an invalid policy":  func() *http.Request { return newRequest(replaced("=RN", "=private")) },
		"a broken encoding":  func() *http.Request { return newRequest(strings.NewReader(form + "&StatusCallback=private%")) },
		"a password": func() *http.Request {
			r := newRequest(strings.NewReader(form))
			r.SetBasicAuth(account, private)
			return r
		},
		"a query": func() *http.Request {
			r := newRequest(strings.NewReader(form))
			r.URL.RawQuery = "Email=private@b.example"
			return r
		},
	}
	for name, request := range requests {
		t.Run(name, func(t *testing.T) {
			log.Reset()
			w, _ := answerOf(t, handler, request())
			if w.Code < http.StatusBadRequest {
				t.Errorf("status %d", w.Code)
			}
			if strings.Contains(log.String(), private) || strings.Contains(w.Body.String(), private) {
				t.Errorf("a secret leaks.\nlog: %s\nresponse: %s", &log, w.Body)
			}
			if !strings.Contains(log.String(), w.Header().Get("Twilio-Request-Id")) {
				t.Errorf("the log does not name the request: %s", &log)
			}
		})
	}
}

func replaced(old, new string) io.Reader {
	return strings.NewReader(strings.Replace(form, old, new, 1))
}

// TestCORSHeaders checks all five headers, with and without an Origin, on success and on failure. Browsers accept the origin
// "*" only with credentials "false".
func TestCORSHeaders(t *testing.T) {
	handler := newHandler(t, backend{}, api.Config{})
	want := map[string]string{
		"Access-Control-Allow-Origin":      "*",
		"Access-Control-Allow-Headers":     "Authorization, Content-Type, Idempotency-Key, Traceparent",
		"Access-Control-Allow-Credentials": "false",
		"Access-Control-Expose-Headers":    "Twilio-Request-Id, Retry-After, Twilio-Concurrent-Requests",
	}
	for path, methods := range map[string]string{
		"/v1/TrustProducts": "GET, POST, OPTIONS", "/v1/TrustProducts/" + validSID: "DELETE, GET, POST, OPTIONS",
	} {
		for _, origin := range []string{"", "https://app.example"} {
			for _, password := range []string{token, "wrong"} {
				want["Access-Control-Allow-Methods"] = methods
				r := newRequest(strings.NewReader(form))
				r.URL.Path = path
				r.SetBasicAuth(account, password)
				if origin != "" {
					r.Header.Set("Origin", origin)
				}
				w, _ := answerOf(t, handler, r)
				for name, value := range want {
					if got := w.Header().Values(name); len(got) != 1 || got[0] != value {
						t.Errorf("%s, status %d, origin %q: %s is %q, want %q", path, w.Code, origin, name, got, value)
					}
				}
			}
		}
	}
}
