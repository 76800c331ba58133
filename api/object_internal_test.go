package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"

	"github.com/opentrusthub/trusthub/api/testdata/objects"
	"github.com/opentrusthub/trusthub/gen"
)

// objectBackend implements the contract in testdata/objects.
type objectBackend struct{ got string }

func (b *objectBackend) CreateObject(
	_ context.Context, r objects.CreateObjectRequestObject,
) (objects.CreateObjectResponseObject, error) {
	b.got = cmp.Or(r.Body.Attributes, "{}")
	return objects.CreateObject201JSONResponse{Attributes: json.RawMessage(b.got)}, nil
}

func (b *objectBackend) FetchObject(
	_ context.Context, r objects.FetchObjectRequestObject,
) (objects.FetchObjectResponseObject, error) {
	return objects.FetchObject200JSONResponse{Name: r.Name, Attributes: json.RawMessage("{}")}, nil
}

func objectContract(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("testdata/objects/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// document parses a contract.
func document(t testing.TB, text string) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// newObjectHandler serves the backend as New does for openapi.yaml.
func newObjectHandler(t testing.TB, b *objectBackend) http.Handler {
	t.Helper()
	operations, err := readOperations(document(t, objectContract(t)))
	if err != nil {
		t.Fatal(err)
	}
	config, err := Config{Authenticate: func(_ context.Context, username, _ string) (string, error) { return username, nil }}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	return decodedPath(newEdge(contract{operations, basicAuth, true}, config, func(e *echo.Echo, middlewares map[string][]echo.MiddlewareFunc) {
		objects.RegisterHandlersWithOptions(e, objects.NewStrictHandler(b),
			objects.RegisterHandlersOptions{OperationMiddlewares: middlewares})
	}))
}

func sendObject(t testing.TB, handler http.Handler, body string) (*httptest.ResponseRecorder, gen.Error) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "http://hub.example/v1/Objects", strings.NewReader(body))
	r.SetBasicAuth("someone", "x")
	r.Header.Set("Content-Type", formContentType)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	var failure gen.Error
	if w.Code >= http.StatusBadRequest {
		if err := json.Unmarshal(w.Body.Bytes(), &failure); err != nil {
			t.Fatalf("status %d with body %q: %v", w.Code, w.Body, err)
		}
	}
	return w, failure
}

func TestObjectIsKeptAsGiven(t *testing.T) {
	b := &objectBackend{}
	handler := newObjectHandler(t, b)
	for name, test := range map[string]struct{ sent, returned string }{
		"empty":             {`{}`, `{}`},
		"order of members":  {`{"z":1,"a":2,"m":3}`, `{"z":1,"a":2,"m":3}`},
		"digits of numbers": {`{"n":12345678901234567890,"f":1.10,"e":1e-400}`, `{"n":12345678901234567890,"f":1.10,"e":1e-400}`},
		"white space":       {" {\n\t\"a\" : [ 1 , 2 ] } ", `{"a":[1,2]}`},
		"any text":          {`{"ü":"€ + & = %","\u0000":"\ud800","":null}`, `{"ü":"€ + \u0026 = %","\u0000":"\ud800","":null}`},
		"repeated names":    {`{"a":{"a":1},"b":[{"a":1},{"a":2}]}`, `{"a":{"a":1},"b":[{"a":1},{"a":2}]}`},
		"maximum depth":     {nestedObject(maxNesting), nestedObject(maxNesting)},
		"maximum length":    {objectOfLength(16384), objectOfLength(16384)},
	} {
		t.Run(name, func(t *testing.T) {
			w, failure := sendObject(t, handler, "Name=x&Attributes="+url.QueryEscape(test.sent))
			if w.Code != http.StatusCreated {
				t.Fatalf("status %d: %s", w.Code, failure.Message)
			}
			if b.got != test.sent {
				t.Errorf("the implementation got %q, want %q", b.got, test.sent)
			}
			if want := `{"attributes":` + test.returned + `,"name":""}` + "\n"; w.Body.String() != want {
				t.Errorf("returned %q, want %q", w.Body, want)
			}
		})
	}
	if w, failure := sendObject(t, handler, "Name=x"); w.Code != http.StatusCreated {
		t.Errorf("without: status %d: %s", w.Code, failure.Message)
	}
}

