package interop

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/test/kit/programtest"
)

const examples = "../../../examples"

// TestExamples runs the examples in other languages, which start the program themselves. `make interop` installs their
// packages.
func TestExamples(t *testing.T) {
	for name, example := range map[string]struct {
		command []string
		passed  string // what the command prints if all tests have run and passed
	}{
		"node": {[]string{"npm", "test", "--silent"}, "# pass 3\n"},
		// The test with the SDK is skipped if the SDK is missing: see examples/python/test_twilio_sdk.py.
		"python": {[]string{"python3", "-B", "-m", "unittest"}, "OK (skipped=1)\n"},
	} {
		t.Run(name, func(t *testing.T) {
			run := exec.CommandContext(t.Context(), example.command[0], example.command[1:]...)
			run.Dir = examples + "/" + name
			run.Env = append(os.Environ(), "TRUSTHUB="+program)
			out, err := run.CombinedOutput()
			if err != nil || !strings.Contains(string(out), example.passed) {
				t.Errorf("%v; want %q in the output:\n%s", err, example.passed, out)
			}
		})
	}
}

// TestExampleA2P runs the example with our own client as its documentation says: against `trusthub serve --test`.
func TestExampleA2P(t *testing.T) {
	t.Parallel()
	server := programtest.Start(t, programtest.Command{
		Path: program, Args: []string{"serve", "--test", "--review-delay", "10ms"}, Env: []string{"TMPDIR=" + t.TempDir()},
	})
	line, err := server.Await(regexp.MustCompile(`(?m)^\{.*\}$`), 1)
	if err != nil {
		t.Fatal(err)
	}
	var printed struct {
		account

		BaseURL string `json:"base_url"`
	}
	if err := json.Unmarshal([]byte(line[0]), &printed); err != nil {
		t.Fatal(err)
	}
	run := exec.CommandContext(t.Context(), "go", "run", ".", "--base-url", printed.BaseURL, "--primary", printed.PrimarySID, "--every", "10ms")
	run.Dir = examples + "/a2p"
	run.Env = append(os.Environ(), "TWILIO_ACCOUNT_SID="+printed.SID, "TWILIO_AUTH_TOKEN="+printed.AuthToken,
		"TWILIO_API_KEY=", "TWILIO_API_SECRET=")
	out, err := run.CombinedOutput()
	want := regexp.MustCompile(`^Customer Profile BU\w{32}: [a-z-]+\napproved\nTrust Product BU\w{32}: [a-z-]+\napproved\n$`)
	if err != nil || !want.Match(out) {
		t.Errorf("%v; want the output to match %s:\n%s", err, want, out)
	}
	if err := server.Stop(); err != nil {
		t.Error(err)
	}
}
