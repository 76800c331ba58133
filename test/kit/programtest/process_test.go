package programtest_test

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/test/kit/programtest"
)

func shell(t *testing.T, script string) *programtest.Process {
	t.Helper()
	return programtest.Start(t, programtest.Command{Path: "sh", Args: []string{"-c", script}})
}

func TestOutput(t *testing.T) {
	t.Setenv("SECRET", "inherited")
	p := shell(t, "echo 'Listening on http://127.0.0.1:1'; echo log $SECRET >&2; echo again; echo again; exit 3")
	at, err := p.URL()
	if err != nil || at.Host != "127.0.0.1:1" {
		t.Errorf("the URL is %v, %v", at, err)
	}
	if _, err := p.Await(regexp.MustCompile("again"), 2); err != nil {
		t.Error(err)
	}
	if _, err := p.Await(regexp.MustCompile("again"), 3); err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("waiting for missing output: %v", err)
	}
	if got := p.Stderr(); got != "log\n" {
		t.Errorf("the log is %q", got)
	}
}

func TestStop(t *testing.T) {
	const ready = "; echo ready; while :; do sleep 0.01; done"
	for script, clean := range map[string]bool{"trap 'exit 0' TERM": true, "trap 'exit 1' TERM": false, ":": false} {
		p := shell(t, script+ready)
		if _, err := p.Await(regexp.MustCompile("ready"), 1); err != nil {
			t.Fatal(err)
		}
		if err := p.Stop(); (err == nil) != clean {
			t.Errorf("%s: %v", script, err)
		}
		if err := p.Kill(); err != nil {
			t.Errorf("killed after its end: %v", err)
		}
	}
}

// TestKillWaitsForChildren: a process has ended only when its children have ended, too.
func TestKillWaitsForChildren(t *testing.T) {
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p := programtest.Start(t, programtest.Command{
		Path: "sh", Args: []string{"-c", "exec 3<&0; (cat <&3; echo bye) & echo ready; wait"}, Stdin: reader,
	})
	if _, err := p.Await(regexp.MustCompile("ready"), 1); err != nil {
		t.Fatal(err)
	}
	if err := p.Signal(os.Kill); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.Done():
		t.Error("Done was closed before the child ended")
	default:
	}
	if err := errors.Join(reader.Close(), writer.Close()); err != nil {
		t.Fatal(err)
	}
	if err := p.Kill(); err != nil {
		t.Error(err)
	}
	if !strings.HasSuffix(p.Stdout(), "bye\n") {
		t.Errorf("the output is %q", p.Stdout())
	}
}
