package hub_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

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

// unseen lists the operations that no successful answer was seen of.
func (c *contract) unseen() []string {
	return slices.DeleteFunc(c.Operations(), func(id string) bool { return c.seen[id] })
}
