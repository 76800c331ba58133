package interop

import (
	"os"
	"os/exec"
	"strings"
	"testing"
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
