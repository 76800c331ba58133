package api

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/labstack/echo/v4"

	"github.com/opentrusthub/trusthub"
)

const formContentType = "application/x-www-form-urlencoded"

// operation is one operation of the contract, with all that can be worked out before the first request.
type operation struct {
	id            string
	route         *routers.Route
	methods       string // of its path, for CORS
	authenticated bool
	form          *openapi3.Schema // of its form body, nil without one
	pathParams    []string
	queryParams   []string
	options       *openapi3filter.Options
}

// loadOperations reads them from the contract.
func loadOperations() ([]*operation, error) {
	doc, err := openapi3.NewLoader().LoadFromData([]byte(trusthub.Contract()))
	if err != nil {
		return nil, fmt.Errorf("api: read the contract: %w", err)
	}
	options := &openapi3filter.Options{
		AuthenticationFunc:      openapi3filter.NoopAuthenticationFunc, // done before, see authenticate
		SchemaValidationOptions: []openapi3.SchemaValidationOption{formatValidators(), openapi3.DisableSchemaErrorDetails()},
	}
	var operations []*operation
	for _, path := range doc.Paths.InMatchingOrder() {
		item := doc.Paths.Value(path)
		methods := append(slices.Sorted(maps.Keys(item.Operations())), http.MethodOptions)
		for method, op := range item.Operations() {
			route := &routers.Route{Spec: doc, Path: path, PathItem: item, Method: method, Operation: op}
			operations = append(operations, newOperation(route, strings.Join(methods, ", "), options))
		}
	}
	return operations, nil
}

func newOperation(route *routers.Route, methods string, options *openapi3filter.Options) *operation {
	op := &operation{id: route.Operation.OperationID, route: route, methods: methods, options: options}
	security := route.Operation.Security
	if security == nil {
		security = &route.Spec.Security
	}
	op.authenticated = len(*security) > 0
	for _, parameter := range slices.Concat(route.PathItem.Parameters, route.Operation.Parameters) {
		switch parameter.Value.In {
		case openapi3.ParameterInPath:
			op.pathParams = append(op.pathParams, parameter.Value.Name)
		case openapi3.ParameterInQuery:
			op.queryParams = append(op.queryParams, parameter.Value.Name)
		}
	}
	if body := route.Operation.RequestBody; body != nil {
		if media := body.Value.Content.Get(formContentType); media != nil {
			op.form = media.Schema.Value
		}
	}
	return op
}

// echoPath is the operation's path as echo writes it: /v1/TrustProducts/:Sid.
func (op *operation) echoPath() string {
	return strings.NewReplacer("{", ":", "}", "").Replace(op.route.Path)
}

// validate holds the request against the contract. The body has been read and cleaned by readBody.
func (op *operation) validate(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		var params map[string]string
		if len(op.pathParams) > 0 {
			params = make(map[string]string, len(op.pathParams))
			for _, name := range op.pathParams {
				if params[name] = c.Param(name); params[name] == "" {
					return NewError(CodeNotFound, "", nil) // /v1/TrustProducts/ is another path than .../{Sid}
				}
			}
		}
		input := &openapi3filter.RequestValidationInput{
			Request:    c.Request(),
			PathParams: params,
			Route:      op.route,
			Options:    op.options,
		}
		if err := openapi3filter.ValidateRequest(c.Request().Context(), input); err != nil {
			return parameterError(err)
		}
		return next(c)
	}
}
