package api

import (
	"errors"
	"fmt"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"

	"github.com/opentrusthub/trusthub/internal/callbackurl"
)

// invalid answers 400 for a parameter. It gets the parameter's name only, so that the value cannot slip into the message.
func invalid(name, problem string) *Error {
	return NewError(CodeInvalidParameter, "Invalid parameter "+name+": "+problem, nil)
}

func missing(name string) *Error {
	return NewError(CodeInvalidParameter, "Missing required parameter "+name+" in the post body", nil)
}

// parameterError words what the validator found. The validator's own error is not even kept as the cause: it can hold the
// value.
func parameterError(err error) *Error {
	violation, ok := errors.AsType[*openapi3.SchemaError](err)
	name, within := "", false
	if refused, isParameter := errors.AsType[*openapi3filter.RequestError](err); isParameter && refused.Parameter != nil {
		name = refused.Parameter.Name
	} else if ok {
		// Only the parameter is named: in an object, the caller chose the names of the members, which are as private as values.
		if pointer := violation.JSONPointer(); len(pointer) > 0 {
			name, within = pointer[0], len(pointer) > 1
		}
	}
	switch {
	case !ok && name != "":
		return invalid(name, "is malformed")
	case !ok:
		return NewError(CodeInvalidParameter, "", nil)
	case violation.SchemaField == "required" && !within:
		return missing(name)
	}
	return invalid(name, problem(violation))
}

// problem says what the contract asks for, so that the caller can fix it.
func problem(violation *openapi3.SchemaError) string {
	schema := violation.Schema
	switch violation.SchemaField {
	case "enum":
		words := make([]string, len(schema.Enum))
		for i, word := range schema.Enum {
			words[i] = fmt.Sprint(word)
		}
		return "must be one of " + strings.Join(words, ", ")
	case "minLength", "maxLength", "pattern":
		return textProblem(schema, violation.SchemaField)
	case "minimum":
		return fmt.Sprintf("must be at least %v", *schema.Min)
	case "maximum":
		return fmt.Sprintf("must be at most %v", *schema.Max)
	case "format":
		if offFormat, ok := errors.AsType[formatError](violation.Origin); ok {
			return string(offFormat)
		}
	}
	return fmt.Sprintf("breaks the contract's %s", violation.SchemaField)
}

// patternProblem is the extension in which the contract says in words what a pattern refuses that is hard to read.
const patternProblem = "x-pattern-problem"

// textProblem is problem for the length and the pattern of a text.
func textProblem(schema *openapi3.Schema, field string) string {
	switch {
	case field == "minLength" && schema.MinLength == 1:
		return "must not be empty"
	case field == "maxLength" && *schema.MaxLength != schema.MinLength:
		return fmt.Sprintf("must have at most %d characters", *schema.MaxLength)
	case field == "pattern" && schema.Extensions[patternProblem] != nil:
		return fmt.Sprint(schema.Extensions[patternProblem])
	case schema.Pattern != "": // which says the length of what always has the same
		return "must match " + schema.Pattern
	}
	return fmt.Sprintf("breaks the contract's %s", field)
}

// formatError says what a format asks for. It is shown to the caller, and so must not quote the value.
type formatError string

func (e formatError) Error() string { return string(e) }

// formatValidators are for the string formats of parameters. The validator checks only those that it is given.
func formatValidators() openapi3.SchemaValidationOption {
	return openapi3.WithStringFormatValidator("uri", openapi3.NewCallbackValidator(checkURL))
}

// checkURL accepts what callbacks can be sent to: no other URL is a parameter. It accepts an empty value too, which means "none"
// wherever the contract does not ask for a minimal length.
func checkURL(s string) error {
	if s == "" {
		return nil
	}
	if _, err := callbackurl.Parse(s); err != nil {
		return formatError(err.Error())
	}
	return nil
}
