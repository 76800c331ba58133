package main

import (
	"bytes"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/opentrusthub/trusthub/internal/app"
	"github.com/opentrusthub/trusthub/internal/store"
)

const testOperatorToken = "an-operators-token"

// runWith runs the program in its own environment of system variables.
func runWith(t *testing.T, env map[string]string, args ...string) (code int, out, errs string) {
	t.Helper()
	for _, name := range []string{"TRUSTHUB_DB", "TRUSTHUB_OPERATOR_URL", "TRUSTHUB_OPERATOR_TOKEN"} {
		t.Setenv(name, env[name])
	}
	unsetEmpty(os.Environ())
	var stdout, stderr bytes.Buffer
	code = run(t.Context(), args, &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

// TestSystem: a command acts on one system, says which, and asks for what is missing. Secrets are not shown.
func TestSystem(t *testing.T) {
	db := filepath.Join(t.TempDir(), "trusthub.db")
	server := newOperatorServer(t, db, testOperatorToken)
	for name, test := range map[string]struct {
		env  map[string]string
		args []string
		code int
		errs string
	}{
		"a database": {
			nil, []string{"--db", db}, 0, "on the database " + db + "\n",
		},
		"a database by its variable": {
			map[string]string{"TRUSTHUB_DB": db}, nil, 0, "on the database " + db + "\n",
		},
		"a server": {
			map[string]string{"TRUSTHUB_OPERATOR_TOKEN": testOperatorToken}, []string{"--operator-url", server}, 0, "on " + server + "\n",
		},
		"a server by its variable": {
			map[string]string{"TRUSTHUB_OPERATOR_URL": server, "TRUSTHUB_OPERATOR_TOKEN": testOperatorToken}, nil, 0, "on " + server + "\n",
		},
		"two flags": {
			nil, []string{"--operator-url", server, "--db", db}, usageStatus, "give one of them, and unset the variable of the other",
		},
		"a flag and a variable": {
			map[string]string{"TRUSTHUB_DB": db}, []string{"--operator-url", server}, usageStatus, "give one of them",
		},
		"a variable and a flag": {
			map[string]string{"TRUSTHUB_OPERATOR_URL": server}, []string{"--db", db}, usageStatus, "give one of them",
		},
		"no token": {
			nil, []string{"--operator-url", server}, usageStatus, "requires TRUSTHUB_OPERATOR_TOKEN",
		},
		"a wrong token": {
			map[string]string{"TRUSTHUB_OPERATOR_TOKEN": "secret"},
			[]string{"--operator-url", server},
			1,
			"HTTP 401, error 20003: Authenticate; TRUSTHUB_OPERATOR_TOKEN must be the server's operator token",
		},
		"no URL": {
			nil, []string{"--operator-url", "secret"}, usageStatus, "--operator-url must be an absolute http or https URL",
		},
		"a URL with a password": {
			nil, []string{"--operator-url", "http://u:secret@127.0.0.1:1"}, usageStatus, "--operator-url must be an absolute http or https URL",
		},
		"no server": {
			map[string]string{"TRUSTHUB_OPERATOR_TOKEN": "secret"},
			[]string{"--operator-url", "http://127.0.0.1:1"},
			1,
			"no server at http://127.0.0.1:1; start one with 'trusthub serve', or choose another with --operator-url",
		},
		"no operator API": {
			map[string]string{"TRUSTHUB_OPERATOR_TOKEN": "secret"},
			[]string{"--operator-url", newOperatorServer(t, filepath.Join(t.TempDir(), "other.db"), "")},
			1,
			"has no operator API: set TRUSTHUB_OPERATOR_TOKEN there",
		},
	} {
		t.Run(name, func(t *testing.T) {
			code, _, errs := runWith(t, test.env, append([]string{"reviews"}, test.args...)...)
			if code != test.code || !strings.Contains(errs, test.errs) || strings.Contains(errs, "secret") {
				t.Errorf("status %d, want %d, with %q:\n%s", code, test.code, test.errs, errs)
			}
		})
	}
}

// TestAllOperatorCommandsAreCompared: same.txt runs every command that takes --operator-url on both systems. Requests are in the
// memory of a server alone.
func TestAllOperatorCommandsAreCompared(t *testing.T) {
	script, err := os.ReadFile("testdata/scripts/same.txt")
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, command := range newParser().Model.Leaves(false) {
		takesURL := slices.ContainsFunc(command.Flags, func(f *kong.Flag) bool { return f.Name == "operator-url" })
		name := strings.TrimPrefix(command.FullPath(), "trusthub ")
		if !takesURL || name == "requests" {
			continue
		}
		compared++
		if !regexp.MustCompile(`(?m)^same .*\b` + name + `\b`).Match(script) {
			t.Errorf("same.txt does not compare %s", name)
		}
	}
	if compared < 9 {
		t.Errorf("found %d commands", compared)
	}
}

// TestShownDB: the name of a database is shown without user, password and parameters.
func TestShownDB(t *testing.T) {
	for name, want := range map[string]string{
		"trusthub.db":        "trusthub.db",
		"./user:a=b@c.db":    "./user:a=b@c.db",
		"postgres://h/trust": "postgres://h/trust",
		"postgres://user:secret@db.example:5432/trust?password=secret#secret": "postgres://db.example:5432/trust",
		"postgres://user:secret%@h/trust":                                     "postgres",
		"postgresql:///trust?host=/run/postgresql&password=secret":            "postgresql:///trust",
	} {
		flags := systemFlags{dbFlag: dbFlag{DB: name}}
		if got := flags.shownDB(); got != want {
			t.Errorf("%s is shown as %s, want %s", name, got, want)
		}
	}
}

// newOperatorServer serves a database, and without a token no operator API, and returns its URL.
func newOperatorServer(t *testing.T, database, token string) string {
	t.Helper()
	db, err := store.Open(t.Context(), database, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server, err := app.New(t.Context(), app.Config{Store: db, Now: time.Now, Operator: app.Operator{Token: token}, RequestLog: 10})
	if err != nil {
		t.Fatal(err)
	}
	listener := httptest.NewServer(server.Handler())
	t.Cleanup(func() {
		listener.Close()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return listener.URL
}
