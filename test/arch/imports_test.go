// Package arch_test tests the architecture: which package may import which, and which may read the clock. It reads the module
// from disk and has no code besides the tests.
package arch_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	root   = "../.." // the module's folder, as seen from a test of this package
	module = "github.com/opentrusthub/trusthub"
	echo   = "github.com/labstack/echo/..."
)

// rule says what a package must not import. Entries are import paths, or a path and all below it if they end in /...
type rule struct {
	pkg          string
	reason       string
	never        []string // not even through other packages
	neverDirect  []string // not in its own import lines
	neverInTests []string // not even in its tests, nor through other packages
	own          []string // only these packages of this module, by their folders; nil means any
	limitOutside bool     // whether maxOutside applies
	maxOutside   int      // packages that are neither in the standard library nor in this module
}

func rules() []rule {
	server := []string{echo, "github.com/getkin/kin-openapi/..."}
	database := []string{"database/sql", "modernc.org/sqlite/...", "github.com/jackc/pgx/..."}
	return []rule{{
		pkg:    "gen",
		reason: "importers of the types should not have to build a server or download many modules",
		never:  slices.Concat(server, database), own: []string{}, limitOutside: true, maxOutside: 6,
	}, {
		pkg:    "api/client",
		reason: "importers of the client should not have to build a server or download many modules",
		never:  slices.Concat(server, database), own: []string{"gen", "internal/retryafter", "internal/signature"}, limitOutside: true, maxOutside: 6,
	}, {
		pkg:    "gen/operator",
		reason: "importers of the operator API's types should not have to build a server or download many modules",
		never:  slices.Concat(server, database), own: []string{}, limitOutside: true, maxOutside: 6,
	}, {
		pkg:    "api",
		reason: "someone's own backend, mounted with api, must not link our database, our jobs or our hub",
		never:  slices.Concat(database, own("internal/app", "internal/store", "internal/hub", "internal/jobs", "internal/requestlog", "internal/console")),
	}, {
		pkg:    "internal/trust",
		reason: "the domain only computes: it can be tested without I/O and knows no transport and no database engine",
		never:  []string{"database/sql", "net/http"},
		// crypto/rand imports os, so this applies to direct imports only.
		neverDirect: []string{"os"}, own: []string{}, limitOutside: true, maxOutside: 0,
	}, {
		pkg:    "internal/trust/catalog",
		reason: "an evaluation is arithmetic too: its policies are embedded, and it needs nothing but the domain's types",
		never:  []string{"database/sql", "net/http"},
		// embed and crypto/sha256 need os themselves.
		neverDirect: []string{"os"}, own: []string{"internal/trust"}, limitOutside: true, maxOutside: 0,
	}, {
		pkg:    "internal/store",
		reason: "SQL knows nothing of requests: what a change means arrives as a function",
		never:  append(own("api/...", "internal/hub", "internal/jobs"), server...), own: []string{"internal/trust", "internal/panics", "internal/callbackurl", "internal/secrets"},
	}, {
		pkg:    "internal/secrets",
		reason: "encryption is a matter of keys and texts: what is encrypted, and where it is stored, are the store's",
		own:    []string{}, limitOutside: true, maxOutside: 0,
	}, {
		pkg:    "internal/jobs",
		reason: "delivery knows nothing of requests, and is given the ways to send",
		never:  append(own("api/...", "internal/hub", "internal/callback", "internal/mail"), server...),
		own:    []string{"internal/trust", "internal/store", "internal/panics", "internal/callbackurl", "internal/secrets"},
	}, {
		pkg:    "internal/callback",
		reason: "a callback is built from a notice alone, without a database",
		never:  slices.Concat(server, database), own: []string{"internal/trust", "internal/retryafter", "internal/signature", "internal/callbackurl"},
	}, {
		pkg:    "internal/callbackurl",
		reason: "the API validates a callback URL with the sender's rules, but must not link the sender for that",
		never:  slices.Concat(server, database), own: []string{}, limitOutside: true, maxOutside: 5, // idna and its tables
	}, {
		pkg:    "internal/mail",
		reason: "a message is built from a notice alone, without a database",
		never:  slices.Concat(server, database), own: []string{"internal/trust"},
	}, {
		pkg:    "internal/signature",
		reason: "the client checks signatures too, at no cost to its importers",
		own:    []string{}, limitOutside: true, maxOutside: 0,
	}, {
		pkg:    "internal/retryafter",
		reason: "the client reads the header too, at no cost to its importers",
		own:    []string{}, limitOutside: true, maxOutside: 0,
	}, {
		pkg:    "internal/connections",
		reason: "connections are counted before accounts or products are known",
		never:  slices.Concat(database, own("internal/app", "internal/store", "internal/hub", "internal/jobs")),
	}, {
		pkg:    "internal/certificates",
		reason: "a certificate is a matter of files and time, and of nothing that is served",
		own:    []string{}, limitOutside: true, maxOutside: 0,
	}, {
		pkg:    "internal/guessing",
		reason: "it limits failed authentications and knows nothing but accounts",
		never:  own("cmd/...", "internal/app", "internal/hub", "internal/jobs"),
	}, {
		pkg:    "internal/limits",
		reason: "it counts the requests of an account and knows nothing else of it, nor what is requested",
		never:  slices.Concat(database, own("cmd/...", "internal/app", "internal/store", "internal/hub", "internal/jobs")),
	}, {
		pkg:         "internal/metrics",
		reason:      "it counts what others report, and knows neither operations nor how anything is sent",
		never:       own("cmd/...", "internal/app", "internal/hub", "internal/jobs", "internal/callback", "internal/mail"),
		neverDirect: []string{"database/sql", echo},
	}, {
		pkg:    "internal/requestlog",
		reason: "it keeps what api observes, in memory: it knows no database, no operation and nobody who reads it",
		never:  slices.Concat(database, own("cmd/...", "internal/app", "internal/store", "internal/hub", "internal/jobs")),
	}, {
		pkg:    "internal/eventstream",
		reason: "it writes what it is given: a stream of the operator API and one of a web page differ in their messages alone",
		own:    []string{}, limitOutside: true, maxOutside: 0,
	}, {
		pkg:    "internal/feed",
		reason: "it reads changes from the store, and knows nobody who follows them",
		never:  server, own: []string{"internal/trust", "internal/store", "internal/panics", "internal/callbackurl", "internal/secrets"},
	}, {
		pkg:    "internal/hub",
		reason: "operations know nothing of the server's assembly, of delivery or of connection limits",
		never: own("cmd/...", "internal/app", "internal/jobs", "internal/callback", "internal/mail", "internal/guessing", "internal/connections",
			"internal/requestlog"),
	}, {
		pkg:         "internal/operator",
		reason:      "operations know nothing of the server's assembly, of delivery or of connection limits; the control of test mode moves the worker, and package mail composes the messages that are shown",
		never:       own("cmd/...", "internal/app", "internal/callback", "internal/guessing", "internal/connections", "internal/seed"),
		neverDirect: own("internal/jobs"),
	}, {
		pkg:    "internal/console",
		reason: "pages show and decide what the operator API does: they know nothing of the server's assembly, of delivery or of connection limits",
		never: own("cmd/...", "api/apitest", "internal/app", "internal/callback", "internal/guessing", "internal/connections",
			"internal/seed"),
		neverDirect: append(own("internal/jobs", "gen/server", "gen/operator/server"), "os", "database/sql", echo),
	}, {
		pkg:    "internal/seed",
		reason: "a seed is validated as requests and stored at once: nothing is served, reviewed or sent for it",
		never: own("cmd/...", "internal/app", "internal/hub", "internal/jobs", "internal/callback", "internal/mail",
			"internal/guessing", "internal/connections"),
		neverDirect: []string{"os", "database/sql", "net/http", echo},
	}, {
		pkg:    "internal/control",
		reason: "it moves the clock and empties tables; how a test reaches it, from Go or over HTTP, is not its business",
		never: own("cmd/...", "api/apitest", "internal/app", "internal/hub", "internal/callback", "internal/mail",
			"internal/guessing", "internal/connections", "internal/seed"),
		neverDirect: []string{"os", "database/sql", echo},
	}, {
		pkg:         "internal/app",
		reason:      "it connects the parts of the server, and knows nothing of flags, the environment, SMTP servers or tests",
		never:       append(own("cmd/...", "api/apitest", "api/client", "test/..."), "github.com/alecthomas/kong/...", "testing"),
		neverDirect: []string{"os", "database/sql", echo},
	}, {
		pkg:    "api/apitest",
		reason: "importers should not have to build what only our own tests use",
		never:  append(own("cmd/...", "test/kit/pgtest", "test/kit/programtest", "test/kit/storetest"), "go.uber.org/goleak", "github.com/google/go-cmp/..."),
	}, {
		pkg:    "test/kit/baretest",
		reason: "what the server is compared with must not share its code",
		own:    []string{"gen"},
	}, {
		pkg:    "test/kit/nettest",
		reason: "it knows connections and nothing of the product, so that a test of any package can use it",
		own:    []string{}, limitOutside: true, maxOutside: 0,
	}, {
		pkg:    "test/kit/pgtest",
		reason: "it knows Postgres and nothing of the product, so that a test of any package can use it",
		own:    []string{},
	}, {
		pkg:    "test/kit/programtest",
		reason: "it knows the program by its command line; the bench, which is no test, links it",
		own:    []string{}, limitOutside: true, maxOutside: 0,
	}, {
		pkg:    "test/kit/storetest",
		reason: "the tests of what the store builds on could not use it otherwise",
		own:    []string{"internal/store", "internal/trust", "internal/panics", "internal/callbackurl", "internal/secrets", "test/kit/pgtest"},
	}, {
		pkg:    "test/kit/transcripttest",
		reason: "it knows HTTP and nothing of the product, so that both contracts' tests can use it",
		own:    []string{},
	}, {
		pkg:    "test/bench",
		reason: "it is a program: a figure that needs the tests' Postgres is a benchmark that it runs",
		never:  own("test/kit/pgtest", "test/kit/storetest"),
	}, {
		pkg:          "test/e2e/crash",
		reason:       "the result of a crash is tested from outside: through the API, the command line and the tables",
		neverInTests: append(own("api", "api/apitest", "cmd/...", "internal/app", "internal/hub", "internal/jobs"), echo),
	}, {
		pkg:          "test/e2e/siege",
		reason:       "it attacks the program from outside, over HTTP; the store only makes large databases fast",
		neverInTests: own("api", "api/apitest", "cmd/...", "internal/app", "internal/hub", "internal/jobs"),
	}, {
		pkg:          "test/e2e/rotation",
		reason:       "tokens are rotated as operators do, and used as callers do, who import only the client",
		neverInTests: append(own("api", "api/apitest", "cmd/...", "internal/app", "internal/hub", "internal/store"), echo),
	}, {
		pkg:          "test/e2e/upgrade",
		reason:       "both programs are tested as operators and callers see them, and neither is the module as linked here",
		neverInTests: append(own("api", "api/apitest", "api/client", "cmd/...", "internal/..."), echo),
	}, {
		pkg:    "api/conformance",
		reason: "those who test their own implementation should not have to build our server or a database",
		never:  slices.Concat(database, own("api/apitest"), []string{echo}),
		own:    []string{"", "gen", "internal/retryafter", "internal/signature", "test/kit/contracttest"},
	}, {
		pkg:    "test/kit/contracttest",
		reason: "a response is validated against the contract alone",
		never:  database, own: []string{""},
	}, {
		pkg:    "examples/a2p",
		reason: "it shows what a program needs that calls the API: the client alone",
		never:  slices.Concat(server, database), own: []string{"api/client", "gen", "internal/retryafter", "internal/signature"},
	}, {
		pkg:    "examples/inmemory",
		reason: "it shows what others can write: it uses nothing internal except through api, and links no database",
		never:  database, neverDirect: append(own("internal/callbackurl", "internal/panics", "internal/retryafter", "internal/trust"), echo),
		own:          []string{"", "api", "gen", "gen/operator", "gen/operator/server", "gen/operator/validation", "gen/server", "gen/validation", "internal/callbackurl", "internal/panics", "internal/retryafter", "internal/trust"},
		neverInTests: append(own("api/apitest", "internal/store"), database...),
	}, {
		pkg:    "cmd/trusthub",
		reason: "the program must not link test helpers, and only internal/app connects the parts of the server",
		never:  append(own("api/apitest", "test/..."), "testing", "net/http/httptest"),
		neverDirect: own("api", "gen/server", "gen/operator/server", "internal/hub", "internal/jobs", "internal/connections", "internal/guessing",
			"internal/limits", "internal/metrics", "internal/requestlog"),
	}}
}

