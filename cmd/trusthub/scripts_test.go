package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/opentrusthub/trusthub/test/kit/programtest"
)

// TestMain makes this binary run as the program when it is called trusthub, so that scripts use the same build as the other
// tests, race detector included.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"trusthub": main})
}

// TestScripts runs testdata/scripts: the program as a person uses it, with real processes on loopback. The scripts are in
// testscript's language, extended by scriptCommands.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                "testdata/scripts",
		Cmds:               scriptCommands(),
		RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			if env.Getenv("GORACE") == "" {
				env.Setenv("GORACE", noRaceDelay)
			}
			env.Values[scriptKey{}] = &script{processes: map[string]*programtest.Process{}}
			return nil
		},
	})
}

// waitLimit is how long to wait for expected events on a busy machine.
const waitLimit = 30 * time.Second

// noRaceDelay keeps the race detector from delaying the end of each process by a second.
const noRaceDelay = "atexit_sleep_ms=0"

type (
	scriptKey     struct{}
	scriptCommand = func(ts *testscript.TestScript, neg bool, args []string)
)

// script is the state that the commands of one script share.
type script struct {
	processes map[string]*programtest.Process // by name: server, receiver
	post      net.Conn                        // between begin-post and end-post
	body      string                          // that end-post sends
}

// scriptCommands returns the commands that testscript does not have. Patterns have (?m) set.
func scriptCommands() map[string]scriptCommand {
	commands := map[string]func(ts *testscript.TestScript, s *script, args []string){
		// serve [-no-account] FLAG...
		// starts `trusthub serve` on a free port, waits until it listens, and sets TRUSTHUB_BASE_URL and TRUSTHUB_ADDRESS. If the
		// script has no account, it takes the one that the server creates from the line that it prints, as a person would.
		// -no-account starts a server that is given no account and creates none.
		"serve": serveCommand,
		// receiver FLAG...
		// starts `trusthub listen` on a free port, or on --port, and sets RECEIVER to its URL.
		"receiver": receiverCommand,
		// talkative-receiver TEXT
		// starts a receiver that responds to callbacks with 204 and sends the text after that, and sets RECEIVER to its URL.
		"talkative-receiver": talkativeReceiverCommand,
		// background NAME ARG...
		// starts the program with the arguments, as a process with the name.
		"background": backgroundCommand,
		// await [-count=N] PROCESS PATTERN
		// waits until the output of the process matches (N times). Then stdout and stderr are its output so far.
		"await": awaitCommand,
		// terminate PROCESS
		// sends SIGTERM and does not wait.
		"terminate": terminateCommand,
		// shutdown PROCESS
		// sends SIGTERM and checks that the process exits in time with status 0. Then stdout and stderr are its whole output.
		"shutdown": shutdownCommand,
		// until PATTERN COMMAND ARG...
		// runs the command repeatedly until its stdout matches.
		"until": untilCommand,
		// status N COMMAND ARG...
		// runs the command and checks that its exit status is N.
		"status": statusCommand,
		// same [-mask PATTERN] COMMAND ARG...
		// runs the operator's command on the database and over the operator API of the server, and checks that stdout, stderr and the
		// exit status are the same, except for the line that says which system it is and for what matches the pattern. Stdout and
		// stderr are then those of the second run.
		"same": sameCommand,
		// capture NAME PATTERN
		// sets the variable to the match in stdout, or to the pattern's group if it has one.
		"capture": captureCommand,
		// http [-user NAME:PASSWORD] METHOD PATH [PARAMETER=VALUE...]
		// sends a request to the server and prints status, header and body.
		"http": httpCommand,
		// begin-post PATH BODY
		// sends the header of a POST with the script's account and waits until the server reads the body.
		"begin-post": beginPostCommand,
		// begin-head
		// opens a connection and sends half the header of a request. The connection stays open.
		"begin-head": beginHeadCommand,
		// end-post
		// sends the body and prints the response as http does.
		"end-post": endPostCommand,
		// withhold-body PATH
		// sends the header of a POST without credentials, but not its body, and prints the response, which must arrive long before
		// the server gives up waiting for the body. The connection stays open.
		"withhold-body": withholdBodyCommand,
		// free-port NAME
		// sets the variable to a port that nothing listens on.
		"free-port": freePortCommand,
	}
	all := map[string]scriptCommand{}
	for name, command := range commands {
		all[name] = func(ts *testscript.TestScript, neg bool, args []string) {
			if neg {
				ts.Fatalf("unsupported: ! %s", name)
			}
			command(ts, ts.Value(scriptKey{}).(*script), args)
		}
	}
	return all
}

