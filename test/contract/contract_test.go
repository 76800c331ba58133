package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The files that the program reads, by their paths below the root.
const (
	contractFile    = "openapi.yaml"
	operatorFile    = "api/operator/openapi.yaml"
	changelogFile   = "CHANGELOG.md"
	lintFile        = "docs/contracts/lint.yaml"
	differencesFile = "docs/contracts/differences.yaml"
	releasedFile    = "docs/contracts/openapi-9.9.9.yaml"
)

// edit replaces a text in one of the files.
type edit struct{ file, old, new string }

// project returns the repository's contract and exceptions, with edits. The contract is its own last release and nothing is
// announced, so that these tests do not depend on the state of the real ones.
func project(t *testing.T, edits ...edit) map[string]string {
	t.Helper()
	contract := read(t, contractFile)
	before, after, _ := strings.Cut(contract, "\n  version: ")
	_, after, _ = strings.Cut(after, "\n")
	contract = before + "\n  version: 9.9.9\n" + after
	files := map[string]string{
		contractFile: contract, releasedFile: contract, changelogFile: "# Changelog\n\n## Unreleased\n",
		operatorFile: read(t, operatorFile), lintFile: read(t, lintFile), differencesFile: "differences: []\n",
	}
	for _, e := range edits {
		if !strings.Contains(files[e.file], e.old) {
			t.Fatalf("%s does not contain %q", e.file, e.old)
		}
		files[e.file] = strings.Replace(files[e.file], e.old, e.new, 1)
	}
	return files
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../..", file))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// testCase runs the program on edited files and checks its output.
type testCase struct {
	name  string
	edits []edit
	says  string
	fails bool
}

func (j testCase) run(t *testing.T, args ...string) {
	t.Run(j.name, func(t *testing.T) {
		printed, err := ask(t, project(t, j.edits...), args...)
		if failed := errors.Is(err, errFindings); failed != j.fails || (err != nil && !failed) {
			t.Errorf("the error is %v", err)
		}
		if !strings.Contains(printed, j.says) {
			t.Errorf("the output does not have %q:\n%s", j.says, printed)
		}
	})
}

func ask(t *testing.T, files map[string]string, args ...string) (string, error) {
	t.Helper()
	root := t.TempDir()
	for file, text := range files {
		path := filepath.Join(root, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var printed bytes.Buffer
	err := run(t.Context(), append([]string{"-root", root}, args...), &printed)
	return printed.String(), err
}

func TestLint(t *testing.T) {
	for _, test := range []testCase{
		{"the contract", nil, "nothing to say", false},
		{"a hint about the operator's", []edit{{operatorFile, "    description: Look after accounts.\n", ""}}, "style-tag-description", true},
		{"a hint", []edit{{contractFile, "    description: Register a business for a service and follow the review.\n", ""}}, "style-tag-description", true},
		{"a mistake", []edit{{contractFile, "name: Sid\n", "name: Other\n"}}, "semantic-path-params", true},
		{
			"an operation that is too long",
			[]edit{{
				contractFile, "      summary: Create a Trust Product.\n",
				"      summary: Create a Trust Product.\n      x-more:\n" + strings.Repeat("        - 1\n", maxOperationLines),
			}},
			"operation-length: POST /v1/TrustProducts has ", true,
		},
		{
			"an exception that excuses nothing",
			[]edit{{lintFile, "exceptions:\n", "exceptions:\n  - { rule: style-path-trailing-slash, reason: none }\n"}},
			"style-path-trailing-slash  excuses nothing", true,
		},
	} {
		test.run(t, "lint")
	}
}

func TestReleased(t *testing.T) {
	const statuses = "enum: [draft, pending-review, in-review, twilio-rejected, twilio-approved]"
	parked := edit{releasedFile, statuses, strings.Replace(statuses, "draft,", "draft, parked,", 1)}
	announce := func(text string) edit { return edit{changelogFile, "## Unreleased\n", "## Unreleased\n\n" + text} }
	for _, test := range []testCase{
		{"what was released", nil, "0 changes since contract openapi 9.9.9", false},
		{
			"an addition",
			[]edit{{contractFile, "        StatusCallback: {", "        More: { type: string }\n        StatusCallback: {"}},
			"compatible: POST /v1/TrustProducts CreateTrustProduct", false,
		},
		{"a break", []edit{parked}, "BREAKING, NOT ANNOUNCED: POST /v1/TrustProducts/{Sid} UpdateTrustProduct", true},
		{
			"a break that is announced",
			[]edit{parked, announce("- Breaking: ListTrustProduct,\n  UpdateTrustProduct, ListCustomerProfile and UpdateCustomerProfile take no status `parked`.\n")},
			"breaking, announced: POST /v1/TrustProducts/{Sid} UpdateTrustProduct", false,
		},
		{
			"a break of which the announcement names another operation",
			[]edit{parked, announce("- Breaking: ListTrustProduct takes no `parked`.\n")},
			"BREAKING, NOT ANNOUNCED: POST /v1/TrustProducts/{Sid} UpdateTrustProduct", true,
		},
		{
			"a break that an earlier release announced",
			[]edit{parked, announce("## 9.9.9\n\n- Breaking: ListTrustProduct and UpdateTrustProduct take no `parked`.\n")},
			"BREAKING, NOT ANNOUNCED", true,
		},
	} {
		test.run(t, "released")
	}
}

// TestReleasedOperator compares the operator API's contract, which needs no release yet.
func TestReleasedOperator(t *testing.T) {
	compare := func(old, new string) (string, error) {
		files := project(t)
		released := strings.Replace(files[operatorFile], "\n  version: 0.1.0\n", "\n  version: 7.0.0\n", 1)
		if !strings.Contains(released, old) {
			t.Fatalf("the contract does not contain %q", old)
		}
		files["docs/contracts/operator-7.0.0.yaml"] = strings.Replace(released, old, new, 1)
		return ask(t, files, "released")
	}
	for _, test := range []struct {
		name  string
		ask   func() (string, error)
		says  string
		fails bool
	}{
		{"never released", func() (string, error) { return ask(t, project(t), "released") }, "contract operator has never been released", false},
		{"what was released", func() (string, error) { return compare("", "") }, "0 changes since contract operator 7.0.0", false},
		{
			"a break", func() (string, error) { return compare("enum: [running, frozen]", "enum: [running]") },
			"NOT ANNOUNCED: GET /operator/v1/test/clock FetchClock", true,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			printed, err := test.ask()
			if errors.Is(err, errFindings) != test.fails || (err != nil && !test.fails) || !strings.Contains(printed, test.says) {
				t.Errorf("the error is %v, and the output does not have %q:\n%s", err, test.says, printed)
			}
		})
	}
}

func TestReleasedContractWithWrongName(t *testing.T) {
	_, err := ask(t, project(t, edit{releasedFile, "version: 9.9.9", "version: 0.2.0"}), "released")
	if err == nil || errors.Is(err, errFindings) || !strings.Contains(err.Error(), "0.2.0") {
		t.Errorf("the error is %v", err)
	}
}

// TestDiff uses the edited contract as the published one, because Twilio's is not in this repository.
func TestDiff(t *testing.T) {
	intend := edit{
		differencesFile, "[]",
		"\n- {operation: '*', at: request application/* StatusCallback format, published: '-', ours: uri, reason: R}",
	}
	published := func(old, new string) []edit { return []edit{{releasedFile, old, new}} }
	format := published("      format: uri\n      maxLength: 2048\n", "      maxLength: 2048\n")
	for _, test := range []testCase{
		{"no difference", nil, "0 differences: 0 intended, 0 not listed", false},
		{"one not listed", format, "DIFFERENT, and not listed", true},
		{"one listed", append(format, intend), "4 differences: 4 intended, 0 not listed", false},
		{"one listed and gone", []edit{intend}, "LISTED in", true},
		{
			"an operation more", published("  /v1/TrustProducts:\n", "  /v2/TrustProducts:\n"),
			"only published       POST /v2/TrustProducts", false,
		},
		{"a name", published("operationId: CreateTrustProduct", "operationId: Make"), "operationID  Make", true},
		{"a header", published("name: Idempotency-Key", "name: Key"), "header Key", true},
		{"security", published("scheme: basic", "scheme: bearer"), "accountSid_authToken scheme  bearer", true},
		{"nullability", published("          nullable: true\n", ""), "friendly_name nullable", true},
		{"a pattern", published("^BU[0-9a-fA-F]{32}$", "^BU[0-9a-f]{32}$"), "path Sid pattern", true},
		{"no security", published("      operationId: CreateTrustProduct\n", "      operationId: CreateTrustProduct\n      security: []\n"), "securityRequirements", true},
		{"alternatives", published("schema: { type: boolean }", "schema: { anyOf: [{ type: boolean }] }"), "anyOf", true},
		{"a property", published("        StatusCallback: {", "        Callback: {"), "StatusCallback", true},
		{"a response", published(`        "201":`, `        "202":`), "response 202", true},
	} {
		path := filepath.Join(t.TempDir(), "published.yaml")
		if err := os.WriteFile(path, []byte(project(t, test.edits...)[releasedFile]), 0o600); err != nil {
			t.Fatal(err)
		}
		test.run(t, "diff", path)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{nil, {"lint", "more"}, {"diff"}, {"other"}, {"-unknown"}} {
		if err := run(t.Context(), args, &bytes.Buffer{}); err == nil || errors.Is(err, errFindings) {
			t.Errorf("%q: the error is %v", args, err)
		}
	}
}