func own(paths ...string) []string {
	full := make([]string, len(paths))
	for i, p := range paths {
		full[i] = path.Join(module, p)
	}
	return full
}

func TestImports(t *testing.T) {
	for _, rule := range rules() {
		t.Run(rule.pkg, func(t *testing.T) {
			if found := rule.violations(list(t, "-deps", "./"+rule.pkg)); len(found) > 0 {
				t.Errorf("%s\nReason: %s.", strings.Join(found, "\n"), rule.reason)
			}
			if len(rule.neverInTests) == 0 {
				return
			}
			if found := rule.testViolations(list(t, "-deps", "-test", "./"+rule.pkg)); len(found) > 0 {
				t.Errorf("%s\nReason: %s.", strings.Join(found, "\n"), rule.reason)
			}
		})
	}
}

// TestRulesBite shows that each kind of rule can fail: the hub links everything, so it violates all of them.
func TestRulesBite(t *testing.T) {
	hub := list(t, "-deps", "./internal/hub")
	for name, rule := range map[string]rule{
		"never":       {never: []string{"modernc.org/sqlite/..."}},
		"neverDirect": {neverDirect: own("internal/store")},
		"own":         {own: []string{"api"}},
		"maxOutside":  {limitOutside: true, maxOutside: 6},
	} {
		if len(rule.violations(hub)) == 0 {
			t.Errorf("%s: the hub's violation was not found", name)
		}
	}
	tests := list(t, "-deps", "-test", "./api/conformance") // which it runs against our server
	if len(rule{neverInTests: own("internal/store")}.testViolations(tests)) == 0 {
		t.Error("neverInTests: the violation by the tests of api/conformance was not found")
	}
}

