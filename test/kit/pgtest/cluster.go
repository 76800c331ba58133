package pgtest

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

const (
	startLimit = time.Minute           // for the server to accept connections, recovery after a kill included
	endLimit   = 30 * time.Second      // for all of a server's processes to end
	tryLimit   = 5 * time.Second       // for one attempt to connect
	tryEvery   = 10 * time.Millisecond // between two attempts

	// Below the ports that Linux (from 32768) and macOS (from 49152) give to outgoing connections, one of which could hold
	// the port between Kill and Start.
	firstPort, lastPort = 16384, 32767
	portTries           = 5 // another process may take a port between our look and the server's

	lineReady = "ready" // the supervisor's word for: the cluster is initialised
	lineGone  = "gone"  // and for: no process of the server is left

	adminURL = "postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable"
)

// supervise is the program of the cluster's supervisor, a shell that starts the server and ends it when the test process is
// gone. It watches a pipe, because that works in every case: the kernel closes the pipe however a process ends. Pdeathsig
// would do less: only Linux has it, it fires when the starting thread ends rather than the process, it reaches the
// postmaster alone, and nobody would be left to remove the folder.
//
//go:embed supervise.sh
var supervise string

// errEnded says that nobody but Postgres itself ended the server.
var errEnded = errors.New("the server ended by itself")

// durability is Postgres's setting fsync: whether a commit survives a power cut. It survives kill -9 either way.
type durability string

const (
	durable durability = "on"
	fast    durability = "off"
)

// Cluster is a Postgres server with a data folder of its own. Its methods may be called by several goroutines.
type Cluster struct {
	folder   string
	lifeline io.WriteCloser // the supervisor's standard input
	lines    chan string    // its standard output; closed when it has ended

	mu   sync.Mutex
	port int
	pid  int // of the postmaster; 0 when there is none
}

// NewCluster starts a durable cluster that ends with the test. It is always a private one: a server that TRUSTHUB_TEST_POSTGRES
// names is not for killing.
func NewCluster(tb testing.TB) *Cluster {
	tb.Helper()
	c, err := startCluster(durable)
	if err != nil {
		refuse(tb, err)
	}
	tb.Cleanup(func() {
		if err := c.end(); err != nil {
			tb.Errorf("end the cluster: %v", err)
		}
	})
	return c
}

// URL returns the URL of the cluster's own database, postgres. It stays the same over Kill and Start.
func (c *Cluster) URL() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Sprintf(adminURL, c.port)
}

// Database returns the URL of a new, empty database, which is dropped when the test ends.
func (c *Cluster) Database(tb testing.TB) string {
	tb.Helper()
	return createDatabase(tb, c.URL(), emptyTemplate, c.up)
}

func (c *Cluster) up() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pid != 0
}

// Kill ends the postmaster and all its children with SIGKILL, and returns when the last of them is gone.
func (c *Cluster) Kill() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pid == 0 {
		return errors.New("pgtest: kill: the server is not running")
	}
	return c.kill()
}

func (c *Cluster) kill() error {
	select {
	case <-c.lines:
		c.pid = 0 // by now the number may be another process's
		return fmt.Errorf("pgtest: kill: %w:\n%s", errEnded, c.log())
	default:
	}
	if err := killServer(c.pid); err != nil {
		return fmt.Errorf("pgtest: kill: %w", err)
	}
	c.pid = 0
	return c.expect(lineGone)
}

// Start starts the server again after Kill, on the same data and port, and returns when it accepts connections.
func (c *Cluster) Start() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pid != 0 {
		return errors.New("pgtest: start: the server is running already")
	}
	return c.start()
}

func (c *Cluster) start() error {
	if _, err := fmt.Fprintln(c.lifeline, c.port); err != nil {
		return fmt.Errorf("pgtest: the supervisor: %w", err)
	}
	pid, err := strconv.Atoi(<-c.lines)
	if err != nil {
		return fmt.Errorf("pgtest: the supervisor is gone: %w", err)
	}
	c.pid = pid
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	ticker := time.NewTicker(tryEvery)
	defer ticker.Stop()
	last := errors.New("no attempt was made")
	for {
		select {
		case <-c.lines:
			c.pid = 0
			return fmt.Errorf("pgtest: start: %w:\n%s", errEnded, c.log())
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("pgtest: no connection within %v: %w\n%s", startLimit, last, c.log()), c.kill())
		case <-ticker.C:
			if last = c.answers(ctx); last == nil {
				return nil
			}
		}
	}
}

