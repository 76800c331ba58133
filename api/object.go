package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// A form may have a parameter of type object: its text is a JSON object. The contract says so with three things:
//
//	schema:
//	  properties:
//	    Attributes:
//	      type: object
//	      x-max-bytes: 16384   # the limit of the text
//	      x-go-type: string    # the generated type: the text as it was sent, with the order of members
//	      x-go-type-skip-optional-pointer: true # empty where the parameter was not sent
//	encoding:
//	  Attributes: { contentType: application/json }
//
// The object is validated against its schema; what the implementation gets is the text.

// maxBytesExtension is the extension in which the contract limits the text of an object.
const maxBytesExtension = "x-max-bytes"

// maxNesting bounds how deep an object may be nested, so that nobody who reads it later needs a deep stack.
const maxNesting = 32

var (
	errNoObject  = errors.New("must be a JSON object")
	errNesting   = fmt.Errorf("must not be nested more than %d levels deep", maxNesting)
	errSameNames = errors.New("must not have two members of the same name in an object") // readers differ in which one counts
	errNumber    = errors.New("must not have numbers beyond the range of a double")      // json.Unmarshal fails on them
)

// objectLimit returns the limit of the text of a form's parameter of type object, in bytes.
func objectLimit(media *openapi3.MediaType, name string) (int, error) {
	if encoding := media.Encoding[name]; encoding == nil || encoding.ContentType != "application/json" {
		return 0, fmt.Errorf("parameter %s of type object must have the encoding application/json", name)
	}
	limit, ok := media.Schema.Value.Properties[name].Value.Extensions[maxBytesExtension].(float64)
	if !ok || limit < 2 {
		return 0, fmt.Errorf("parameter %s of type object must have %s", name, maxBytesExtension)
	}
	return int(limit), nil
}

// parseObject returns the value of a JSON object of at most limit bytes. Its errors do not repeat the text.
func parseObject(text string, limit int) (map[string]any, error) {
	if len(text) > limit {
		return nil, fmt.Errorf("must have at most %d bytes", limit)
	}
	if !json.Valid([]byte(text)) {
		return nil, errNoObject
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	value, err := parseValue(decoder, maxNesting)
	if err != nil {
		return nil, err
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, errNoObject
	}
	return object, nil
}

// parseValue returns the next value of valid JSON, in which objects and arrays are nested at most depth levels deep. It does
// what json.Unmarshal does, which has no such limit and takes the last of two members of the same name.
func parseValue(decoder *json.Decoder, depth int) (any, error) {
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	if number, ok := token.(json.Number); ok {
		if _, err := number.Float64(); err != nil {
			return nil, errNumber
		}
	}
	delim, nested := token.(json.Delim)
	if !nested {
		return token, nil
	}
	if depth == 0 {
		return nil, errNesting
	}
	object, array := map[string]any{}, []any{}
	for decoder.More() {
		var name string
		if delim == '{' {
			token, err := decoder.Token()
			if err != nil {
				return nil, err
			}
			name, _ = token.(string)
			if _, twice := object[name]; twice {
				return nil, errSameNames
			}
		}
		value, err := parseValue(decoder, depth-1)
		if err != nil {
			return nil, err
		}
		if delim == '{' {
			object[name] = value
		} else {
			array = append(array, value)
		}
	}
	if _, err := decoder.Token(); err != nil { // the closing bracket
		return nil, err
	}
	if delim == '{' {
		return object, nil
	}
	return array, nil
}