// violations returns a package's violations of a rule, from its `go list -deps`, in which the package itself is last.
func (r rule) violations(deps []listed) []string {
	var found, outside []string
	self := deps[len(deps)-1]
	for _, imported := range self.Imports {
		if matches(r.neverDirect, imported) {
			found = append(found, self.ImportPath+" imports "+imported)
		}
	}
	for _, dep := range deps[:len(deps)-1] {
		if matches(r.never, dep.ImportPath) {
			found = append(found, self.ImportPath+" depends on "+dep.ImportPath)
		}
		switch inside := matches([]string{module + "/..."}, dep.ImportPath); {
		case inside && r.own != nil && !slices.Contains(own(r.own...), dep.ImportPath):
			found = append(found, self.ImportPath+" depends on "+dep.ImportPath+", which is not among "+strings.Join(r.own, ", "))
		case !inside && !dep.Standard:
			outside = append(outside, dep.ImportPath)
		}
	}
	if r.limitOutside && len(outside) > r.maxOutside {
		found = append(found, self.ImportPath+" pulls "+strconv.Itoa(len(outside))+" packages from outside, allowed are "+
			strconv.Itoa(r.maxOutside)+":\n\t"+strings.Join(outside, "\n\t"))
	}
	return found
}

// testViolations returns the violations of a package and its tests, from their `go list -deps -test`.
func (r rule) testViolations(deps []listed) (found []string) {
	for _, dep := range deps {
		if matches(r.neverInTests, dep.ImportPath) {
			found = append(found, "the tests of "+r.pkg+" depend on "+dep.ImportPath)
		}
	}
	return found
}

