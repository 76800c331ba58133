// Package deploy_test checks the files of this folder and the workflows of the project with the tools that will read them. That the
// flags and variables exist, TestDeployNamesWhatExists of cmd/trusthub checks.
package deploy_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/rhysd/actionlint"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	policy "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

func TestCompose(t *testing.T) {
	options, err := cli.NewProjectOptions([]string{"compose/compose.yaml"}, cli.WithEnv([]string{
		"POSTGRES_PASSWORD=secret", "TWILIO_ACCOUNT_SID=AC0123456789abcdef0123456789abcdef", "TWILIO_AUTH_TOKEN=token",
	}))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"server-1", "server-2"} {
		environment := project.Services[name].Environment
		for variable, want := range map[string]string{
			"TRUSTHUB_SERVER_NAME": name, // beside the variables that both have
			"TRUSTHUB_DB":          "postgres://trusthub:secret@postgres/trusthub",
			"TRUSTHUB_PUBLIC_URL":  "https://localhost",
		} {
			if got := environment[variable]; got == nil || *got != want {
				t.Errorf("%s: %s is not %s", name, variable, want)
			}
		}
	}
}

// TestKubernetes decodes each object with Kubernetes' own types, which refuses unknown fields.
func TestKubernetes(t *testing.T) {
	var deployment apps.Deployment
	objects := map[string]any{"Deployment": &deployment, "Service": &core.Service{}, "PodDisruptionBudget": &policy.PodDisruptionBudget{}}
	documents := bytes.Split(read(t, "kubernetes/trusthub.yaml"), []byte("\n---\n"))
	for _, document := range documents {
		kind := regexp.MustCompile(`(?m)^kind: (\w+)$`).FindSubmatch(document)
		if kind == nil || objects[string(kind[1])] == nil {
			t.Fatalf("an object of an unknown kind:\n%s", document)
		}
		if err := yaml.UnmarshalStrict(document, objects[string(kind[1])]); err != nil {
			t.Errorf("%s: %v", kind[1], err)
		}
	}
	if len(documents) != len(objects) {
		t.Errorf("%d objects, want %d", len(documents), len(objects))
	}
	server := deployment.Spec.Template.Spec.Containers[0]
	if ready, live := server.ReadinessProbe.HTTPGet.Path, server.LivenessProbe.HTTPGet.Path; ready != "/healthz" || live != "/livez" {
		t.Errorf("the probes ask %s and %s: restarting a server does not bring back its database", ready, live)
	}
}

func TestWorkflows(t *testing.T) {
	files, err := filepath.Glob("../.github/workflows/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("workflows %q, %v", files, err)
	}
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pinned := regexp.MustCompile(`@v\d+\.\d+\.\d+$`)
	full := regexp.MustCompile(`(@v\d+)\.\d+\.\d+`)
	for _, file := range append(files, "ci/github.yaml") {
		// actionlint knows the inputs of actions by their major versions.
		found, err := linter.Lint(file, full.ReplaceAll(read(t, file), []byte("$1")), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, mistake := range found {
			t.Errorf("%v", mistake)
		}
		for _, action := range regexp.MustCompile(`uses: ([^./\s][^#\s]*)`).FindAllStringSubmatch(string(read(t, file)), -1) {
			if !pinned.MatchString(action[1]) {
				t.Errorf("%s: %s has no full version", file, action[1])
			}
		}
	}
}

func TestGitLab(t *testing.T) {
	var jobs map[string]struct {
		Image    string
		Services []struct {
			Name, Alias string
			Command     []string
		}
		Variables map[string]string
		Script    []string
	}
	if err := yaml.UnmarshalStrict(read(t, "ci/gitlab.yaml"), &jobs); err != nil {
		t.Fatal(err)
	}
	if len(jobs) != 1 || len(jobs["test"].Services) != 1 {
		t.Errorf("the jobs are %+v", jobs)
	}
}

func TestCaddyfile(t *testing.T) {
	command := tool(t, "caddy", "validate", "--adapter", "caddyfile", "--config", "compose/Caddyfile")
	command.Env = []string{"SERVER_NAME=localhost", "HOME=" + t.TempDir()}
	check(t, command)
}

func TestPrometheus(t *testing.T) {
	check(t, tool(t, "promtool", "check", "config", "compose/prometheus.yml"))
	check(t, tool(t, "promtool", "check", "rules", "prometheus/alerts.yml"))
}

// TestUnit verifies the systemd unit, with a program that exists, and how far it confines the server: from 100, not at all, to 0.
func TestUnit(t *testing.T) {
	unit := filepath.Join(t.TempDir(), "trusthub.service")
	text := bytes.ReplaceAll(read(t, "systemd/trusthub.service"), []byte("/usr/local/bin/trusthub"), []byte("/bin/true"))
	if err := os.WriteFile(unit, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if output := check(t, tool(t, "systemd-analyze", "verify", "--man=no", unit)); len(output) > 0 { // it ignores unknown keys
		t.Errorf("%s", output)
	}
	check(t, tool(t, "systemd-analyze", "security", "--offline=true", "--threshold=15", unit))
}

// tool returns a command. A test whose tool is missing is skipped, except in CI, which installs them.
func tool(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if _, ok := os.LookupEnv("CI"); ok {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return exec.CommandContext(t.Context(), name, args...)
}

func check(t *testing.T, command *exec.Cmd) (output []byte) {
	t.Helper()
	output, err := command.CombinedOutput()
	if err != nil {
		t.Errorf("%v: %v\n%s", command.Args, err, output)
	}
	return output
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