// answers returns nil if this cluster accepts connections: whoever else took the port may be a Postgres too.
func (c *Cluster) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, tryLimit)
	defer cancel()
	data, err := queryText(ctx, fmt.Sprintf(adminURL, c.port), "SHOW data_directory")
	if err == nil && data != filepath.Join(c.folder, "data") {
		return fmt.Errorf("port %d belongs to another server", c.port)
	}
	return err
}

// expect waits for a line of the supervisor's.
func (c *Cluster) expect(want string) error {
	select {
	case got, more := <-c.lines:
		if !more {
			return fmt.Errorf("pgtest: the supervisor has ended; if its user cannot reach %s, set another TMPDIR", c.folder)
		}
		if got != want {
			return fmt.Errorf("pgtest: the supervisor says %q, not %q:\n%s", got, want, c.log())
		}
		return nil
	case <-time.After(endLimit):
		return fmt.Errorf("pgtest: waited %v for the supervisor's %q:\n%s", endLimit, want, c.log())
	}
}

// end stops the server, and returns when the supervisor has removed the folder.
func (c *Cluster) end() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pid = 0
	err := c.lifeline.Close()
	limit := time.After(endLimit)
	for {
		select {
		case _, more := <-c.lines:
			if !more {
				return errors.Join(err, os.RemoveAll(c.folder)) // the folder itself may not have been the supervisor's to remove
			}
		case <-limit:
			return errors.Join(err, fmt.Errorf("pgtest: the supervisor still runs after %v:\n%s", endLimit, c.log()))
		}
	}
}

func (c *Cluster) log() []byte {
	text, err := os.ReadFile(filepath.Join(c.folder, "log"))
	if err != nil {
		return []byte(err.Error())
	}
	const enough = 4096
	return text[max(0, len(text)-enough):]
}

// startCluster initialises a cluster in a new temporary folder and starts it on a free port.
func startCluster(fsync durability) (*Cluster, error) {
	c, err := newSupervisor(fsync)
	if err != nil {
		return nil, err
	}
	if err := c.expect(lineReady); err != nil {
		return nil, errors.Join(err, c.end())
	}
	for range portTries {
		if c.port, err = freePort(); err != nil {
			break
		}
		if err = c.start(); err == nil {
			return c, nil
		}
		if !errors.Is(err, errEnded) {
			break
		}
	}
	return nil, errors.Join(err, c.end())
}

// newSupervisor makes the folder and starts the supervisor, which begins with initdb.
func newSupervisor(fsync durability) (*Cluster, error) {
	programs, err := findPrograms()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "pgtest-")
	if err != nil {
		return nil, err
	}
	c, err := startSupervisor(folder, programs, fsync)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	return c, nil
}

func startSupervisor(folder string, programs programs, fsync durability) (*Cluster, error) {
	script := filepath.Join(folder, "supervise.sh")
	if err := os.WriteFile(script, []byte(supervise), 0o600); err != nil {
		return nil, err
	}
	//nolint:gosec // G204: our own script, and programs found where Postgres is installed
	cmd := exec.CommandContext(context.Background(), "sh", script, folder, programs.initdb, programs.postgres, string(fsync))
	cmd.Dir = "/" // the server's user may not be allowed into the test's folder
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	if err := handOver(cmd, folder, script); err != nil {
		return nil, err
	}
	// Its standard error is nowhere: an inherited one would have `go test` wait until the supervisor closes it.
	lifeline, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	answers, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	// Room for what may be said between two looks: one start's process id and its end, so that nobody ever waits to be read.
	c := &Cluster{folder: folder, lifeline: lifeline, lines: make(chan string, 4)}
	go func() {
		defer close(c.lines)
		for scanner := bufio.NewScanner(answers); scanner.Scan(); {
			c.lines <- scanner.Text()
		}
		_ = cmd.Wait() // how the shell ended says nothing: what matters is that it did
	}()
	return c, nil
}

// freePort returns a port of 127.0.0.1 that nobody listens on.
func freePort() (int, error) {
	var last error
	for range 100 {
		port := firstPort + rand.IntN(lastPort-firstPort+1) //nolint:gosec // G404: nothing secret
		listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp4", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return port, listener.Close()
		}
		last = err
	}
	return 0, fmt.Errorf("pgtest: no free port: %w", last)
}
