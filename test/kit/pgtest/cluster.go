package pgtest

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	orderLimit = 2 * time.Minute // for one order to the supervisor, such as a start with recovery after a kill
	portTries  = 10              // random ports to try, because some may be in use

	// The ports are below those that Linux (from 32768) and macOS (from 49152) use for outgoing connections, one of which
	// could take the port between Kill and Start.
	firstPort, ports = 16384, 16384
)

// supervise is the supervisor of a cluster, a shell script that stops the server when the test process has ended. It watches
// a pipe, which the kernel closes however a process ends. Pdeathsig would not be enough: only Linux has it, it fires when the
// thread that started the process ends, it reaches only the postmaster, and the folder would remain.
//
//go:embed supervise.sh
var supervise string

// Cluster is a Postgres server with its own data folder. Kill and Start must not be called concurrently.
type Cluster struct {
	folder     string
	supervisor *exec.Cmd
	orders     io.WriteCloser // the supervisor's standard input
	stdout     io.ReadCloser  // the supervisor's standard output
	answers    *bufio.Reader  // on stdout
	port       int
	running    bool
}

// NewCluster starts a durable private cluster, which the test may kill. It stops when the test ends.
func NewCluster(tb testing.TB) *Cluster {
	tb.Helper()
	return cleanUp(tb, func() (*Cluster, error) { return startCluster("on") })
}

// NewStandby starts a streaming replica of the cluster that accepts reads, and makes commits of the cluster wait until the
// replica has them on disk, too. It stops when the test ends. Promote makes it a primary.
func (c *Cluster) NewStandby(tb testing.TB) *Cluster {
	tb.Helper()
	standby := cleanUp(tb, func() (*Cluster, error) { return startStandby(c.URL()) })
	for _, statement := range []string{`ALTER SYSTEM SET synchronous_standby_names = '*'`, `SELECT pg_reload_conf()`} {
		if err := execute(c.URL(), statement); err != nil {
			tb.Fatal(err)
		}
	}
	return standby
}

// Promote makes a standby a primary, and returns when it accepts writes.
func (c *Cluster) Promote() error { return execute(c.URL(), `SELECT pg_promote()`) }

// cleanUp starts a cluster that stops when the test ends.
func cleanUp(tb testing.TB, start func() (*Cluster, error)) *Cluster {
	tb.Helper()
	c, err := start()
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

// URL returns the URL of the cluster's database, which is empty at first. Kill and Start do not change it.
func (c *Cluster) URL() string { return Hosts(c) }

// Hosts returns the URL of the database of several clusters, in this order.
func Hosts(first *Cluster, others ...*Cluster) string {
	var hosts []string
	for _, c := range append([]*Cluster{first}, others...) {
		hosts = append(hosts, fmt.Sprintf("127.0.0.1:%d", c.port))
	}
	return "postgres://postgres@" + strings.Join(hosts, ",") + "/postgres?sslmode=disable"
}

// Kill kills the postmaster and all its children with SIGKILL, and returns when the last of them has ended.
func (c *Cluster) Kill() error {
	if !c.running {
		return errors.New("pgtest: kill: the server is not running")
	}
	c.running = false
	return c.order("kill_server\n")
}

// Start starts the server again after Kill, on the same data and port, and returns when it accepts connections.
func (c *Cluster) Start() error {
	if c.running {
		return errors.New("pgtest: start: the server is already running")
	}
	err := c.order(fmt.Sprintf("start_server %d\n", c.port))
	c.running = err == nil
	return err
}

// order sends an order to the supervisor and waits until it is done. An error includes the end of the server's log.
func (c *Cluster) order(order string) error {
	defer time.AfterFunc(orderLimit, func() { _ = c.stdout.Close() }).Stop()
	_, writeErr := io.WriteString(c.orders, order)
	answer, err := c.answers.ReadString('\n')
	if answer == "ok\n" {
		return nil
	}
	log, logErr := os.ReadFile(filepath.Join(c.folder, "log"))
	return fmt.Errorf("pgtest: %q: %w\n%s", order, errors.Join(writeErr, err, logErr), log[max(0, len(log)-4096):])
}

// end stops the server and returns when the supervisor has removed the folder.
func (c *Cluster) end() error {
	defer time.AfterFunc(orderLimit, func() { _ = c.stdout.Close() }).Stop()
	err := c.orders.Close()
	_, readErr := io.Copy(io.Discard, c.stdout)
	if readErr == nil {
		_ = c.supervisor.Wait() // the shell's exit status means nothing
	}
	return errors.Join(err, readErr, os.RemoveAll(c.folder)) // perhaps only this user can remove the folder
}

// startCluster initialises a cluster in a new temporary folder and starts it on a free port. fsync is Postgres's setting:
// whether a commit survives a power cut. It survives kill -9 either way.
func startCluster(fsync string) (*Cluster, error) { return startFrom("", fsync) }

// startStandby is startCluster for a durable standby.
func startStandby(primary string) (*Cluster, error) { return startFrom(primary, "on") }

func startFrom(primary, fsync string) (*Cluster, error) {
	c, err := newCluster(primary, fsync)
	if err != nil {
		return nil, err
	}
	for range portTries {
		c.port = firstPort + rand.IntN(ports) //nolint:gosec // G404: nothing secret
		if err = c.Start(); err == nil {
			return c, nil
		}
	}
	return nil, errors.Join(err, c.end())
}

// newCluster makes the folder, in memory if nothing must be on disk, and starts the supervisor, which fills it.
func newCluster(primary, fsync string) (*Cluster, error) {
	bin, err := findPrograms()
	if err != nil {
		return nil, err
	}
	parent := "" // the temporary folder
	if fsync == "off" {
		parent = inMemory()
	}
	folder, err := os.MkdirTemp(parent, "pgtest-")
	if err != nil {
		return nil, err
	}
	//nolint:gosec // G204: the script is a constant, and the programs are Postgres's
	cmd := exec.CommandContext(context.Background(), "sh", "-c", supervise, "sh", folder, bin, fsync, primary)
	cmd.Dir = "/" // the server's user may have no access to the test's folder
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	// Its standard error is the null device: `go test` would wait until the supervisor closes an inherited one.
	orders, inErr := cmd.StdinPipe()
	stdout, outErr := cmd.StdoutPipe()
	if err = errors.Join(inErr, outErr, handOver(cmd, folder)); err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, errors.Join(err, os.Remove(folder))
	}
	c := &Cluster{folder: folder, supervisor: cmd, orders: orders, stdout: stdout, answers: bufio.NewReader(stdout)}
	if err := c.order(""); err != nil {
		err = fmt.Errorf("fill the data folder (if the server's user cannot reach the folder, set another TMPDIR): %w", err)
		return nil, errors.Join(err, c.end())
	}
	return c, nil
}

// findPrograms returns the first folder that has both initdb and postgres: in PATH, or where Debian installs each major
// version, the newest first.
func findPrograms() (string, error) {
	path, _ := os.LookupEnv("PATH")
	debian, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // fails for a malformed pattern only
	slices.Sort(debian)
	slices.Reverse(debian)
	for _, folder := range append(filepath.SplitList(path), debian...) {
		initdb, err := exec.LookPath(filepath.Join(folder, "initdb"))
		_, err2 := exec.LookPath(filepath.Join(folder, "postgres"))
		if err == nil && err2 == nil {
			if initdb, err = filepath.EvalSymlinks(initdb); err != nil { // links may not be of all programs
				return "", err
			}
			return filepath.Abs(filepath.Dir(initdb))
		}
	}
	return "", errMissing
}
