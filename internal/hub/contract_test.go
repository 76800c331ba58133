package hub_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/opentrusthub/trusthub"
)

// contract holds answers against openapi.yaml, and remembers which operations it has seen succeed.
type contract struct {
	doc    *openapi3.T
	router routers.Router
	seen   map[string]bool
}

func newContract(t *testing.T) *contract {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData([]byte(trusthub.Contract()))
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context(), openapi3.EnableExamplesValidation()); err != nil {
		t.Fatal(err)
	}
	doc.Servers = nil // the router would match hosts
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return &contract{doc: doc, router: router, seen: map[string]bool{}}
}

// check fails the test unless the contract allows the answer. Where the contract has no such operation, the answer must be
// its Error.
func (c *contract) check(t *testing.T, title string, r *http.Request, answer *httptest.ResponseRecorder) {
	t.Helper()
	if answer.Header().Get("Twilio-Request-Id") == "" {
		t.Errorf("%s: no Twilio-Request-Id", title)
	}
	route, params, err := c.router.FindRoute(r)
	if err != nil {
		c.checkOutside(t, title, answer)
		return
	}
	for _, name := range []string{"Origin", "Methods", "Headers", "Credentials"} {
		if answer.Header().Get("Access-Control-Allow-"+name) == "" {
			t.Errorf("%s: no Access-Control-Allow-%s", title, name)
		}
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route},
		Status:                 answer.Code,
		Header:                 answer.Header(),
		Options: &openapi3filter.Options{
			IncludeResponseStatus:   true,
			SchemaValidationOptions: []openapi3.SchemaValidationOption{wholeSecondsOnly()},
		},
	}
	input.SetBodyBytes(answer.Body.Bytes())
	if err := openapi3filter.ValidateResponse(context.WithoutCancel(r.Context()), input); err != nil {
		t.Errorf("%s: the answer breaks the contract: %v", title, err)
	}
	if answer.Code < http.StatusBadRequest {
		c.seen[route.Operation.OperationID] = true
	}
}

func (c *contract) checkOutside(t *testing.T, title string, answer *httptest.ResponseRecorder) {
	t.Helper()
	if answer.Code < http.StatusBadRequest || answer.Body.Len() == 0 {
		return
	}
	var body any
	if err := json.Unmarshal(answer.Body.Bytes(), &body); err != nil {
		t.Errorf("%s: %v", title, err)
	} else if err := c.doc.Components.Schemas["Error"].Value.VisitJSON(body); err != nil {
		t.Errorf("%s: the error breaks the contract: %v", title, err)
	}
}

// unseen lists the operations that no successful answer was seen of.
func (c *contract) unseen() []string {
	var ids []string
	for _, item := range c.doc.Paths.Map() {
		for _, op := range item.Operations() {
			if !c.seen[op.OperationID] {
				ids = append(ids, op.OperationID)
			}
		}
	}
	slices.Sort(ids)
	return ids
}

var wholeSecond = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`)

// wholeSecondsOnly is stricter than the format: twilio-python cannot read a fraction.
func wholeSecondsOnly() openapi3.SchemaValidationOption {
	return openapi3.WithStringFormatValidator("date-time", openapi3.NewCallbackValidator(func(s string) error {
		if !wholeSecond.MatchString(s) {
			return errors.New("must be whole seconds in GMT")
		}
		return nil
	}))
}