// matches reports whether one of the patterns matches name; /... at the end of a pattern has the go command's meaning.
func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		above, tree := strings.CutSuffix(pattern, "/...")
		return name == above || tree && strings.HasPrefix(name, above+"/")
	})
}

// TestKitIsForTests: only api/apitest and api/conformance, which are for tests themselves, import packages of test/.
func TestKitIsForTests(t *testing.T) {
	for _, pkg := range list(t, "./...") {
		if matches(own("test/...", "api/apitest", "api/conformance"), pkg.ImportPath) {
			continue
		}
		for _, imported := range pkg.Imports {
			if matches(own("test/..."), imported) {
				t.Errorf("%s imports %s\nReason: importers of the product must not have to build its tests.", pkg.ImportPath, imported)
			}
		}
	}
}

// TestMetricsStayInTheProgram: counting is the server's business, which whoever imports the other packages should not have to build.
func TestMetricsStayInTheProgram(t *testing.T) {
	const prometheus = "github.com/prometheus/..."
	for _, pkg := range list(t, "./...") {
		for _, imported := range pkg.Imports {
			if matches([]string{prometheus}, imported) && !slices.Contains(own("internal/metrics"), pkg.ImportPath) {
				t.Errorf("%s imports %s\nReason: only internal/metrics does, and only internal/app imports that.", pkg.ImportPath, imported)
			}
		}
	}
}

