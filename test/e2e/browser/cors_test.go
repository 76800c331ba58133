package browser

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"

	"github.com/chromedp/chromedp"
)

// call calls the API as a web application would. The Authorization header makes the browser send a preflight request first.
const call = `(async () => {
	const answer = await fetch(%q, {
		method: "POST",
		headers: { Authorization: "Basic " + btoa(%q), "Idempotency-Key": "from-a-browser" },
		body: new URLSearchParams(%s),
	});
	return {
		status: answer.status,
		requestID: answer.headers.get("Twilio-Request-Id"),
		body: await answer.json(),
	};
})()`

// result is what the script could read.
type result struct {
	Status    int
	RequestID string
	Body      struct {
		SID     string
		Code    int
		Message string
	}
}

// TestCallFromAnotherOrigin calls the API from a script of another origin. Only a real browser shows what the script may read.
func TestCallFromAnotherOrigin(t *testing.T) {
	base := startServer(t).String()
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<!DOCTYPE html><link rel=icon href='data:,'><title>Another origin</title>"))
	}))
	t.Cleanup(page.Close)
	tab := openTab(t)
	tab.do(t, "open a page of another origin", chromedp.Navigate(page.URL))

	complete := `{ FriendlyName: "Acme", Email: "a@acme.example", PolicySid: "RN7a97559effdf62d00f4298208492a5ea" }`
	for _, test := range []struct {
		name, password, form string
		status, code         int
	}{
		{"a create", authToken, complete, http.StatusCreated, 0},
		{"a refusal", authToken, `{}`, http.StatusBadRequest, 20001},
		{"wrong credentials", "wrong", complete, http.StatusUnauthorized, 20003},
	} {
		t.Run(test.name, func(t *testing.T) {
			script := fmt.Sprintf(call, base+"/v1/TrustProducts", accountSID+":"+test.password, test.form)
			got, err := chromedp.Run(tab.ctx, chromedp.Evaluate[result](script, chromedp.EvalAwaitPromise))
			if err != nil {
				t.Fatalf("%v\nthe browser reports: %q", err, tab.noted())
			}
			if got.Status != test.status || got.Body.Code != test.code {
				t.Errorf("the script read %s", inJSON(got))
			}
			if !regexp.MustCompile(`^RQ[0-9a-f]{32}$`).MatchString(got.RequestID) {
				t.Errorf("the script read the Twilio-Request-Id %q", got.RequestID)
			}
			if test.status == http.StatusCreated && !regexp.MustCompile(`^BU[0-9a-f]{32}$`).MatchString(got.Body.SID) {
				t.Errorf("the script read %s", inJSON(got))
			}
		})
	}
	tab.checkLoopback(t)
}

func inJSON(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
