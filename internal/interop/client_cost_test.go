package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

// What may be spent on api/client by a program that imports it.
const (
	maxSize     = 7_000_000 // bytes of a stripped hello-world
	maxOutside  = 6         // packages that are neither in the standard library nor in this module
	maxBuildCPU = 0.35      // of what the same takes with the official SDK, from a cold cache
)

// TestClientCost builds the same small program with our client and with the official SDK, each from an empty build cache, and
// compares. It takes minutes of CPU, so that it runs only where TRUSTHUB_COST is set.
func TestClientCost(t *testing.T) {
	if os.Getenv("TRUSTHUB_COST") == "" { //nolint:forbidigo // no setting of a program: it chooses a test
		t.Skip("set TRUSTHUB_COST=1 to build small programs from cold caches, which takes minutes")
	}
	names := []string{"trusthub", "twilio", "twilio-v1"}
	costs := map[string]cost{}
	for _, name := range names {
		costs[name] = buildCold(t, name)
	}
	ours, theirs := costs["trusthub"], costs["twilio"]

	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	rows := "program\tCPU\tof twilio-go\tMB stripped\tpackages outside std\n"
	for _, name := range names {
		c := costs[name]
		rows += fmt.Sprintf("%s\t%.1f s\t%.2f\t%.2f\t%d\n", name, c.cpu.Seconds(), c.cpu.Seconds()/theirs.cpu.Seconds(),
			float64(c.size)/1e6, c.outside)
	}
	if _, err := table.Write([]byte(rows)); err != nil {
		t.Fatal(err)
	}
	if err := table.Flush(); err != nil {
		t.Fatal(err)
	}
	t.Logf("from a cold build cache:\n%s", &text)

	if ratio := ours.cpu.Seconds() / theirs.cpu.Seconds(); ratio > maxBuildCPU {
		t.Errorf("building with api/client takes %.2f of the CPU that the official SDK takes, want at most %v", ratio, maxBuildCPU)
	}
	if ours.size >= maxSize {
		t.Errorf("the program has %d bytes, want less than %d", ours.size, maxSize)
	}
	if ours.outside > maxOutside {
		t.Errorf("the program has %d packages from outside, want at most %d", ours.outside, maxOutside)
	}
}

type cost struct {
	cpu     time.Duration // user and system, of the go command and all that it started
	size    int64         // of the stripped program
	outside int           // packages that are neither in the standard library nor in this repository
}

func buildCold(t *testing.T, name string) cost {
	t.Helper()
	program, pkg := filepath.Join(t.TempDir(), name), "./cost/"+name
	build := exec.CommandContext(t.Context(), "go", "build", "-tags", "cost", "-trimpath", "-ldflags", "-s -w", "-o", program, pkg)
	build.Env = append(os.Environ(), "GOCACHE="+t.TempDir(), "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", build.Args, err, out)
	}
	info, err := os.Stat(program)
	if err != nil {
		t.Fatal(err)
	}
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-tags", "cost",
		"-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", pkg)
	list.Stderr = os.Stderr
	deps, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	c := cost{cpu: build.ProcessState.UserTime() + build.ProcessState.SystemTime(), size: info.Size()}
	for dep := range strings.FieldsSeq(string(deps)) {
		if !strings.HasPrefix(dep, "github.com/opentrusthub/trusthub/") {
			c.outside++
		}
	}
	return c
}
