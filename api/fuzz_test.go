package api_test

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/gen/server"
)

// FuzzRequest sends arbitrary methods, paths, queries, credentials and bodies. The response must be a product or an error
// body, never a 5xx, and requests that reach the backend must be valid.
func FuzzRequest(f *testing.F) {
	const create, update = "/v1/TrustProducts", "/v1/TrustProducts/" + validSID
	f.Add("POST", create, "", "", form)
	f.Add("POST", update, "Status=bogus", "", "Status=draft&StatusCallback=")
	f.Add("POST", create, "Email=%ff", "Basic Og==", "FriendlyName=%ff&Tags[0=x&Email=a%00@b.c&&=&;")
	f.Add("POST", "/v1/TrustProducts/%42U"+strings.Repeat("0", 32), "", "Bearer x", "Status=pending-review")
	f.Add("POST", update+"/Evaluations", "a;b", "Basic", "StatusCallback=http%3A%2F%2Fa%0A")
	f.Add("GET", create, "PageSize=1001&Page=-1&Status=draft&PageToken=x&FriendlyName=%zz", "", "")
	f.Add("GET", update, "", "", form)
	f.Add("DELETE", update, "", "", "")
	f.Add("POST", create, "", "", "FriendlyName=Acme&Email=Acme%E2%80%A8%C2%9B&PolicySid=RN7a97559effdf62d00f4298208492a5ea")
	f.Add("OPTIONS", create, "", "x", "")
	checks := &checkingBackend{}
	handler := newHandler(f, backend{create: checks.create}, api.Config{}) // once: it reads the contract
	f.Fuzz(func(t *testing.T, method, path, query, authorization, body string) {
		r := newRequest(strings.NewReader(body))
		u, err := url.ParseRequestURI("http://hub.example/" + strings.TrimPrefix(path, "/"))
		if err != nil {
			return // no server receives such a path
		}
		if strings.ContainsFunc(method, func(c rune) bool { return c < 'A' || c > 'Z' }) || method == "" || method == "HEAD" {
			return // no server receives the first; the second is answered without a body
		}
		r.Method, r.URL = method, u
		r.URL.RawQuery = query
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		w, failure := answerOf(t, handler, r)
		if checks.violation != "" {
			t.Errorf("the backend got an invalid request: %s", checks.violation)
		}
		if w.Code >= http.StatusInternalServerError {
			t.Errorf("status %d: %+v", w.Code, failure)
		}
		if authorization != "" && w.Code < http.StatusBadRequest && w.Code != http.StatusNoContent &&
			strings.HasPrefix(u.Path, "/v1/") && !authorized(r) {
			t.Errorf("status %d with credentials %q", w.Code, authorization)
		}
		if w.Code != http.StatusNoContent && !bytes.HasPrefix(w.Body.Bytes(), []byte("{")) && u.Path != "/openapi.yaml" {
			t.Errorf("not JSON: %q", w.Body)
		}
	})
}

func authorized(r *http.Request) bool {
	username, password, ok := r.BasicAuth()
	return ok && username == account && password == token
}

// isOneLine reports whether text is a valid Email in the contract.
func isOneLine(text string) bool {
	length := utf8.RuneCountInString(text)
	return utf8.ValidString(text) && length >= 1 && length <= 254 && !strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp)
	})
}

// checkingBackend records requests that violate the contract. The fuzzer sends one request at a time.
type checkingBackend struct{ violation string }

func (b *checkingBackend) create(
	ctx context.Context, r server.CreateTrustProductRequestObject,
) (server.CreateTrustProductResponseObject, error) {
	callback := r.Body.StatusCallback
	switch {
	case r.Body.FriendlyName == "" || !utf8.ValidString(r.Body.FriendlyName):
		b.violation = "name " + r.Body.FriendlyName
	case !isOneLine(r.Body.Email):
		b.violation = "e-mail " + r.Body.Email
	case len(r.Body.PolicySID) != 34 || !strings.HasPrefix(r.Body.PolicySID, "RN"):
		b.violation = "policy " + r.Body.PolicySID
	case callback != nil && *callback != "" && !strings.HasPrefix(strings.ToLower(*callback), "http"):
		b.violation = "callback " + *callback
	}
	return server.CreateTrustProduct201JSONResponse{Body: product(ctx, r.Body.FriendlyName, r.Body.Email)}, nil
}