var exportLine = regexp.MustCompile(`(?m)^ *export (TRUSTHUB_BASE_URL=\S+(?: TWILIO_ACCOUNT_SID=(\S+) TWILIO_AUTH_TOKEN=(\S+))?)$`)

func serveCommand(ts *testscript.TestScript, s *script, args []string) {
	hasAccount := ts.Getenv("TWILIO_AUTH_TOKEN") != ""
	var without []string
	if len(args) > 0 && args[0] == "-no-account" {
		args, without, hasAccount = args[1:], []string{"TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"}, true
	}
	args = slices.Concat([]string{"serve", "--listen", "127.0.0.1:0"}, args)
	server := s.start(ts, "server", scriptEnv(ts, without...), args)
	at, err := server.URL()
	ts.Check(err)
	ts.Setenv("TRUSTHUB_BASE_URL", at.String())
	ts.Setenv("TRUSTHUB_ADDRESS", at.Host)
	if hasAccount {
		return
	}
	account, err := server.Await(exportLine, 1)
	ts.Check(err)
	ts.Setenv("TWILIO_ACCOUNT_SID", account[2])
	ts.Setenv("TWILIO_AUTH_TOKEN", account[3])
}

func receiverCommand(ts *testscript.TestScript, s *script, args []string) {
	args = slices.Concat([]string{"listen", "--port", "0"}, args)
	at, err := s.start(ts, "receiver", scriptEnv(ts), args).URL()
	ts.Check(err)
	ts.Setenv("RECEIVER", at.String())
}

func backgroundCommand(ts *testscript.TestScript, s *script, args []string) {
	s.start(ts, args[0], scriptEnv(ts), args[1:])
}

func talkativeReceiverCommand(ts *testscript.TestScript, _ *script, args []string) {
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			ts.Logf("%v", err)
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n"+args[0])
		_, _ = io.Copy(io.Discard, conn) // until the sender closes the connection
		_ = conn.Close()
	}))
	ts.Defer(receiver.Close)
	ts.Setenv("RECEIVER", receiver.URL)
}

func awaitCommand(ts *testscript.TestScript, s *script, args []string) {
	count := 1
	if number, ok := strings.CutPrefix(args[0], "-count="); ok {
		var err error
		count, err = strconv.Atoi(number)
		ts.Check(err)
		args = args[1:]
	}
	p := s.process(ts, args[0])
	_, err := p.Await(regexp.MustCompile("(?m)"+args[1]), count)
	showOutput(ts, p)
	ts.Check(err)
}

func terminateCommand(ts *testscript.TestScript, s *script, args []string) {
	ts.Check(s.process(ts, args[0]).Signal(syscall.SIGTERM))
}

func shutdownCommand(ts *testscript.TestScript, s *script, args []string) {
	p := s.process(ts, args[0])
	delete(s.processes, args[0])
	err := p.Stop()
	showOutput(ts, p)
	ts.Check(err)
}

func untilCommand(ts *testscript.TestScript, _ *script, args []string) {
	pattern := regexp.MustCompile("(?m)" + args[0])
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(waitLimit); ; <-ticker.C {
		// Not ts.Exec, which would fill the log.
		command, err := programtest.Launch(programtest.Command{Path: args[1], Args: args[2:], Dir: ts.MkAbs("."), Env: scriptEnv(ts)})
		ts.Check(err)
		err = command.Wait()
		switch {
		case err == nil && pattern.MatchString(command.Stdout()):
			fmt.Fprint(ts.Stdout(), command.Stdout())
			return
		case time.Now().After(deadline):
			ts.Check(command.Kill())
			ts.Fatalf("%q did not appear, error %v; the last output was\n%s", pattern, err, command.Stdout())
		}
	}
}

func statusCommand(ts *testscript.TestScript, _ *script, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exited, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exited.ExitCode()
	}
	if got != want {
		ts.Fatalf("the exit status is %d, want %d", got, want)
	}
}

