package client_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/opentrusthub/trusthub/api/client"
)

const (
	account = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	token   = "0123456789abcdef"
	sid     = "BUaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	answer  = `{"sid":"` + sid + `","account_sid":"` + account + `","policy_sid":null,"friendly_name":"Acme","status":"draft",
		"valid_until":null,"email":"a@b.example","status_callback":null,"date_created":"2019-07-30T22:29:24Z",
		"date_updated":"2019-07-31T01:09:00+00:00","url":"https://x.example/","links":{},"errors":[{"code":18601}]}`
)

// newServer returns a client of a server that gives every request the same response, and the server's last request.
func newServer(t *testing.T, status int, contentType, body string) (*client.Client, *http.Request) {
	t.Helper()
	last := new(http.Request)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		*last = *r
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Twilio-Request-Id", "RQ1")
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	c, err := client.New(client.WithBaseURL(server.URL), client.WithCredentials(account, token),
		client.WithRetries(client.RetryPolicy{MaxAttempts: 1}))
	if err != nil {
		t.Fatal(err)
	}
	return c, last
}

func TestCreate(t *testing.T) {
	c, last := newServer(t, http.StatusCreated, "application/json; charset=utf-8", answer)
	product, err := c.CreateTrustProduct(t.Context(), client.CreateTrustProductRequest{
		FriendlyName: "Café & Sons", Email: "a+b@c.example", PolicySID: "RN1", StatusCallback: new("https://x.example/?a=1&b=2"),
	})
	if err != nil {
		t.Fatal(err)
	}
	updated := time.Date(2019, 7, 31, 1, 9, 0, 0, time.UTC)
	if product.SID != sid || product.PolicySID != "" || product.StatusCallback != nil || product.ValidUntil != nil ||
		!product.DateUpdated.Equal(updated) || product.Errors[0].Code != 18601 || product.Status != client.BundleStatusDraft {
		t.Errorf("got %+v", product)
	}
	username, password, _ := last.BasicAuth()
	if last.Method != http.MethodPost || last.URL.Path != "/v1/TrustProducts" || username != account || password != token {
		t.Errorf("sent %s %s as %s", last.Method, last.URL, username)
	}
	want := url.Values{
		"FriendlyName": {"Café & Sons"}, "Email": {"a+b@c.example"}, "PolicySid": {"RN1"},
		"StatusCallback": {"https://x.example/?a=1&b=2"},
	}
	if diff := cmp.Diff(want, last.PostForm); diff != "" {
		t.Errorf("form (-want +sent):\n%s", diff)
	}
}

func TestUpdateSendsFieldsThatAreSet(t *testing.T) {
	c, last := newServer(t, http.StatusOK, "application/json", answer)
	_, err := c.UpdateTrustProduct(t.Context(), sid, client.UpdateTrustProductRequest{
		Status: new(client.BundleStatusPendingReview), StatusCallback: new(""),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{"Status": {"pending-review"}, "StatusCallback": {""}}
	if diff := cmp.Diff(want, last.PostForm); diff != "" || last.URL.Path != "/v1/TrustProducts/"+sid {
		t.Errorf("sent to %s, form (-want +sent):\n%s", last.URL, diff)
	}
}

func TestUpdateRefusesInvalidSIDs(t *testing.T) {
	c, last := newServer(t, http.StatusOK, "application/json", answer)
	for _, bad := range []string{"", "..", "BU1/../x", "BU1?Status=x", "BU 1", "BU\n"} {
		if _, err := c.UpdateTrustProduct(t.Context(), bad, client.UpdateTrustProductRequest{}); err == nil || last.Method != "" {
			t.Errorf("%q: error %v, sent %q", bad, err, last.Method)
		}
	}
}

func TestOtherStatusesAreErrors(t *testing.T) {
	apiError := `{"code":20404,"message":"not there","more_info":"https://docs.example/20404","status":404}`
	for _, test := range []struct {
		name              string
		status            int
		contentType, body string
		want              client.Error
	}{
		{
			"an error of the API", 404, "application/json", apiError,
			client.Error{Status: 404, Code: 20404, Message: "not there", MoreInfo: "https://docs.example/20404"},
		},
		{"a proxy's page", 503, "text/html", "<html>busy</html>", client.Error{Status: 503, Message: "Service Unavailable"}},
		{"a proxy's page with a JSON content type", 502, "application/json", "<html>", client.Error{Status: 502, Message: "Bad Gateway"}},
		{"a redirect", 307, "text/html", "", client.Error{Status: 307, Message: "Temporary Redirect"}},
		{"an endless page", 500, "text/html", strings.Repeat("x", 20<<20), client.Error{Status: 500, Message: "Internal Server Error"}},
		{"a login page", 201, "text/html", "<html>", client.Error{
			Status: 201, Message: "the response is not the one in the contract; its Content-Type is text/html",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, _ := newServer(t, test.status, test.contentType, test.body)
			product, err := c.CreateTrustProduct(t.Context(), client.CreateTrustProductRequest{})
			got, ok := errors.AsType[*client.Error](err)
			if !ok || product != nil {
				t.Fatalf("got %v and error %v", product, err)
			}
			test.want.RequestID = "RQ1"
			if diff := cmp.Diff(test.want, *got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestUndocumentedSuccess(t *testing.T) {
	c, _ := newServer(t, http.StatusOK, "application/json", answer) // a create returns 201
	if product, err := c.CreateTrustProduct(t.Context(), client.CreateTrustProductRequest{}); err == nil || product != nil {
		t.Errorf("got %v and error %v", product, err)
	}
}

func TestEmptySuccess(t *testing.T) {
	for _, body := range []string{"null", "{}", " null\n", `{"message":"hello"}`, "[]", `"x"`, ""} {
		c, _ := newServer(t, http.StatusCreated, "application/json", body)
		if product, err := c.CreateTrustProduct(t.Context(), client.CreateTrustProductRequest{}); err == nil || product != nil {
			t.Errorf("create, %q: got %v and error %v", body, product, err)
		}
		c, _ = newServer(t, http.StatusOK, "application/json", body)
		if product, err := c.FetchTrustProduct(t.Context(), sid); err == nil || product != nil {
			t.Errorf("fetch, %q: got %v and error %v", body, product, err)
		}
		if product, err := c.UpdateTrustProduct(t.Context(), sid, client.UpdateTrustProductRequest{}); err == nil || product != nil {
			t.Errorf("update, %q: got %v and error %v", body, product, err)
		}
		failures := 0
		for product, err := range c.ListTrustProduct(t.Context(), client.ListTrustProductRequest{}) {
			if failures++; err == nil || product != nil {
				t.Errorf("list, %q: got %v and error %v", body, product, err)
			}
		}
		if failures != 1 {
			t.Errorf("list, %q: %d failures", body, failures)
		}
	}
	c, _ := newServer(t, http.StatusOK, "application/json", `{"results":[],"meta":{}}`)
	for product, err := range c.ListTrustProduct(t.Context(), client.ListTrustProductRequest{}) {
		t.Errorf("an empty list yields %v, %v", product, err)
	}
}

// TestErrorIsSafeToPrint: a server may send any text, and errors are printed to terminals.
func TestErrorIsSafeToPrint(t *testing.T) {
	nasty := "\x1b]0;owned\x07\r\n\u009b2J\u202e\u2028\x7f" + strings.Repeat("é", 600)
	body, err := json.Marshal(map[string]any{"code": 20001, "message": nasty, "more_info": nasty, "status": 400})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Twilio-Request-Id", "RQ\u009b2J"+strings.Repeat("é", 600))
		w.Header().Set("Content-Type", "application/json\u009b2J"+strings.Repeat("é", 600))
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusBadRequest)
		}
		_, _ = w.Write(body)
	}))
	t.Cleanup(server.Close)
	c, err := client.New(client.WithBaseURL(server.URL), client.WithCredentials(account, token))
	if err != nil {
		t.Fatal(err)
	}
	_, refusal := c.UpdateTrustProduct(t.Context(), sid, client.UpdateTrustProductRequest{})
	_, unusable := c.FetchTrustProduct(t.Context(), sid)
	for _, err := range []error{refusal, unusable} {
		got, ok := errors.AsType[*client.Error](err)
		if !ok {
			t.Fatalf("got %v", err)
		}
		for _, text := range []string{got.Message, got.MoreInfo, got.RequestID, got.Error()} {
			if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("%q is not safe to print", text)
			}
		}
		for _, text := range []string{got.Message, got.RequestID} {
			if n := utf8.RuneCountInString(text); n != 500 {
				t.Errorf("%q has %d characters", text, n)
			}
		}
	}
}

func TestResponseIsBounded(t *testing.T) {
	long := strings.Replace(answer, "Acme", strings.Repeat("x", 16<<20), 1)
	c, _ := newServer(t, http.StatusCreated, "application/json", long)
	if _, err := c.CreateTrustProduct(t.Context(), client.CreateTrustProductRequest{}); err == nil {
		t.Error("a response of more than 16 MiB is accepted")
	}
	c, _ = newServer(t, http.StatusCreated, "application/json", answer+strings.Repeat(" ", 16<<20-len(answer)))
	if _, err := c.CreateTrustProduct(t.Context(), client.CreateTrustProductRequest{}); err != nil {
		t.Errorf("16 MiB exactly: %v", err)
	}
}

func TestErrorText(t *testing.T) {
	err := &client.Error{Status: 404, Code: 20404, Message: "not there", RequestID: "RQ1"}
	if want := "trusthub: HTTP 404, error 20404: not there (request RQ1)"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

func TestMustJSON(t *testing.T) {
	for want, v := range map[string]any{
		`{"a":[1,"x"]}`: map[string]any{"a": []any{1, "x"}},
		`{"A":1}`:       struct{ A int }{1},
		`{"z":1,"a":2}`: json.RawMessage(`{"z":1, "a":2}`),
	} {
		if got := client.MustJSON(v); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a function was encoded")
		}
	}()
	client.MustJSON(map[string]any{"a": func() {}})
}