func TestEchoStaysAtTheEdge(t *testing.T) {
	edge := own("api", "gen/server", "gen/operator/server")
	for _, pkg := range list(t, "./...") {
		for _, imported := range slices.Concat(pkg.Imports, pkg.TestImports, pkg.XTestImports) {
			if matches([]string{echo}, imported) && !slices.Contains(edge, pkg.ImportPath) {
				t.Errorf("%s imports %s\nReason: moving to the next version of echo must change only api, gen/server and gen/operator/server.",
					pkg.ImportPath, imported)
			}
		}
	}
}

// listed is a package as `go list -json` prints it.
type listed struct {
	ImportPath                         string
	Standard                           bool
	Imports, TestImports, XTestImports []string
}

func list(t *testing.T, args ...string) []listed {
	t.Helper()
	var stderr strings.Builder
	cmd := exec.CommandContext(t.Context(), "go",
		append([]string{"list", "-json=ImportPath,Standard,Imports,TestImports,XTestImports"}, args...)...)
	cmd.Dir, cmd.Stderr = root, &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, &stderr)
	}
	var all []listed
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var one listed
		switch err := decoder.Decode(&one); {
		case errors.Is(err, io.EOF) && len(all) > 0:
			return all
		case err != nil:
			t.Fatalf("%v: %v", cmd.Args, err)
		}
		all = append(all, one)
	}
}

// TestClockIsPassedIn: below the edge no code reads the clock, so that tests can set the time.
func TestClockIsPassedIn(t *testing.T) {
	edge := []string{"cmd/...", "api/...", "gen/...", "examples/...", "test/bench/..."} // examples and test/bench are programs, too
	for name, text := range sources(t) {
		if path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") || matches(edge, name) {
			continue
		}
		for _, where := range clockReads(t, name, text) {
			t.Errorf("%s reads the clock; take a now func() time.Time or a time.Time instead", where)
		}
	}
}

func TestClockReads(t *testing.T) {
	const text = `package p; import clock "time"; var now = clock.Now; var d = clock.Since(clock.Time{}); var c = other.Now()`
	if got := clockReads(t, "p.go", []byte(text)); len(got) != 2 {
		t.Errorf("found %v, want the two uses of package time", got)
	}
}

// clockReads returns the positions at which a file uses a function of package time that reads the clock.
func clockReads(t *testing.T, name string, text []byte) (where []string) {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	local := ""
	for _, spec := range file.Imports {
		if spec.Path.Value == `"time"` {
			local = "time"
			if spec.Name != nil {
				local = spec.Name.Name
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		use, ok := n.(*ast.SelectorExpr)
		if !ok || !slices.Contains([]string{"Now", "Since", "Until"}, use.Sel.Name) {
			return true
		}
		if x, ok := use.X.(*ast.Ident); ok && local != "" && x.Name == local {
			where = append(where, files.Position(use.Pos()).String())
		}
		return true
	})
	return where
}

// sources reads every Go file of the module, and go.mod, even those that no test here needs: the go tool's cached result
// depends on the files that the test has opened, and not on those that `go list` has read.
func sources(t *testing.T) map[string][]byte {
	t.Helper()
	files := make(map[string][]byte)
	tree := os.DirFS(root)
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata"):
			return fs.SkipDir // the go tool does not look there either
		case path.Ext(name) == ".go", name == "go.mod":
			files[name], err = fs.ReadFile(tree, name)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
