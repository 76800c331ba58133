package api

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// ParameterProblem says what is wrong with a parameter. It does not contain the parameter's value.
type ParameterProblem struct {
	Parameter string
	Problem   string // completes a sentence that begins with the parameter, such as "must not be empty"
}

// CheckForm validates a form as the body of a request for an operation, by the same rules as New's handler, for programs that get
// the values in another way. It returns at most one problem for each parameter, in the order of their names, and none for a valid
// form. As in a request, parameters that the contract does not have are ignored. An error means that the contract has no such
// operation with a form.
func CheckForm(operationID string, form url.Values) ([]ParameterProblem, error) {
	operations, err := loadOperations()
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(operations, func(op *operation) bool { return op.id == operationID && op.body != nil })
	if i < 0 {
		return nil, fmt.Errorf("api: the contract has no operation %s with a form", operationID)
	}
	op, problems, value := operations[i], map[string]string{}, map[string]any{}
	for name := range form {
		if op.body.Properties[name] == nil {
			continue
		}
		text := form.Get(name)
		if !isText(text) {
			problems[name] = notText
			continue
		}
		if value[name], err = op.parameterValue(name, text); err != nil {
			problems[name] = err.Error()
		}
	}
	options := append(slices.Clone(op.options.SchemaValidationOptions), openapi3.MultiErrors())
	if err := op.body.VisitJSON(value, options...); err != nil {
		for _, violation := range violations(err) {
			name, within := place(violation)
			switch {
			case problems[name] != "":
			case violation.SchemaField == "required" && !within:
				problems[name] = "is missing"
			default:
				problems[name] = problem(violation, within)
			}
		}
		if len(problems) == 0 { // the error itself may contain values
			return nil, fmt.Errorf("api: a form for %s is invalid for an unknown reason", operationID)
		}
	}
	var sorted []ParameterProblem
	for _, name := range slices.Sorted(maps.Keys(problems)) {
		sorted = append(sorted, ParameterProblem{name, problems[name]})
	}
	return sorted, nil
}

// violations returns what the validator found, one by one.
func violations(err error) []*openapi3.SchemaError {
	if several, ok := errors.AsType[openapi3.MultiError](err); ok {
		var all []*openapi3.SchemaError
		for _, one := range several {
			all = append(all, violations(one)...)
		}
		return all
	}
	if one, ok := errors.AsType[*openapi3.SchemaError](err); ok {
		return []*openapi3.SchemaError{one}
	}
	return nil
}
