package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/alecthomas/kong"

	"github.com/opentrusthub/trusthub/internal/control"
	"github.com/opentrusthub/trusthub/internal/seed"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// The account of every `serve --test`.
const (
	testAccountSID = "AC7e577e577e577e577e577e577e577e57"
	testAuthToken  = "testtoken"
)

// testLinkLife is longer than a test lasts: its link to the console may be opened at any time, because it protects nothing. The
// tokens of a test are in this file.
const testLinkLife = 365 * 24 * time.Hour

const parentInterval = 200 * time.Millisecond

// testServer is what `serve --test` prints as a line of JSON when it is ready.
type testServer struct {
	BaseURL       string `json:"base_url"` // of the operator API, too
	AccountSID    string `json:"account_sid"`
	AuthToken     string `json:"auth_token"`
	OperatorToken string `json:"operator_token"`
	PrimarySID    string `json:"primary_customer_profile_sid"`
	ConsoleURL    string `json:"console_url"` // works once

	CAFile string            `json:"ca_file,omitempty"` // of --tls-self-signed
	SIDs   map[string]string `json:"sids,omitempty"`    // of what was seeded, by keys
}

// BeforeReset is called by kong after reading the command line and before reading the environment. With --test the environment is
// ignored, because a developer's may name real credentials, databases and mail servers.
func (c *serveCmd) BeforeReset(line *kong.Context, serve *kong.Path) error {
	c.given = nil
	for _, element := range line.Path {
		if element.Flag != nil {
			c.given = append(c.given, element.Flag.Name)
		}
	}
	for _, flag := range serve.Flags {
		if test, ok := line.FlagValue(flag).(bool); flag.Name == "test" && ok && test {
			return c.isolate(serve.Flags)
		}
	}
	return nil
}

func (c *serveCmd) isolate(flags []*kong.Flag) error {
	for _, name := range []string{"db", "account-sid", "auth-token", "operator-token", "operator-listen", "smtp"} {
		if slices.Contains(c.given, name) {
			return fmt.Errorf("--%s cannot be used with --test, which has its own account, database and operator API and sends no mail", name)
		}
	}
	for _, flag := range flags {
		flag.Tag.Envs = nil
		if flag.Name == "listen" {
			flag.Default = "127.0.0.1:0"
		}
	}
	return nil
}

// runTest serves a test in any language. The test starts the program, reads one line, and has a server, which stops when the test
// ends (see parent). Only warnings are logged.
func (c *serveCmd) runTest(ctx context.Context, s streams) (err error) {
	if c.NoDeliveries {
		return errors.New("--no-deliveries cannot be used with --test, whose clock would never settle")
	}
	if c.Seed != "" {
		if c.seedFile, err = readTestSeed(c.Seed); err != nil {
			return err
		}
	}
	parent := newParent(os.Stdin, os.Getppid)
	removeLeftovers()
	folder, err := newTestFolder()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, folder.remove()) }()
	c.DB = filepath.Join(folder.path, testDatabase)
	c.AccountSID, c.AuthToken, c.OperatorToken = testAccountSID, testAuthToken, testAuthToken
	ctx, end := context.WithCancel(ctx)
	defer end()
	log := slog.New(slog.NewTextHandler(s.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	return c.run(ctx, log, func(ready started) {
		parent.ready()
		_ = json.NewEncoder(s.out).Encode(testServer{ //nolint:gosec // G117: printed on purpose
			c.localURL(ready.address), testAccountSID, testAuthToken, testAuthToken, trust.PrimarySID(testAccountSID), ready.console, c.authority, c.seeded,
		})
		ticker := time.NewTicker(parentInterval)
		go func() {
			defer ticker.Stop()
			parent.wait(ctx, ticker.C)
			end()
		}()
	})
}

// newTestControl returns a control whose clock runs, and whose seed is the file of --seed as it was at the start.
func (c *serveCmd) newTestControl(db *store.Store) *control.Control {
	clock := control.NewClock(time.Now(), time.Now)
	clock.Run()
	if c.seedFile == nil {
		return control.New(clock, nil)
	}
	return control.New(clock, func(ctx context.Context) error {
		_, err := c.seed(ctx, db, clock.Now())
		return err
	})
}

func readTestSeed(name string) (*seed.File, error) {
	if name == "-" {
		return nil, errors.New("--seed must name a file: standard input says when the test ends")
	}
	return readSeed(name)
}

// seed seeds the account of the test from the file of --seed, and returns the SIDs by the keys.
func (c *serveCmd) seed(ctx context.Context, db *store.Store, now time.Time) (map[string]string, error) {
	result, err := c.seedFile.Store(ctx, db, seed.Config{AccountSID: testAccountSID, Policy: c.policy(), Now: now})
	return result.SIDs, err
}

// parent watches for the end of the process that started this one. It looks for two signs, because neither is enough:
//
//   - Our parent process ID changes when it ends. That works however it dies and whatever standard input is, but not if a
//     wrapper in between outlives the test (npx, a shell, go run), and not on Windows. Linux could send a signal instead
//     (PR_SET_PDEATHSIG), but does so when the thread ends that started us, which in a test runner may be long before the
//     process does.
//   - Standard input ends, if it is a pipe or a socket, because only the test held the other end. The end of /dev/null, a file
//     or a terminal means nothing. Neither does the end of a pipe before the server was ready: shells and CI runners start
//     background processes with such an input.
type parent struct {
	getppid func() int
	id      int
	gone    <-chan struct{} // closed when standard input has ended; nil if that means nothing
}

// newParent must be called at the start of the program: it does not notice a parent that has already ended.
func newParent(stdin *os.File, getppid func() int) parent {
	p := parent{getppid: getppid, id: getppid()}
	info, err := stdin.Stat()
	if err != nil || info.Mode()&(os.ModeNamedPipe|os.ModeSocket) == 0 {
		return p
	}
	gone := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, stdin) // a failed read is an end, too
		close(gone)
	}()
	p.gone = gone
	return p
}

// ready must be called before the parent learns that the server is ready, because it may end standard input at once.
func (p *parent) ready() {
	select {
	case <-p.gone:
		p.gone = nil // it ended before the server was ready
	default:
	}
}

// wait returns when the parent has ended or ctx is canceled. It checks the process ID at each tick.
func (p parent) wait(ctx context.Context, ticks <-chan time.Time) {
	for p.getppid() == p.id {
		select {
		case <-ctx.Done():
			return
		case <-p.gone:
			return
		case <-ticks:
		}
	}
}
