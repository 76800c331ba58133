package interop

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Limits on the cost of importing api/client.
const (
	maxSize    = 7_000_000 // bytes of a stripped hello-world
	maxOutside = 6         // packages that are neither in the standard library nor in this module
)

// TestClientCost builds a small program with our client and checks its size and packages.
func TestClientCost(t *testing.T) {
	ours := build(t, "trusthub")
	if ours.size >= maxSize {
		t.Errorf("the program has %d bytes, want less than %d", ours.size, maxSize)
	}
	if ours.outside > maxOutside {
		t.Errorf("the program has %d packages of other modules, want at most %d", ours.outside, maxOutside)
	}
}

// BenchmarkClientCost builds the same small program with our client and with the official SDK, each from an empty build
// cache: minutes of CPU. The goal is 0.35 of the SDK's.
func BenchmarkClientCost(b *testing.B) {
	for b.Loop() {
		var theirs cost
		for _, name := range []string{"twilio", "twilio-v1", "trusthub"} {
			c := build(b, name, "GOCACHE="+b.TempDir())
			if name == "twilio" {
				theirs = c
			}
			ratio := c.cpu.Seconds() / theirs.cpu.Seconds()
			b.Logf("%-9s %5.1f s of CPU, %.2f MB stripped, %d packages from outside", name, c.cpu.Seconds(), float64(c.size)/1e6, c.outside)
			b.ReportMetric(ratio, name+"-ratio")
		}
	}
}

type cost struct {
	cpu     time.Duration // user and system, of the go command and all that it started
	size    int64         // of the stripped program
	outside int           // packages that are neither in the standard library nor in this repository
}

func build(tb testing.TB, name string, environment ...string) cost {
	tb.Helper()
	program, pkg := filepath.Join(tb.TempDir(), name), "./cost/"+name
	compile := exec.CommandContext(tb.Context(), "go", "build", "-tags", "cost", "-trimpath", "-ldflags", "-s -w", "-o", program, pkg)
	compile.Env = append(append(os.Environ(), "GOFLAGS="), environment...)
	if out, err := compile.CombinedOutput(); err != nil {
		tb.Fatalf("%v: %v\n%s", compile.Args, err, out)
	}
	info, err := os.Stat(program)
	if err != nil {
		tb.Fatal(err)
	}
	list := exec.CommandContext(tb.Context(), "go", "list", "-deps", "-tags", "cost",
		"-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", pkg)
	list.Stderr = os.Stderr
	deps, err := list.Output()
	if err != nil {
		tb.Fatal(err)
	}
	c := cost{cpu: compile.ProcessState.UserTime() + compile.ProcessState.SystemTime(), size: info.Size()}
	for dep := range strings.FieldsSeq(string(deps)) {
		if !strings.HasPrefix(dep, "github.com/opentrusthub/trusthub/") {
			c.outside++
		}
	}
	return c
}
