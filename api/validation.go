package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"

	"github.com/opentrusthub/trusthub/internal/callbackurl"
)

// invalid returns a 400 for a parameter. It gets only the parameter's name, so that the value cannot end up in the message.
func invalid(name, problem string) *Error {
	return NewError(CodeInvalidParameter, "Invalid parameter "+name+": "+problem, nil)
}

func missing(name string) *Error {
	return NewError(CodeInvalidParameter, "Missing required parameter "+name+" in the post body", nil)
}

// parameterError returns a 400 for what the validator found. The validator's own error is not kept, not even as the cause: it may
// contain the value.
func parameterError(err error) *Error {
	violation, ok := errors.AsType[*openapi3.SchemaError](err)
	name, within := "", false
	if refused, isParameter := errors.AsType[*openapi3filter.RequestError](err); isParameter && refused.Parameter != nil {
		name = refused.Parameter.Name
	} else if ok {
		name, within = place(violation)
	}
	switch {
	case !ok && name != "":
		return invalid(name, "is malformed")
	case !ok:
		return NewError(CodeInvalidParameter, "", nil)
	case violation.SchemaField == "required" && !within:
		return missing(name)
	case name == "": // the caller chose it, so it is not repeated
		return NewError(CodeInvalidParameter, "The post body has an unknown parameter", nil)
	}
	return invalid(name, problem(violation, within))
}

// decodingError returns a 400 for a member of a JSON body that the contract allows and the generated type cannot have: an integer
// that is written as 1.0 or 1e3, or that needs more than 64 bits.
func decodingError(err *json.UnmarshalTypeError) *Error {
	name, _, _ := strings.Cut(err.Field, ".")
	return invalid(name, "must be written without a fraction or an exponent, and fit into 64 bits")
}

// place returns the parameter of a form that a violation is in, and whether it is within the parameter's object. It does not say
// where there: in an object, the caller chose the names of the members, which are as private as values.
func place(violation *openapi3.SchemaError) (name string, within bool) {
	pointer := violation.JSONPointer()
	if len(pointer) == 0 {
		return "", false
	}
	return pointer[0], len(pointer) > 1
}

// problem says what the contract requires, so that the caller can fix the request.
func problem(violation *openapi3.SchemaError, within bool) string {
	schema := violation.Schema
	switch violation.SchemaField {
	case "type":
		if within {
			return "has a value that is not of type " + strings.Join(schema.Type.Slice(), " or ")
		}
		return "must be of type " + strings.Join(schema.Type.Slice(), " or ")
	case "nullable":
		return "must not be null"
	case "enum":
		words := make([]string, len(schema.Enum))
		for i, word := range schema.Enum {
			words[i] = fmt.Sprint(word)
		}
		return "must be one of " + strings.Join(words, ", ")
	case "minLength", "maxLength", "pattern":
		return textProblem(schema, violation.SchemaField)
	case "minItems":
		if schema.MinItems == 1 {
			return "must not be empty"
		}
		return fmt.Sprintf("must have at least %d items", schema.MinItems)
	case "maxItems":
		return fmt.Sprintf("must have at most %d items", *schema.MaxItems)
	case "minimum":
		return "must be at least " + strconv.FormatFloat(*schema.Min, 'f', -1, 64)
	case "maximum":
		return "must be at most " + strconv.FormatFloat(*schema.Max, 'f', -1, 64)
	case "format":
		if offFormat, ok := errors.AsType[formatError](violation.Origin); ok {
			return string(offFormat)
		}
	}
	return fmt.Sprintf("violates the contract's %s", violation.SchemaField)
}

// patternProblem is the extension in which the contract explains a pattern that is hard to read.
const patternProblem = "x-pattern-problem"

// textProblem is problem for the length and pattern of a text.
func textProblem(schema *openapi3.Schema, field string) string {
	switch {
	case field == "minLength" && schema.MinLength == 1:
		return "must not be empty"
	case field == "minLength" && (schema.MaxLength == nil || *schema.MaxLength != schema.MinLength):
		return fmt.Sprintf("must have at least %d characters", schema.MinLength)
	case field == "maxLength" && *schema.MaxLength != schema.MinLength:
		return fmt.Sprintf("must have at most %d characters", *schema.MaxLength)
	case field == "pattern" && schema.Extensions[patternProblem] != nil:
		return fmt.Sprint(schema.Extensions[patternProblem])
	case schema.Pattern != "": // it also says a fixed length
		return "must match " + schema.Pattern
	}
	return fmt.Sprintf("violates the contract's %s", field)
}

// formatError says what a format requires. The caller sees it, so it must not contain the value.
type formatError string

func (e formatError) Error() string { return string(e) }

// formatValidators validate the formats of parameters. The validator ignores all other formats.
func formatValidators() openapi3.SchemaValidationOption {
	return openapi3.WithStringFormatValidators(map[string]openapi3.StringFormatValidator{
		"uri": openapi3.NewCallbackValidator(checkURL),
	})
}

// checkURL accepts URLs that callbacks can be sent to: no other URL is a parameter. It also accepts an empty value, which means
// "none" unless the contract has a minLength.
func checkURL(s string) error {
	if s == "" {
		return nil
	}
	if _, err := callbackurl.Parse(s); err != nil {
		return formatError(err.Error())
	}
	return nil
}
