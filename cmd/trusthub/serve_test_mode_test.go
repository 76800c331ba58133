package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/opentrusthub/trusthub/test/kit/programtest"
)

// child is a process that runs `trusthub serve --test`.
type child struct {
	*testing.T
	*programtest.Process
	temp   string // where it keeps its database
	server testServer
}

// startChild starts a program that runs `trusthub serve --test` and waits until the server is ready. Its environment has what a
// developer's may have.
func startChild(t *testing.T, stdin *os.File, program ...string) *child {
	t.Helper()
	return startChildIn(t, t.TempDir(), stdin, program...)
}

// startChildIn is startChild with a temporary folder that children can share.
func startChildIn(t *testing.T, temp string, stdin *os.File, program ...string) *child {
	t.Helper()
	c := &child{T: t, temp: temp}
	c.Process = programtest.Start(t, programtest.Command{
		Path: program[0], Args: program[1:], Stdin: stdin,
		Env: append(os.Environ(), "TMPDIR="+temp, noRace, "TWILIO_ACCOUNT_SID=AC0123456789abcdef0123456789abcdef",
			"TWILIO_AUTH_TOKEN=real", "TRUSTHUB_PUBLIC_URL=https://public.example", "TRUSTHUB_DB="+t.TempDir()+"/real/trusthub.db",
			"TRUSTHUB_SMTP=refused", "TRUSTHUB_LISTEN=refused", "TRUSTHUB_REVIEW=refused"),
	})
	line, err := c.Await(regexp.MustCompile(`^\{.*"base_url".*\n`), 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(line[0]), &c.server); err != nil {
		t.Fatalf("printed %q: %v", line[0], err)
	}
	return c
}

const noRace = "GORACE=" + noRaceDelay

// serves checks that the server works with the account that it printed, which has the Primary Customer Profile that it printed.
func (c *child) serves() {
	c.Helper()
	var product struct{ SID, URL string }
	c.create("/v1/TrustProducts", "FriendlyName=Acme&Email=a@acme.example&PolicySid=RN7a97559effdf62d00f4298208492a5ea", &product)
	if !strings.HasPrefix(product.URL, c.server.BaseURL) {
		c.Fatalf("the product's URL is %s", product.URL)
	}
	var assignment struct{ SID string }
	c.create("/v1/TrustProducts/"+product.SID+"/EntityAssignments", "ObjectSid="+c.server.PrimarySID, &assignment)
	if c.server.PrimarySID != "BU7e577e577e577e577e577e577e577e57" {
		c.Errorf("the Primary is %s", c.server.PrimarySID)
	}
}

func (c *child) create(path, form string, created any) {
	c.Helper()
	r, err := http.NewRequestWithContext(c.Context(), http.MethodPost, c.server.BaseURL+path, strings.NewReader(form))
	if err != nil {
		c.Fatal(err)
	}
	r.SetBasicAuth(c.server.AccountSID, c.server.AuthToken)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		c.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // all of it is read
	body, err := io.ReadAll(response.Body)
	if err == nil {
		err = json.Unmarshal(body, created)
	}
	if err != nil || response.StatusCode != http.StatusCreated {
		c.Fatalf("status %d, %s, %v", response.StatusCode, body, err)
	}
}

// ends checks that the server and its wrapper end with status 0 and leave nothing behind.
func (c *child) ends() {
	c.Helper()
	if err := c.Wait(); err != nil {
		c.Error(err)
	}
	c.leavesNothing()
}

func (c *child) leavesNothing() {
	c.Helper()
	if n := strings.Count(c.Stdout(), "\n"); n != 1 {
		c.Errorf("the program printed %q", c.Stdout())
	}
	if left, err := os.ReadDir(c.temp); err != nil || len(left) > 0 {
		c.Errorf("the program left %v, %v", left, err)
	}
}

func pipe(t *testing.T) (reader, writer *os.File) {
	t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = reader.Close(), writer.Close() })
	return reader, writer
}

