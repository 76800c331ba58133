package pgtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// bouncerVariable names the environment variable that puts a PgBouncer in front of the databases of New, NewDurable and Template.
const bouncerVariable = "TRUSTHUB_TEST_PGBOUNCER"

// errNoBouncer means that PgBouncer is not installed. Its text says what to do.
var errNoBouncer = errors.New("no PgBouncer to test with: install Debian's pgbouncer package (it is looked for in PATH " +
	"and in /usr/sbin)")

// BouncerPool is how many connections to Postgres the PgBouncer of a test has at most. A server of ours has up to 18 to it.
const BouncerPool = 4

// bounce runs PgBouncer in the folder $1 until standard input ends, as it does when the test process has ended in any way. It
// reports "ok" when connections are accepted.
const bounce = `cd "$1" || exit
"$2" bouncer.ini >log 2>&1 &
pid=$!
until grep -q 'process up' log; do kill -0 "$pid" && sleep 0.02 || exit; done
echo ok
read -r _
kill -KILL "$pid"
wait
cd / && rm -rf "$1"`

// ThroughBouncer starts a PgBouncer in transaction mode in front of the server of a URL, with Debian's settings except for a
// small pool, and returns the URL of the same database through it. It stops when the test ends.
func ThroughBouncer(tb testing.TB, at string) string {
	tb.Helper()
	var port int
	var err error
	for range portTries {
		port = firstPort + rand.IntN(ports) //nolint:gosec // G404: nothing secret
		if err = startBouncer(tb, at, port); err == nil {
			break
		}
	}
	if err != nil {
		refuse(tb, err)
	}
	through, err := url.Parse(at)
	if err != nil {
		tb.Fatal(err)
	}
	through.Host = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	return through.String()
}

func startBouncer(tb testing.TB, at string, port int) error {
	tb.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		program, err = exec.LookPath("/usr/sbin/pgbouncer")
	}
	if err != nil {
		return errNoBouncer
	}
	folder, err := os.MkdirTemp("", "pgbouncer-") //nolint:usetesting // PgBouncer's user could not reach the test's own
	if err != nil {
		return err
	}
	//nolint:gosec // G204: the script is a constant, and the program is PgBouncer
	cmd := exec.CommandContext(context.Background(), "sh", "-c", bounce, "sh", folder, program)
	cmd.Dir = "/" // PgBouncer's user may have no access to the test's folder
	input, inErr := cmd.StdinPipe()
	output, outErr := cmd.StdoutPipe()
	if err = errors.Join(inErr, outErr, handOver(cmd, folder), configure(folder, at, port)); err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(folder))
	}
	end := func() error {
		defer time.AfterFunc(orderLimit, func() { _ = output.Close() }).Stop()
		err := input.Close()
		_, readErr := io.Copy(io.Discard, output)
		_ = cmd.Wait() // the shell's exit status means nothing
		return errors.Join(err, readErr, os.RemoveAll(folder))
	}
	if answer, err := bufio.NewReader(output).ReadString('\n'); answer != "ok\n" {
		log, logErr := os.ReadFile(filepath.Join(folder, "log")) //nolint:gosec // G304: a temporary file of this function
		return errors.Join(fmt.Errorf("pgtest: start PgBouncer: %w\n%s", err, log), logErr, end())
	}
	tb.Cleanup(func() {
		if err := end(); err != nil {
			tb.Errorf("end PgBouncer: %v", err)
		}
	})
	return nil
}

// configure writes PgBouncer's configuration. It logs in to Postgres as the URL's user.
func configure(folder, at string, port int) error {
	server, err := url.Parse(at)
	if err != nil {
		return err
	}
	login := "host=" + server.Hostname() + " port=" + server.Port() + " user=" + server.User.Username()
	if password, given := server.User.Password(); given {
		login += " password='" + password + "'"
	}
	text := fmt.Sprintf(`[databases]
* = %s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = %d
`, login, port, BouncerPool)
	return os.WriteFile(filepath.Join(folder, "bouncer.ini"), []byte(text), 0o644) //nolint:gosec // G306: for PgBouncer's user
}
