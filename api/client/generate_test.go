package client_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestNewOperations checks that a new operation needs no handwritten code in this package. It adds operations of every shape
// to the contract, generates gen.go and operations.gen.go from that, and builds the package with them. The tests in
// testdata/family use the result.
func TestNewOperations(t *testing.T) {
	const root = "../.."
	family := filepath.Join("testdata", "family")
	contract := read(t, filepath.Join(root, "openapi.yaml"))
	for _, section := range []struct{ above, file string }{
		{"\npaths:\n", "paths.yaml"}, {"\n  parameters:\n    #", "parameters.yaml"}, {"\n  schemas:\n", "schemas.yaml"},
	} {
		before, after, found := strings.Cut(contract, section.above)
		if !found {
			t.Fatalf("openapi.yaml has no %q", section.above)
		}
		heading, rest, _ := strings.Cut(section.above[1:]+after, "\n")
		contract = before + "\n" + heading + "\n" + read(t, filepath.Join(family, section.file)) + rest
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "openapi.yaml")
	write(t, path, contract)

	// The commands read files on which the result depends. Read them here too, so that the go command does not cache a stale
	// result.
	read(t, "operations.tmpl")
	read(t, filepath.Join(family, "family_test.go"))
	var overlay struct{ Replace map[string]string }
	overlay.Replace = map[string]string{}
	for config, output := range map[string]string{
		"oapi-codegen.yaml": "gen/gen.go", "api/client/oapi-codegen.yaml": "api/client/operations.gen.go",
	} {
		replaced, err := filepath.Abs(filepath.Join(root, output))
		if err != nil {
			t.Fatal(err)
		}
		generated := filepath.Join(dir, filepath.Base(output))
		overlay.Replace[replaced] = generated
		before, after, found := strings.Cut(read(t, filepath.Join(root, config)), "output: "+output)
		if !found {
			t.Fatalf("%s does not write %s", config, output)
		}
		write(t, generated+".yaml", before+"output: "+generated+after)
		run(t, root, "go", "run", "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen", "-config", generated+".yaml", path)
	}
	data, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	overlayFile := filepath.Join(dir, "overlay.json")
	write(t, overlayFile, string(data))
	run(t, root, "go", "test", "-vet=off", "-overlay", overlayFile, "./api/client/testdata/family")
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, dir string, command ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
}