func sameCommand(ts *testscript.TestScript, _ *script, args []string) {
	mask := regexp.MustCompile("$^")
	if args[0] == "-mask" {
		mask, args = regexp.MustCompile(args[1]), args[2:]
	}
	type result struct {
		stdout, stderr string
		code           int
	}
	runOn := func(system string, flags ...string) (r result) {
		command, err := programtest.Launch(programtest.Command{
			Path: "trusthub", Args: slices.Concat(args, flags), Dir: ts.MkAbs("."), Env: scriptEnv(ts),
		})
		ts.Check(err)
		if exited, failed := errors.AsType[*exec.ExitError](command.Wait()); failed {
			r.code = exited.ExitCode()
		}
		var named bool
		if r.stderr, named = strings.CutPrefix(command.Stderr(), system+"\n"); !named {
			ts.Fatalf("stderr does not begin with %q: %s", system, command.Stderr())
		}
		r.stdout = command.Stdout()
		return r
	}
	masked := func(r result) result {
		return result{mask.ReplaceAllString(r.stdout, "…"), mask.ReplaceAllString(r.stderr, "…"), r.code}
	}
	url := ts.Getenv("TRUSTHUB_BASE_URL")
	db, api := runOn("on the database trusthub.db"), runOn("on "+url, "--operator-url", url)
	if masked(db) != masked(api) {
		ts.Fatalf("on the database: status %d\n%s%s\nover the API: status %d\n%s%s",
			db.code, db.stdout, db.stderr, api.code, api.stdout, api.stderr)
	}
	fmt.Fprint(ts.Stdout(), api.stdout)
	fmt.Fprint(ts.Stderr(), api.stderr)
}

func captureCommand(ts *testscript.TestScript, _ *script, args []string) {
	found := regexp.MustCompile("(?m)" + args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if found == nil {
		ts.Fatalf("nothing in stdout matches")
	}
	ts.Setenv(args[0], found[len(found)-1])
}

func httpCommand(ts *testscript.TestScript, _ *script, args []string) {
	var user *url.Userinfo
	var bearer string
	switch args[0] {
	case "-user":
		name, password, _ := strings.Cut(args[1], ":")
		user, args = url.UserPassword(name, password), args[2:]
	case "-bearer":
		bearer, args = args[1], args[2:]
	}
	form := url.Values{}
	for _, parameter := range args[2:] {
		name, value, _ := strings.Cut(parameter, "=")
		form.Add(name, value)
	}
	request, err := http.NewRequest(args[0], ts.Getenv("TRUSTHUB_BASE_URL")+args[1], strings.NewReader(form.Encode()))
	ts.Check(err)
	if user != nil {
		request.URL.User = user
	}
	if bearer != "" {
		request.Header.Set("Authorization", "Bearer "+bearer)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: waitLimit}
	response, err := client.Do(request)
	ts.Check(err)
	printResponse(ts, response)
}

func printResponse(ts *testscript.TestScript, response *http.Response) {
	defer response.Body.Close() //nolint:errcheck // it is only read
	fmt.Fprintln(ts.Stdout(), "HTTP", response.StatusCode)
	ts.Check(response.Header.Write(ts.Stdout()))
	_, err := io.Copy(ts.Stdout(), response.Body)
	ts.Check(err)
}

func beginPostCommand(ts *testscript.TestScript, s *script, args []string) {
	conn, err := (&net.Dialer{Timeout: waitLimit}).Dial("tcp", ts.Getenv("TRUSTHUB_ADDRESS"))
	ts.Check(err)
	ts.Defer(func() { conn.Close() }) //nolint:errcheck // end-post has its response
	ts.Check(conn.SetDeadline(time.Now().Add(waitLimit)))
	head := &http.Request{Header: http.Header{}}
	head.SetBasicAuth(ts.Getenv("TWILIO_ACCOUNT_SID"), ts.Getenv("TWILIO_AUTH_TOKEN"))
	_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: %s\r\nContent-Length: %d\r\n"+
		"Content-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
		args[0], ts.Getenv("TRUSTHUB_ADDRESS"), head.Header.Get("Authorization"), len(args[1]))
	ts.Check(err)
	// The server sends this when the handler reads the body: from then on the request is in flight.
	const goOn = "HTTP/1.1 100 Continue\r\n\r\n"
	answer := make([]byte, len(goOn))
	_, err = io.ReadFull(conn, answer)
	ts.Check(err)
	if string(answer) != goOn {
		ts.Fatalf("the server does not read the body: %s", answer)
	}
	s.post, s.body = conn, args[1]
}

