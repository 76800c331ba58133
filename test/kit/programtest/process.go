package programtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	waitLimit = 30 * time.Second // for expected output, and for the end after a kill, on a busy machine
	stopLimit = 10 * time.Second // the program must end within this time after SIGTERM
)

// Command is a command to start, with the fields of exec.Cmd. It inherits nothing from this process's environment.
type Command struct {
	Path   string // looked up in PATH, or relative to Dir
	Args   []string
	Dir    string
	Env    []string
	Stdin  *os.File // the null device if nil
	Stderr *os.File // kept in memory if nil
}

// Process is a running program. Its methods may be called concurrently.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // set before done is closed

	mu             sync.Mutex
	stdout, stderr bytes.Buffer
	more           chan struct{} // closed and replaced when output arrives
}

// collector writes to one of a process's buffers.
type collector struct {
	p      *Process
	buffer *bytes.Buffer
}

// Write stores b and wakes the goroutines that wait for output.
func (c collector) Write(b []byte) (int, error) {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	close(c.p.more)
	c.p.more = make(chan struct{})
	return c.buffer.Write(b)
}

// Launch starts a program. The caller must end it, with Stop or Kill.
func Launch(c Command) (*Process, error) {
	p := &Process{
		cmd:  exec.CommandContext(context.Background(), c.Path, c.Args...), //nolint:gosec // G204: the command is the test's
		done: make(chan struct{}), more: make(chan struct{}),
	}
	p.cmd.Dir, p.cmd.Env = c.Dir, c.Env
	if p.cmd.Env == nil {
		p.cmd.Env = []string{} // nil would inherit
	}
	if c.Stdin != nil {
		p.cmd.Stdin = c.Stdin
	}
	p.cmd.Stdout = collector{p, &p.stdout}
	p.cmd.Stderr = collector{p, &p.stderr}
	if c.Stderr != nil {
		p.cmd.Stderr = c.Stderr
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// Start starts a program, and kills it when the test ends if it is still running.
func Start(tb testing.TB, c Command) *Process {
	tb.Helper()
	p, err := Launch(c)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := p.Kill(); err != nil {
			tb.Error(err)
		}
	})
	return p
}

// PID returns the id of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// CPU returns the processor time that the process took. It must have ended.
func (p *Process) CPU() time.Duration {
	return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
}

// Stdout returns what the process has printed so far.
func (p *Process) Stdout() string { return p.printed(&p.stdout) }

// Stderr returns what the process has written to its standard error so far, which for a server is the log.
func (p *Process) Stderr() string { return p.printed(&p.stderr) }

func (p *Process) printed(buffer *bytes.Buffer) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return buffer.String()
}

// Await waits until the pattern matches standard output or standard error count times. It returns the last match and its
// groups.
func (p *Process) Await(pattern *regexp.Regexp, count int) ([]string, error) {
	limit := time.NewTimer(waitLimit)
	defer limit.Stop()
	for {
		var ended bool
		select {
		case <-p.done:
			ended = true
		default:
		}
		p.mu.Lock()
		stdout, stderr, more := p.stdout.String(), p.stderr.String(), p.more
		p.mu.Unlock()
		for _, output := range []string{stdout, stderr} {
			if found := pattern.FindAllStringSubmatch(output, count); len(found) == count {
				return found[count-1], nil
			}
		}
		if ended {
			return nil, fmt.Errorf("%s ended (%v) without printing %q:\n%s%s",
				p.cmd.Args, p.cmd.ProcessState, pattern, stdout, stderr)
		}
		select {
		case <-more:
		case <-p.done:
		case <-limit.C:
			return nil, fmt.Errorf("%s has not printed %q within %v:\n%s%s", p.cmd.Args, pattern, waitLimit, stdout, stderr)
		}
	}
}

var listening = regexp.MustCompile(`(?m)^Listening .*(https?://\S+:\d+)$`)

// URL waits until the program prints its URL.
func (p *Process) URL() (*url.URL, error) {
	found, err := p.Await(listening, 1)
	if err != nil {
		return nil, err
	}
	return url.Parse(found[1])
}

// Done returns a channel that is closed when the process and all children that share its output have ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait waits for Done. It returns the error of exec.Cmd's Wait, or another one if that takes too long.
func (p *Process) Wait() error { return p.wait(waitLimit) }

func (p *Process) wait(limit time.Duration) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.done:
		return p.err
	case <-timer.C:
		return fmt.Errorf("%s has not ended within %v: %w", p.cmd.Args, limit, os.ErrDeadlineExceeded)
	}
}

// Signal sends a signal and does not wait. Its error is os.ErrProcessDone if the process has ended.
func (p *Process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// Stop sends SIGTERM, as an operator does. It returns an error unless the process ends in time with status 0.
func (p *Process) Stop() error {
	if err := p.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	err := p.wait(stopLimit)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errors.Join(err, p.Kill())
	}
	return err
}

// Kill sends SIGKILL and waits. It is not an error if the process has ended already.
func (p *Process) Kill() error {
	if err := p.Signal(os.Kill); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	if err := p.Wait(); errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return nil // the status of a killed process means nothing
}