func TestServeTest(t *testing.T) {
	serve := []string{"trusthub", "serve", "--test"}
	t.Run("it goes when its standard input ends", func(t *testing.T) {
		reader, writer := pipe(t)
		c := startChild(t, reader, serve...)
		if c.server.AccountSID != testAccountSID || c.server.AuthToken != testAuthToken || c.server.OperatorToken != testAuthToken {
			t.Errorf("the server is for %+v", c.server)
		}
		c.serves()
		if err := writer.Close(); err != nil {
			t.Fatal(err)
		}
		c.ends()
	})
	t.Run("it goes when its parent is killed", func(t *testing.T) {
		reader, writer := pipe(t)
		c := startChild(t, reader, "sh", "-c", "trusthub serve --test & read line") // the shell gives it /dev/null
		c.serves()
		if err := c.Kill(); err != nil { // waits for the server, too, which has the shell's output open
			t.Fatal(err)
		}
		c.leavesNothing()
		_ = writer // open until here: the server did not stop because the pipe ended
	})
	t.Run("it goes with a wrapper that outlives the test", func(t *testing.T) {
		reader, writer := pipe(t)
		c := startChild(t, reader, "sh", "-c", "trusthub serve --test; exit 0")
		c.serves()
		if err := writer.Close(); err != nil {
			t.Fatal(err)
		}
		c.ends()
	})
	t.Run("it stays without a standard input", func(t *testing.T) {
		c := startChild(t, nil, serve...)
		c.serves()
		c.stays()
	})
	t.Run("it stays where the standard input had ended before", func(t *testing.T) {
		reader, writer := pipe(t)
		if err := writer.Close(); err != nil {
			t.Fatal(err)
		}
		c := startChild(t, reader, serve...)
		c.serves()
		c.stays()
	})
	t.Run("its folder goes with the next one where it was killed", func(t *testing.T) {
		temp := t.TempDir()
		dead, alive := startChildIn(t, temp, nil, serve...), startChildIn(t, temp, nil, serve...)
		if err := os.Mkdir(filepath.Join(temp, testFolderPrefix+"of-somebody"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := dead.Kill(); err != nil {
			t.Fatal(err)
		}
		if folders := folders(t, temp); len(folders) != 3 {
			t.Fatalf("before the next start there are %q", folders)
		}
		next := startChildIn(t, temp, nil, serve...)
		if folders := folders(t, temp); len(folders) != 3 {
			t.Errorf("after the next start there are %q", folders)
		}
		alive.serves()
		next.serves()
	})
}

func folders(t *testing.T, parent string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(parent, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestFoldersInUseStay creates folders while others keep looking for leftovers.
func TestFoldersInUseStay(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	done := make(chan struct{})
	var sweepers, makers sync.WaitGroup
	for range 2 {
		sweepers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					removeLeftovers()
				}
			}
		})
	}
	for range 4 {
		makers.Go(func() {
			for range 200 {
				folder, err := newTestFolder()
				if err != nil {
					t.Error(err)
					return
				}
				if err := os.WriteFile(filepath.Join(folder.path, "trusthub.db"), nil, 0o600); err != nil {
					t.Error(err)
				}
				if _, err := os.Stat(filepath.Join(folder.path, "trusthub.db")); err != nil {
					t.Error(err)
				}
				if err := folder.remove(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	makers.Wait()
	close(done)
	sweepers.Wait()
	removeLeftovers()
	if left := folders(t, os.TempDir()); len(left) > 0 {
		t.Errorf("left %q", left)
	}
}

// TestFoldersOfOthersStay checks that what only looks like a leftover stays: links to a folder of ours, which anyone can create,
// the folder of another user, and one with a file that no server creates.
func TestFoldersOfOthersStay(t *testing.T) {
	temp, elsewhere := t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", temp)
	kept := []string{
		filepath.Join(temp, "ours"), filepath.Join(elsewhere, "ours"),
		filepath.Join(temp, testFolderPrefix+"other"), filepath.Join(temp, testFolderPrefix+"more"),
	}
	for _, folder := range kept {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{lockName, testDatabase, "precious"} {
			if err := os.WriteFile(filepath.Join(folder, name), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, target := range []string{"ours", kept[0], kept[1]} { // the first is relative
		if err := os.Symlink(target, filepath.Join(temp, testFolderPrefix+strconv.Itoa(i))); err != nil {
			t.Fatal(err)
		}
	}
	if os.Geteuid() != 0 {
		t.Log("not tested with another user's folder: only root can create one")
	} else if err := os.Chown(kept[2], 65534, 65534); err != nil {
		t.Fatal(err)
	}
	removeLeftovers()
	for i, folder := range kept {
		names := []string{lockName, testDatabase, "precious"}
		if i == 3 || i == 2 && os.Geteuid() != 0 { // ours
			names = []string{"precious"}
		}
		var left []string
		for _, path := range folders(t, folder) {
			left = append(left, filepath.Base(path))
		}
		slices.Sort(names)
		if !slices.Equal(left, names) {
			t.Errorf("in %s there are %q, want %q", folder, left, names)
		}
	}
}

// TestTestModeKnowsNoEnvironment parses the command line of a test with a variable set for every flag.
func TestTestModeKnowsNoEnvironment(t *testing.T) {
	serve := func(args ...string) serveCmd {
		t.Helper()
		line, err := parse(append([]string{"serve", "--test"}, args...))
		if err != nil {
			t.Fatal(err)
		}
		return line.Selected().Target.Interface().(serveCmd)
	}
	parser, err := kong.New(&commands{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, command := range parser.Model.Leaves(false) {
		for _, flag := range command.Flags {
			names = append(names, flag.Envs...)
		}
	}
	for _, name := range names {
		t.Setenv(name, "refused")
	}
	beside := serve()
	for _, name := range names {
		if err := os.Unsetenv(name); err != nil { // t.Setenv above restores it
			t.Fatal(err)
		}
	}
	without := serve()
	if !reflect.DeepEqual(beside, without) {
		t.Errorf("with variables %+v, without %+v", beside, without)
	}
	if without.Listen != "127.0.0.1:0" || without.SMTP != "" || without.Review != "auto" || len(names) < 15 {
		t.Errorf("parsed %+v with %d variables", without, len(names))
	}
	if given := serve("--listen", "127.0.0.1:8080", "--review", "manual"); given.Listen != "127.0.0.1:8080" || given.Review != "manual" {
		t.Errorf("with flags: %+v", given)
	}
	for _, flag := range []string{"--db=a.db", "--smtp=smtp://localhost", "--account-sid=" + testAccountSID, "--auth-token=x", "--operator-token=x", "--operator-listen=127.0.0.1:0"} {
		if _, err := parse([]string{"serve", "--test", flag}); err == nil || !strings.Contains(err.Error(), "cannot be used with --test") {
			t.Errorf("%s: %v", flag, err)
		}
	}
}

// stays checks that the server runs until it is stopped.
func (c *child) stays() {
	c.Helper()
	select {
	case <-c.Done():
		c.Fatalf("the program ended: %v", c.Wait())
	case <-time.After(3 * parentInterval):
	}
	c.serves()
	if err := c.Signal(syscall.SIGTERM); err != nil {
		c.Fatal(err)
	}
	c.ends()
}

// TestParent tests the same as TestServeTest, without processes and clock.
func TestParent(t *testing.T) {
	reader, writer := pipe(t)
	ticks := make(chan time.Time)
	var id atomic.Int64 // of the parent
	wait := func(ctx context.Context, p parent) <-chan struct{} {
		done := make(chan struct{})
		go func() {
			defer close(done)
			p.wait(ctx, ticks)
		}()
		return done
	}

	p := newParent(reader, func() int { return int(id.Load()) })
	done := wait(t.Context(), p)
	for range 3 {
		ticks <- time.Time{}
	}
	id.Store(1)
	ticks <- time.Time{}
	<-done

	done = wait(t.Context(), newParent(reader, os.Getppid))
	ticks <- time.Time{} // it waits
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	<-done

	ended := newParent(reader, os.Getppid)
	<-ended.gone
	ended.ready()
	ctx, cancel := context.WithCancel(t.Context())
	done = wait(ctx, ended)
	ticks <- time.Time{} // it still waits
	cancel()
	<-done

	reader, writer = pipe(t) // which ends as soon as the parent learns that the server is ready
	quick := newParent(reader, os.Getppid)
	quick.ready()
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	<-quick.gone
	<-wait(t.Context(), quick)
}
