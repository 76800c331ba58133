package api

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
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
	name := ""
	if refused, isParameter := errors.AsType[*openapi3filter.RequestError](err); isParameter && refused.Parameter != nil {
		name = refused.Parameter.Name
	} else if ok {
		name = strings.Join(violation.JSONPointer(), ".")
	}
	switch {
	case !ok && name != "":
		return invalid(name, "is malformed")
	case !ok:
		return NewError(CodeInvalidParameter, "", nil)
	case violation.SchemaField == "required":
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
		for _, format := range formats() {
			if format.name == schema.Format {
				return format.problem
			}
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

// format is a string format of the contract. The validator checks only the formats that it is given.
type format struct {
	name    string
	valid   func(string) bool
	problem string
}

func formats() []format {
	return []format{
		{"uri", isHTTPURL, "must be an absolute http or https URL"},
	}
}

func formatValidators() openapi3.SchemaValidationOption {
	validators := make(map[string]openapi3.StringFormatValidator)
	for _, format := range formats() {
		validators[format.name] = openapi3.NewCallbackValidator(func(value string) error {
			if format.valid(value) {
				return nil
			}
			return errors.New(format.problem)
		})
	}
	return openapi3.WithStringFormatValidators(validators)
}

// isHTTPURL accepts an empty value too: it means "none" wherever the contract does not ask for a minimal length.
func isHTTPURL(s string) bool {
	if s == "" {
		return true
	}
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && isHost(u) &&
		!strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) })
}

// isHost accepts what can be looked up and stored: a name of up to 253 bytes, the longest that DNS has, in UTF-8 (which
// percent-encoding gets around), and a port of up to five digits. Callbacks are kept by host, in an index of Postgres, and
// its rows have a limit.
func isHost(u *url.URL) bool {
	name := u.Hostname()
	return name != "" && len(name) <= 253 && utf8.ValidString(name) && len(u.Port()) <= len("65535")
}