func TestInvalidObjects(t *testing.T) {
	handler := newObjectHandler(t, &objectBackend{})
	const noObject = "Invalid parameter Attributes: must be a JSON object"
	for name, test := range map[string]struct{ body, message string }{
		"empty":             {"Attributes=", noObject},
		"text":              {"Attributes=private", noObject},
		"null":              {"Attributes=null", noObject},
		"an array":          {"Attributes=[private]", noObject},
		"a JSON array":      {`Attributes=["private"]`, noObject},
		"a JSON string":     {`Attributes="private"`, noObject},
		"half an object":    {`Attributes={"private":`, noObject},
		"two objects":       {`Attributes={}{"private":1}`, noObject},
		"a trailing comma":  {`Attributes={"private":1,}`, noObject},
		"a comment":         {`Attributes={}//private`, noObject},
		"a byte order mark": {"Attributes=%EF%BB%BF{}", noObject},
		"not UTF-8":         {`Attributes={"private":"%ff"}`, "Invalid parameter Attributes: must be UTF-8 text without null characters"},
		"a null character":  {`Attributes={"private":"%00"}`, "Invalid parameter Attributes: must be UTF-8 text without null characters"},
		"twice":             {"Attributes={}&Attributes={}", "Invalid parameter Attributes: must be given once"},
		"a name twice": {
			`Attributes={"a":{"private":1,"private":2}}`,
			"Invalid parameter Attributes: must not have two members of the same name in an object",
		},
		"a name twice, escaped": {
			`Attributes={"private":1,"\u0070rivate":2}`,
			"Invalid parameter Attributes: must not have two members of the same name in an object",
		},
		"too deep": {
			"Attributes=" + nestedObject(maxNesting+1),
			"Invalid parameter Attributes: must not be nested more than 32 levels deep",
		},
		"too deep by arrays": {
			`Attributes={"private":` + strings.Repeat("[", 8000) + strings.Repeat("]", 8000) + "}",
			"Invalid parameter Attributes: must not be nested more than 32 levels deep",
		},
		"a number beyond float64": {`Attributes={"private":1e400}`, "Invalid parameter Attributes: must not have numbers beyond the range of a double"},
		"too long":                {"Attributes=" + objectOfLength(16385), "Invalid parameter Attributes: must have at most 16384 bytes"},
		"invalid by its schema":   {`Attributes={"address":"private"}`, "Invalid parameter Attributes: has a value that is not of type object"},
		"a missing member":        {`Attributes={"address":{"private":1}}`, "Invalid parameter Attributes: violates the contract's required"},
		"keys of a form":          {"Attributes[address]=private&Attributes=", noObject},
	} {
		t.Run(name, func(t *testing.T) {
			w, failure := sendObject(t, handler, test.body)
			if w.Code != http.StatusBadRequest || failure.Code != int(CodeInvalidParameter) || failure.Message != test.message {
				t.Errorf("status %d, %+v, want %q", w.Code, failure, test.message)
			}
		})
	}
}

func nestedObject(depth int) string {
	return strings.Repeat(`{"a":`, depth-1) + "{}" + strings.Repeat("}", depth-1)
}

func objectOfLength(n int) string {
	const frame = `{"a":""}`
	return frame[:6] + strings.Repeat("x", n-len(frame)) + frame[6:]
}

func TestUnsupportedContracts(t *testing.T) {
	contract := objectContract(t)
	for name, test := range map[string]struct{ old, new, says string }{
		"an object without a limit":     {"x-max-bytes: 16384", "x-other: 1", "x-max-bytes"},
		"an object without an encoding": {"Attributes: { contentType: application/json }", "Name: { contentType: text/plain }", "encoding"},
		"an array":                      {"Name: { type: string }\n", "Name: { type: array, items: { type: string } }\n", "Name must be"},
		"a body of another type":        {"application/x-www-form-urlencoded", "text/plain", "form"},
	} {
		t.Run(name, func(t *testing.T) {
			edited := strings.Replace(contract, test.old, test.new, 1)
			if edited == contract {
				t.Fatalf("the contract does not contain %q", test.old)
			}
			if _, err := readOperations(document(t, edited)); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

// TestPathParameter sends values that the generated code would decode twice.
func TestPathParameter(t *testing.T) {
	handler := newObjectHandler(t, &objectBackend{})
	for path, want := range map[string]string{
		"a": "a", "%61": "a", "a%20b": "a b", "ü": "ü", "%2561": "", "100%25": "", "a%2Fb": "",
	} {
		r := httptest.NewRequest(http.MethodGet, "http://hub.example/v1/Objects/"+path, nil)
		r.SetBasicAuth("someone", "x")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		var got objects.Object
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if got.Name != want || (want == "") != (w.Code == http.StatusNotFound) {
			t.Errorf("%s: status %d, name %q, want %q", path, w.Code, got.Name, want)
		}
	}
}

// FuzzObject sends arbitrary text for an object. It must be refused with the parameter's name, or be an object within the
// limits, which the implementation gets and the response has unchanged.
func FuzzObject(f *testing.F) {
	for _, seed := range []string{
		"", "{}", `{"a":1}`, `{"a":1,"a":2}`, `[{}]`, `{"a":{"a":[1e400,-0,"\ud800"]}}`, "{\"a\":\"\xff\"}", "{\"a\":\"\x00\"}", `{"a":}`, `{"a":1]`,
		`{} {}`, `{"address":{}}`, `{"address":{"city":1}}`, " { } ", `{"":null,"\u0000":true}`, nestedObject(33), `{"<&>":"` + "\u2028" + `"}`,
		`{"a":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + "}", objectOfLength(16385),
	} {
		f.Add(seed)
	}
	b := &objectBackend{}
	handler := newObjectHandler(f, b)
	f.Fuzz(func(t *testing.T, text string) {
		w, failure := sendObject(t, handler, url.Values{"Attributes": {text}}.Encode())
		if w.Code != http.StatusCreated {
			if failure.Code != int(CodeInvalidParameter) && failure.Code != int(CodeBodyTooLarge) {
				t.Errorf("status %d: %+v", w.Code, failure)
			}
			return
		}
		var value map[string]any
		if b.got != text || len(text) > 16384 || json.Unmarshal([]byte(text), &value) != nil || value == nil {
			t.Errorf("the implementation got %q", b.got)
		}
		var returned objects.Object
		var want bytes.Buffer
		if err := json.Unmarshal(w.Body.Bytes(), &returned); err != nil {
			t.Fatal(err)
		}
		if err := json.Compact(&want, []byte(text)); err != nil {
			t.Fatal(err)
		}
		var escaped bytes.Buffer
		json.HTMLEscape(&escaped, want.Bytes())
		if !bytes.Equal(returned.Attributes, escaped.Bytes()) {
			t.Errorf("returned %s, want %s", returned.Attributes, &escaped)
		}
	})
}
