package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub"
)

// Every operation of the contract can be called and is described, whatever is added to it; so is a contract whose form has a
// JSON object.
func TestAPIEveryOperation(t *testing.T) {
	objects, err := os.ReadFile("../../api/testdata/objects/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, contract := range []string{trusthub.Contract(), string(objects)} {
		all, err := readOperations(contract)
		if err != nil || len(all) == 0 {
			t.Fatalf("read %d operations, error %v", len(all), err)
		}
		for _, o := range all {
			t.Run(o.Name, func(t *testing.T) {
				checkRequest(t, o)
				var text bytes.Buffer
				if err := describe(&text, o); err != nil {
					t.Fatal(err)
				}
				for _, want := range slices.Concat(o.names(), []string{o.Name, o.Method + " " + o.Path}) {
					if !strings.Contains(text.String(), want) {
						t.Errorf("the description lacks %s:\n%s", want, &text)
					}
				}
			})
		}
	}
}

// checkRequest fills all parameters of an operation and checks that each is where the contract has it.
func checkRequest(t *testing.T, o operation) {
	t.Helper()
	values, path := map[string]string{}, o.Path
	for _, p := range o.parameters {
		if _, twice := values[p.name]; twice {
			t.Fatalf("two parameters are named %s: -f cannot tell them apart", p.name)
		}
		values[p.name] = "value-of-" + p.name
		path = strings.ReplaceAll(path, "{"+p.name+"}", values[p.name])
	}
	request, err := o.request(t.Context(), values)
	if err != nil {
		t.Fatal(err)
	}
	if request.Method != o.Method || request.URL.Path != path || strings.Contains(path, "{") {
		t.Errorf("the request is %s %s, want %s %s", request.Method, request.URL.Path, o.Method, path)
	}
	if err := request.ParseForm(); err != nil {
		t.Fatal(err)
	}
	for _, p := range o.parameters {
		got := values[p.name]
		switch p.in {
		case "query":
			got = request.URL.Query().Get(p.name)
		case "header":
			got = request.Header.Get(p.name)
		case "form":
			got = request.PostForm.Get(p.name)
		case "path":
		default:
			t.Errorf("%s is in %s, which request does not know", p.name, p.in)
		}
		if got != values[p.name] {
			t.Errorf("%s %s is %q", p.in, p.name, got)
		}
	}
}

// A create has an idempotency key, a new one each time, unless the caller gives one.
func TestAPIGeneratesKeys(t *testing.T) {
	all, err := readOperations(trusthub.Contract())
	if err != nil {
		t.Fatal(err)
	}
	o, err := findOperation(all, "CreateTrustProduct")
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{"FriendlyName": "a", "Email": "b", "PolicySid": "c"}
	seen := map[string]bool{"": true}
	for range 2 {
		request, err := o.request(t.Context(), values)
		if err != nil {
			t.Fatal(err)
		}
		key := request.Header.Get("Idempotency-Key")
		if seen[key] {
			t.Errorf("sent key %q", key)
		}
		seen[key] = true
	}
}

func TestAPIDescribesObjects(t *testing.T) {
	objects, err := os.ReadFile("../../api/testdata/objects/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	all, err := readOperations(string(objects))
	if err != nil {
		t.Fatal(err)
	}
	o, err := findOperation(all, "CreateObject")
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := describe(&text, o); err != nil || !strings.Contains(text.String(), "Attributes (form, a JSON object)") {
		t.Errorf("described as, with error %v:\n%s", err, &text)
	}
}

// A body that is not JSON, of a proxy's login page for example, is an error and is not printed.
func TestAPIPrintsOnlyJSON(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "<html>Please log in</html>")
	}))
	defer server.Close()
	t.Setenv("TWILIO_ACCOUNT_SID", "AC7e577e577e577e577e577e577e577e57")
	t.Setenv("TWILIO_AUTH_TOKEN", "testtoken")
	var stdout, stderr bytes.Buffer
	for _, flags := range [][]string{{"FetchTrustProduct", "-fSid=x"}, {"ListTrustProduct", "--all"}} {
		args := slices.Concat([]string{"api", "--base-url", server.URL}, flags)
		if code := run(context.Background(), args, &stdout, &stderr); code != 1 || stdout.Len() > 0 {
			t.Errorf("%q: status %d, printed %q, %q", args, code, &stdout, &stderr)
		}
	}
}

func TestClosest(t *testing.T) {
	names := []string{"CreateTrustProduct", "FetchTrustProduct", "Sid"}
	for word, want := range map[string]string{
		"FetchTrustProduct": "FetchTrustProduct", "fetchtrustproduct": "FetchTrustProduct", "CreateTrustProducts": "CreateTrustProduct",
		"GetTrustProduct": "FetchTrustProduct", "sid": "Sid", "Sed": "Sid", "nonsense": "", "": "",
	} {
		if got := closest(word, names); got != want {
			t.Errorf("closest(%q) = %q, want %q", word, got, want)
		}
	}
}