func beginHeadCommand(ts *testscript.TestScript, _ *script, _ []string) {
	conn, err := (&net.Dialer{Timeout: waitLimit}).Dial("tcp", ts.Getenv("TRUSTHUB_ADDRESS"))
	ts.Check(err)
	ts.Defer(func() { conn.Close() }) //nolint:errcheck // the server has closed it
	_, err = io.WriteString(conn, "GET /v1/TrustProducts HTTP/1.1\r\nX-Slow: ")
	ts.Check(err)
}

func endPostCommand(ts *testscript.TestScript, s *script, _ []string) {
	_, err := io.WriteString(s.post, s.body)
	ts.Check(err)
	response, err := http.ReadResponse(bufio.NewReader(s.post), nil)
	ts.Check(err)
	printResponse(ts, response)
}

func withholdBodyCommand(ts *testscript.TestScript, _ *script, args []string) {
	conn, err := (&net.Dialer{Timeout: waitLimit}).Dial("tcp", ts.Getenv("TRUSTHUB_ADDRESS"))
	ts.Check(err)
	ts.Defer(func() { conn.Close() }) //nolint:errcheck // the response has been read
	const soon = 10 * time.Second     // serve waits 30 s for a body
	ts.Check(conn.SetDeadline(time.Now().Add(soon)))
	_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 10\r\n\r\n", args[0], ts.Getenv("TRUSTHUB_ADDRESS"))
	ts.Check(err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	ts.Check(err)
	printResponse(ts, response)
}

func freePortCommand(ts *testscript.TestScript, _ *script, args []string) {
	ts.Setenv(args[0], freePort())
}

// freePort returns a port of 127.0.0.1 on which nothing listens. It is below the range from which systems choose ports, so that no
// connection of another test gets it meanwhile.
func freePort() string {
	for {
		port := strconv.Itoa(20000 + rand.IntN(10000))
		listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", net.JoinHostPort("127.0.0.1", port))
		if err == nil {
			_ = listener.Close() // it has no connections
			return port
		}
	}
}

// scriptEnv returns the part of the script's environment that the program gets.
func scriptEnv(ts *testscript.TestScript, without ...string) []string {
	names := []string{
		"PATH", "HOME", "TMPDIR", "GORACE", "GOCOVERDIR", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_API_KEY", "TWILIO_API_SECRET",
		"TRUSTHUB_BASE_URL", "TRUSTHUB_DB", "TRUSTHUB_PUBLIC_URL", "TRUSTHUB_REVIEW", "TRUSTHUB_REVIEW_DELAY", "TRUSTHUB_VALID_FOR",
		"TRUSTHUB_COMPLIANCE", "TRUSTHUB_OPERATOR_TOKEN", "TRUSTHUB_OPERATOR_URL",
		"TRUSTHUB_CALLBACK_RETRIES", "TRUSTHUB_CALLBACK_ALLOW", "TRUSTHUB_MAIL_FROM", "TRUSTHUB_KEEP",
		"TRUSTHUB_MAX_OBJECTS", "TRUSTHUB_MAX_OPEN_NOTICES", "TRUSTHUB_MAX_MAILS_PER_HOUR", "TRUSTHUB_KEY_FILE",
	}
	var env []string
	for _, name := range names {
		if value := ts.Getenv(name); value != "" && !slices.Contains(without, name) {
			env = append(env, name+"="+value)
		}
	}
	return env
}

func (s *script) start(ts *testscript.TestScript, name string, env, args []string) *programtest.Process {
	if s.processes[name] != nil {
		ts.Fatalf("%s is already running", name)
	}
	p, err := programtest.Launch(programtest.Command{Path: "trusthub", Args: args, Dir: ts.MkAbs("."), Env: env})
	ts.Check(err)
	s.processes[name] = p
	ts.Defer(func() {
		if s.processes[name] == p { // the script failed, or did not stop it
			err := p.Kill()
			ts.Logf("[%s stdout]\n%s[%s stderr]\n%s", name, p.Stdout(), name, p.Stderr())
			ts.Check(err)
		}
	})
	return p
}

func (s *script) process(ts *testscript.TestScript, name string) *programtest.Process {
	p := s.processes[name]
	if p == nil {
		ts.Fatalf("%s is not running", name)
	}
	return p
}

// showOutput makes the output of the process so far the stdout and stderr of the script.
func showOutput(ts *testscript.TestScript, p *programtest.Process) {
	fmt.Fprint(ts.Stdout(), p.Stdout())
	fmt.Fprint(ts.Stderr(), p.Stderr())
}
