package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// TestUsageErrorsRepeatNoValue passes secrets to every command and flag, on the command line and in the environment, and where no
// value is expected.
func TestUsageErrorsRepeatNoValue(t *testing.T) {
	for name, secret := range map[string]string{
		"a URL":  "postgres://user:hunter2@host/\nhub password=hunter2",
		"a word": "correcthorse",
		"words":  "correct-horse-battery",
	} {
		t.Run(name, func(t *testing.T) { testSecret(t, secret) })
	}
}

func testSecret(t *testing.T, secret string) {
	t.Helper()
	refused := 0
	parser := newParser(kong.Writers(io.Discard, io.Discard), kong.Exit(func(int) {})) // creating one for each try is slow
	try := func(args ...string) {
		t.Helper()
		_, err := parseWith(parser, args)
		if err == nil { // values that may be any text are checked where they are used
			return
		}
		refused++
		if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "horse") {
			t.Errorf("%q: %v", args, err)
		}
	}
	tried := map[string]bool{} // flags, which many commands share
	for _, command := range parser.Model.Leaves(false) {
		words := strings.Fields(command.Path())
		with := func(args ...string) []string { return append(words, args...) }
		try(with(secret, secret, secret)...)
		try(with("--" + secret)...)
		try(append(words[:len(words)-1:len(words)-1], secret)...)
		try(with("-" + secret)...)
		for _, flag := range command.Flags {
			name := "--" + flag.Name
			if tried[name] {
				continue
			}
			tried[name] = true
			try(with(name+"="+secret, "x")...)
			try(with(name+"=", secret)...)
			try(with(name, secret, "x")...)
			try(with(name, "--db="+secret)...)
			try(with(name, "-"+secret)...)
			try(with(name + secret)...)
			for _, variable := range flag.Tag.Envs {
				t.Run(variable, func(t *testing.T) {
					t.Setenv(variable, secret)
					try(words...)
				})
			}
		}
	}
	if refused < 100 {
		t.Errorf("only %d command lines were refused", refused)
	}
}

// TestUsageErrorsHelp checks that errors say what is wrong.
func TestUsageErrorsHelp(t *testing.T) {
	for want, args := range map[string]string{
		`unexpected argument serv, did you mean one of "serve", "seed"?`: "serv",
		`unknown flag --tets, did you mean "--test"?`:                    "serve --tets",
		`unknown flag --smtp`:                                           "list --smtp",
		`unexpected argument migrate`:                                   "serve migrate",
		`--limit: missing value`:                                        "list --limit",
		`--review must be one of "auto","manual"`:                       "serve --review none",
		`--callback-allow: must be an address range such as 10.0.0.0/8`: "serve --callback-allow none",
	} {
		if _, err := parse(strings.Fields(args)); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", args, err, want)
		}
	}
}

// TestAddresses checks that a range of IPv4-mapped addresses becomes one of IPv4 addresses.
func TestAddresses(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.0/8":          "10.0.0.0/8",
		"::ffff:10.0.0.5/128": "10.0.0.5/32",
		"::ffff:10.0.0.0/104": "10.0.0.0/8",
		"::ffff:0.0.0.0/96":   "0.0.0.0/0",
		"::ffff:0.0.0.0/95":   "::ffff:0.0.0.0/95",
		"fd00::/8":            "fd00::/8",
	} {
		var got addresses
		if err := got.UnmarshalText([]byte(text)); err != nil || got.String() != want {
			t.Errorf("%s: %v, %v, want %s", text, got, err, want)
		}
	}
}

// TestNoPasswordIsPrinted passes text that kong accepts and the command refuses.
func TestNoPasswordIsPrinted(t *testing.T) {
	t.Chdir(t.TempDir())
	existing := filepath.Join(t.TempDir(), "trusthub.db")
	if code := run(t.Context(), []string{"accounts", "add", "--db", existing}, io.Discard, io.Discard); code != 0 {
		t.Fatal("cannot add an account")
	}
	const mistyped, keywords = "postgress://user:hunter2@host/hub", "host=localhost user=hub password=hunter2"
	for _, args := range [][]string{
		{"serve", "--listen", "127.0.0.1:0", "--db", mistyped},
		{"serve", "--listen", "127.0.0.1:0", "--db", keywords},
		{"serve", "--listen", "127.0.0.1:0", "--smtp", mistyped},
		{"serve", "--listen", "127.0.0.1:0", "--smtp", "smtp://user:hunter2@host:port"},
		{"serve", "--listen", "127.0.0.1:0", "--smtp", "smtp://host", "--mail-from", mistyped},
		{"serve", "--listen", "127.0.0.1:0", "--mail-from", mistyped},
		{"serve", "--listen", "127.0.0.1:0", "--public-url", mistyped},
		{"serve", "--listen", mistyped},
		{"serve", "--listen", "127.0.0.1:hunter2"},
		{"serve", "--listen", "hunter2 host:0"}, // not a name that is looked up in DNS
		{"serve", "--listen", "127.0.0.1:0", "--metrics-listen", mistyped},
		{"serve", "--listen", "127.0.0.1:0", "--metrics-listen", "hunter2 host:0"},
		{"serve", "--auth-token=", "hunter"},
		{"serve", "--listen", "127.0.0.1:0", "--account-sid", mistyped, "--auth-token", mistyped},
		{"accounts", "list", "--db", keywords},
		{"deliveries", "--db", mistyped},
		{"copy", "--from", mistyped, "--to", "new.db"},
		{"copy", "--from", existing, "--to", keywords},
		{"list", "--base-url", mistyped},
		{"list", "--base-url", "http://user:hunter2@host"},
		{"health", "--base-url", mistyped},
		{"health", "--base-url", "http://user:hunter2@host"},
		{"health", "--base-url", "http://127.0.0.1:hunter2"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), waitLimit) // in case a server starts
		var stdout, stderr bytes.Buffer
		code := run(ctx, args, &stdout, &stderr)
		cancel()
		if code == 0 || stderr.Len() == 0 || strings.Contains(stdout.String()+stderr.String(), "hunter") {
			t.Errorf("%q: status %d, %s%s", args, code, &stdout, &stderr)
		}
	}
	if made, err := filepath.Glob("*hunter2*"); err != nil || len(made) > 0 {
		t.Errorf("created %q, %v", made, err)
	}
}

func TestOtherThanUTF8IsRefused(t *testing.T) {
	t.Chdir(t.TempDir())
	var stderr bytes.Buffer
	code := run(t.Context(), []string{"accounts", "add", "--db", "caf\xe9.db"}, io.Discard, &stderr)
	if code != usageStatus || !strings.Contains(stderr.String(), "argument 4 is not valid UTF-8") {
		t.Errorf("an argument: status %d, %s", code, &stderr)
	}
	t.Setenv("TRUSTHUB_DB", "caf\xe9.db")
	stderr.Reset()
	code = run(t.Context(), []string{"accounts", "add"}, io.Discard, &stderr)
	if code != usageStatus || !strings.Contains(stderr.String(), "TRUSTHUB_DB is not valid UTF-8") {
		t.Errorf("a variable: status %d, %s", code, &stderr)
	}
	if made, err := os.ReadDir("."); err != nil || len(made) > 0 {
		t.Errorf("created %v, %v", made, err)
	}
}
