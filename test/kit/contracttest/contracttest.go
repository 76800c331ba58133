// Package contracttest validates responses against openapi.yaml. The server's own tests and the conformance suite share it.
//
// It guarantees that the contract declares the status, headers and body of a response for the request, and that the response
// to a request outside the contract is an Error. It is stricter than the contract in one way: times must be in whole seconds.
// It does not validate requests and does not know what an operation means.
package contracttest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/opentrusthub/trusthub"
)

// Contract is the parsed openapi.yaml. It is safe for concurrent use.
type Contract struct {
	doc    *openapi3.T
	router routers.Router
}

// New parses openapi.yaml. It returns an error if the contract, or an example in it, is invalid.
func New(ctx context.Context) (*Contract, error) { return Load(ctx, trusthub.Contract()) }

// Load is like New, for another contract in YAML.
func Load(ctx context.Context, text string) (*Contract, error) {
	doc, err := openapi3.NewLoader().LoadFromData([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("read the contract: %w", err)
	}
	if err := doc.Validate(ctx, openapi3.EnableExamplesValidation()); err != nil {
		return nil, fmt.Errorf("validate the contract: %w", err)
	}
	doc.Servers = nil // the router would match hosts
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		return nil, fmt.Errorf("route the contract: %w", err)
	}
	return &Contract{doc: doc, router: router}, nil
}

// Document returns the parsed contract, without its servers. The caller must not change it.
func (c *Contract) Document() *openapi3.T { return c.doc }

// Operations returns the ids of all operations, sorted.
func (c *Contract) Operations() []string {
	var ids []string
	for _, item := range c.doc.Paths.Map() {
		for _, op := range item.Operations() {
			ids = append(ids, op.OperationID)
		}
	}
	slices.Sort(ids)
	return ids
}

// Operation returns the id of a request's operation, or the empty string if the contract has no such operation.
func (c *Contract) Operation(r *http.Request) string {
	route, _, err := c.router.FindRoute(r)
	if err != nil {
		return ""
	}
	return route.Operation.OperationID
}

// Check returns an error if a response violates the contract.
func (c *Contract) Check(r *http.Request, status int, header http.Header, body []byte) error {
	route, params, err := c.router.FindRoute(r)
	if err != nil {
		return c.checkOutside(status, body)
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route},
		Status:                 status,
		Header:                 header,
		Options: &openapi3filter.Options{
			IncludeResponseStatus:   true,
			SchemaValidationOptions: []openapi3.SchemaValidationOption{wholeSecondsOnly()},
		},
	}
	if strings.HasPrefix(header.Get("Content-Type"), "text/event-stream") {
		input.Options.ExcludeResponseBody = true
		if err := c.checkStream(route.Operation, string(body)); err != nil {
			return fmt.Errorf("the stream violates the contract: %w", err)
		}
	}
	input.SetBodyBytes(body)
	if err := openapi3filter.ValidateResponse(context.WithoutCancel(r.Context()), input); err != nil {
		return fmt.Errorf("the response violates the contract: %w", err)
	}
	return nil
}

// checkStream validates the messages of a stream: those of the type missed are a Missed.
func (c *Contract) checkStream(operation *openapi3.Operation, body string) error {
	for message := range strings.SplitSeq(body, "\n\n") {
		schema := fmt.Sprint(operation.Extensions["x-stream"])
		for line := range strings.SplitSeq(message, "\n") {
			data, found := strings.CutPrefix(line, "data: ")
			if line == "event: missed" {
				schema = "Missed"
			}
			if !found {
				continue
			}
			var value any
			if err := json.Unmarshal([]byte(data), &value); err != nil {
				return fmt.Errorf("%q: %w", data, err)
			}
			if err := c.doc.Components.Schemas[schema].Value.VisitJSON(value, wholeSecondsOnly()); err != nil {
				return fmt.Errorf("%q: %w", data, err)
			}
		}
	}
	return nil
}

// checkOutside validates the response to a request outside the contract.
func (c *Contract) checkOutside(status int, body []byte) error {
	if status < http.StatusBadRequest || len(body) == 0 {
		return nil
	}
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return fmt.Errorf("the error is not JSON: %w", err)
	}
	if err := c.doc.Components.Schemas["Error"].Value.VisitJSON(value); err != nil {
		return fmt.Errorf("the error violates the contract: %w", err)
	}
	return nil
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
