package api

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/labstack/echo/v4"

	"github.com/opentrusthub/trusthub/gen/validation"
)

// The media types of bodies.
const (
	formContentType = "application/x-www-form-urlencoded"
	jsonContentType = "application/json"
)

// operation is an operation of the contract, with everything that can be computed before the first request.
type operation struct {
	id            string
	route         *routers.Route
	methods       string // of its path, for CORS
	authenticated bool
	streams       bool             // whether its response does not end by itself
	contentType   string           // of its body, empty without one
	body          *openapi3.Schema // of its body, nil without one
	objects       map[string]int   // the form's parameters that hold a JSON object, with their limits in bytes
	params        []*openapi3.Parameter
	pathParams    []string
	queryParams   []string
	options       *openapi3filter.Options
}

// loadOperations reads the operations of the contract, once in a process: that is most of what New costs, and tests call it
// by the hundred. All handlers share them, as all requests to one handler do.
var loadOperations = sync.OnceValues(func() ([]*operation, error) { return readContract(validation.GetSpec) })

func readContract(load func() (*openapi3.T, error)) ([]*operation, error) {
	doc, err := load()
	if err != nil {
		return nil, fmt.Errorf("api: read the contract: %w", err)
	}
	return readOperations(doc)
}

func readOperations(doc *openapi3.T) ([]*operation, error) {
	options := &openapi3filter.Options{
		SkipSettingDefaults:     true, // which would take an empty parameter for a missing one
		SchemaValidationOptions: []openapi3.SchemaValidationOption{formatValidators(), openapi3.DisableSchemaErrorDetails()},
	}
	var operations []*operation
	for _, path := range doc.Paths.InMatchingOrder() {
		item := doc.Paths.Value(path)
		methods := append(slices.Sorted(maps.Keys(item.Operations())), http.MethodOptions)
		for method, op := range item.Operations() {
			route := &routers.Route{Spec: doc, Path: path, PathItem: item, Method: method, Operation: op}
			one, err := newOperation(route, strings.Join(methods, ", "), options)
			if err != nil {
				return nil, fmt.Errorf("api: operation %s: %w", op.OperationID, err)
			}
			operations = append(operations, one)
		}
	}
	return operations, nil
}

func newOperation(route *routers.Route, methods string, options *openapi3filter.Options) (*operation, error) {
	op := &operation{id: route.Operation.OperationID, route: route, methods: methods, options: options}
	security := route.Operation.Security
	if security == nil {
		security = &route.Spec.Security
	}
	op.authenticated = len(*security) > 0
	op.streams = route.Operation.Extensions["x-stream"] != nil
	op.params = parameters(route)
	for _, parameter := range op.params {
		switch parameter.In {
		case openapi3.ParameterInPath:
			op.pathParams = append(op.pathParams, parameter.Name)
		case openapi3.ParameterInQuery:
			op.queryParams = append(op.queryParams, parameter.Name)
		}
	}
	body := route.Operation.RequestBody
	if body == nil {
		return op, nil
	}
	if media := body.Value.Content.Get(jsonContentType); media != nil {
		op.contentType, op.body = jsonContentType, media.Schema.Value
		return op, nil
	}
	media := body.Value.Content.Get(formContentType)
	if media == nil {
		return nil, errors.New("its body must be a form or JSON")
	}
	op.contentType, op.body, op.objects = formContentType, media.Schema.Value, map[string]int{}
	for name, property := range op.body.Properties {
		switch {
		case property.Value.Type.Is(openapi3.TypeString):
		case property.Value.Type.Is(openapi3.TypeObject):
			limit, err := objectLimit(media, name)
			if err != nil {
				return nil, err
			}
			op.objects[name] = limit
		default:
			return nil, fmt.Errorf("parameter %s must be of type string or object", name)
		}
	}
	return op, nil
}

// parameters returns those of the path, unless the operation replaces them, and those of the operation.
func parameters(route *routers.Route) []*openapi3.Parameter {
	var all []*openapi3.Parameter
	own := route.Operation.Parameters
	for _, parameter := range route.PathItem.Parameters {
		if own.GetByInAndName(parameter.Value.In, parameter.Value.Name) == nil {
			all = append(all, parameter.Value)
		}
	}
	for _, parameter := range own {
		all = append(all, parameter.Value)
	}
	return all
}

// echoPath returns the operation's path in echo's syntax: /v1/TrustProducts/:Sid.
func (op *operation) echoPath() string {
	return strings.NewReplacer("{", ":", "}", "").Replace(op.route.Path)
}

// validate validates the parameters of a request, and the body that readBody has read. It does not use
// openapi3filter.ValidateRequest, which would also authenticate and read the body: earlier steps have done both, in an order and
// with a limit of their own.
func (op *operation) validate(c echo.Context) error {
	var params map[string]string
	if len(op.pathParams) > 0 {
		params = make(map[string]string, len(op.pathParams))
		for _, name := range op.pathParams {
			// /v1/TrustProducts/ and .../{Sid}/x are other paths than .../{Sid}. Of what still has a % after decoding the
			// generated code would bind another text, as it decodes once more.
			if params[name] = c.Param(name); params[name] == "" || strings.ContainsAny(params[name], "/%") {
				return NewError(CodeNotFound, "", nil)
			}
		}
	}
	input := &openapi3filter.RequestValidationInput{
		Request:    c.Request(),
		PathParams: params,
		Route:      op.route,
		Options:    op.options,
	}
	for _, parameter := range op.params {
		if err := openapi3filter.ValidateParameter(c.Request().Context(), input, parameter); err != nil {
			return parameterError(err)
		}
	}
	if op.body == nil {
		return nil
	}
	value, err := op.bodyValue(c)
	if err != nil {
		return err
	}
	if err := op.body.VisitJSON(value, op.options.SchemaValidationOptions...); err != nil {
		return parameterError(err)
	}
	return nil
}

// bodyValue returns the body that readBody has read as the validator takes it.
func (op *operation) bodyValue(c echo.Context) (map[string]any, error) {
	if op.contentType == formContentType {
		return op.formValue(c.Request().PostForm)
	}
	text, _ := c.Get(jsonBody).([]byte)
	value, err := parseObject(string(text), len(text))
	if err != nil {
		return nil, NewError(CodeInvalidParameter, "The post body "+err.Error(), nil)
	}
	for name, member := range value {
		if op.body.Properties[name] != nil && !allText(member) {
			return nil, invalid(name, notText)
		}
	}
	return value, nil
}

// formValue returns a form as the validator takes it: objects as maps, everything else as text.
func (op *operation) formValue(form url.Values) (map[string]any, error) {
	value := make(map[string]any, len(form))
	for name := range form {
		var err error
		if value[name], err = op.parameterValue(name, form.Get(name)); err != nil {
			return nil, invalid(name, err.Error())
		}
	}
	return value, nil
}

// parameterValue returns a parameter of a form as the validator takes it. Its error completes a sentence that begins with the
// parameter.
func (op *operation) parameterValue(name, text string) (any, error) {
	limit, isObject := op.objects[name]
	if !isObject {
		return text, nil
	}
	return parseObject(text, limit)
}
