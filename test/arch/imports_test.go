// Package arch_test keeps the architecture: who may import whom, and who may read the clock. It has no code of its own
// beside these tests, and it reads the module as it lies on disk.
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

// rule says what a package must keep away from. Entries are import paths, or with /... a path and all below it.
type rule struct {
	pkg          string
	reason       string
	never        []string // not even through other packages
	neverDirect  []string // not in its own import lines
	own          []string // of this module's packages only these, by their folders; nil means any
	limitOutside bool     // whether maxOutside holds
	maxOutside   int      // packages that are neither in the standard library nor in this module
}

func rules() []rule {
	server := []string{echo, "github.com/getkin/kin-openapi/..."}
	database := []string{"database/sql", "modernc.org/sqlite/...", "github.com/jackc/pgx/..."}
	return []rule{{
		pkg:    "gen",
		reason: "who imports the types should not build a server, nor fetch much else",
		never:  slices.Concat(server, database), own: []string{}, limitOutside: true, maxOutside: 6,
	}, {
		pkg:    "api/client",
		reason: "who imports the client should not build a server, nor fetch much else",
		never:  slices.Concat(server, database), own: []string{"gen", "internal/retryafter", "internal/signature"}, limitOutside: true, maxOutside: 6,
	}, {
		pkg:    "api",
		reason: "someone's own backend, mounted with api, must not link our database, our jobs or our hub",
		never:  slices.Concat(database, own("internal/app", "internal/store", "internal/hub", "internal/jobs")),
	}, {
		pkg:    "internal/trust",
		reason: "the domain is arithmetic: it can be tested without I/O, and nothing of a transport or an engine leaks into it",
		never:  []string{"database/sql", "net/http"},
		// crypto/rand itself needs os, so that only the package's own lines can be held to this.
		neverDirect: []string{"os"}, own: []string{}, limitOutside: true, maxOutside: 0,
	}, {
		pkg:    "internal/store",
		reason: "SQL knows nothing of requests: what a change means arrives as a function",
		never:  append(own("api/...", "internal/hub", "internal/jobs"), server...), own: []string{"internal/trust", "internal/panics", "internal/callbackurl"},
	}, {
		pkg:    "internal/jobs",
		reason: "delivery knows nothing of requests, and is given the ways to send",
		never:  append(own("api/...", "internal/hub", "internal/callback", "internal/mail"), server...),
		own:    []string{"internal/trust", "internal/store", "internal/panics", "internal/callbackurl"},
	}, {
		pkg:    "internal/callback",
		reason: "a callback is made of a notice alone: it needs no database",
		never:  slices.Concat(server, database), own: []string{"internal/trust", "internal/retryafter", "internal/signature", "internal/callbackurl"},
	}, {
		pkg:    "internal/callbackurl",
		reason: "the edge checks a callback URL with what the sender uses, and must not link the sender for it",
		never:  slices.Concat(server, database), own: []string{}, limitOutside: true, maxOutside: 5, // idna and its tables
	}, {
		pkg:    "internal/mail",
		reason: "a message is made of a notice alone: it needs no database",
		never:  slices.Concat(server, database), own: []string{"internal/trust"},
	}, {
		pkg:    "internal/signature",
		reason: "the client shall check signatures too, at no cost to who imports it",
		own:    []string{}, limitOutside: true, maxOutside: 0,
	}, {
		pkg:    "internal/retryafter",
		reason: "the client reads the header too, at no cost to who imports it",
		own:    []string{}, limitOutside: true, maxOutside: 0,
	}, {
		pkg:    "internal/connections",
		reason: "connections are counted before anything is known of accounts or products",
		never:  slices.Concat(database, own("internal/app", "internal/store", "internal/hub", "internal/jobs")),
	}, {
		pkg:    "internal/guessing",
		reason: "it limits whatever authenticates, and knows accounts only",
		never:  own("cmd/...", "internal/app", "internal/hub", "internal/jobs"),
	}, {
		pkg:    "internal/hub",
		reason: "operations know nothing of how the server is put together, delivers or limits its callers",
		never:  own("cmd/...", "internal/app", "internal/jobs", "internal/callback", "internal/mail", "internal/guessing", "internal/connections"),
	}, {
		pkg:         "internal/app",
		reason:      "it puts the parts of the server together, is given the way to send mail, and knows nothing of flags, the environment or tests",
		never:       append(own("cmd/...", "api/apitest", "api/client", "test/..."), "github.com/alecthomas/kong/...", "testing"),
		neverDirect: []string{"os", "database/sql", echo},
	}, {
		pkg:    "api/apitest",
		reason: "who tests with it should not build what only our own tests use",
		never:  append(own("cmd/...", "test/kit/pgtest", "test/kit/programtest", "test/kit/storetest"), "go.uber.org/goleak", "github.com/google/go-cmp/..."),
	}, {
		pkg:    "test/kit/contracttest",
		reason: "an answer is held against the contract alone",
		never:  database, own: []string{""},
	}, {
		pkg:    "examples/inmemory",
		reason: "it shows what someone else can write: nothing internal is used but what api needs, and no database is linked",
		never:  database, neverDirect: append(own("internal/callbackurl", "internal/panics", "internal/retryafter", "internal/trust"), echo),
		own: []string{"", "api", "gen", "gen/server", "internal/callbackurl", "internal/panics", "internal/retryafter", "internal/trust"},
	}, {
		pkg:         "cmd/trusthub",
		reason:      "what is for tests stays out of the program, and the server is put together in one place, which is internal/app",
		never:       append(own("api/apitest", "test/..."), "testing", "net/http/httptest"),
		neverDirect: own("api", "gen/server", "internal/hub", "internal/jobs", "internal/connections", "internal/guessing"),
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
				t.Errorf("%s\nThe reason for the rule: %s.", strings.Join(found, "\n"), rule.reason)
			}
		})
	}
}

// A rule that nothing can break proves nothing. The hub links everything, so it breaks each kind of rule.
func TestRulesBite(t *testing.T) {
	hub := list(t, "-deps", "./internal/hub")
	for name, rule := range map[string]rule{
		"never":       {never: []string{"modernc.org/sqlite/..."}},
		"neverDirect": {neverDirect: own("internal/store")},
		"own":         {own: []string{"api"}},
		"maxOutside":  {limitOutside: true, maxOutside: 6},
	} {
		if len(rule.violations(hub)) == 0 {
			t.Errorf("%s: the hub broke the rule unnoticed", name)
		}
	}
}

// violations judges a package by its `go list -deps`, which names the package itself last.
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

// matches tells whether one of the patterns means name; /... at the end of a pattern is that of the go command.
func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		above, tree := strings.CutSuffix(pattern, "/...")
		return name == above || tree && strings.HasPrefix(name, above+"/")
	})
}

func TestEchoStaysAtTheEdge(t *testing.T) {
	edge := own("api", "gen/server")
	for _, pkg := range list(t, "./...") {
		for _, imported := range slices.Concat(pkg.Imports, pkg.TestImports, pkg.XTestImports) {
			if matches([]string{echo}, imported) && !slices.Contains(edge, pkg.ImportPath) {
				t.Errorf("%s imports %s\nThe reason for the rule: a move to the next echo shall touch api and gen/server alone.",
					pkg.ImportPath, imported)
			}
		}
	}
}

// listed is what `go list -json` says of a package.
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

// The clock is passed in: a test then decides what time it is, and below the edge no code reads it.
func TestClockIsPassedIn(t *testing.T) {
	edge := []string{"cmd/...", "api/...", "gen/...", "examples/...", "test/bench/..."} // the last two are programs, too
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

// sources reads every Go file of the module, and go.mod. It reads those too that no test here looks into: what a test
// has opened is what its cached result depends on, and the go tool sees nothing of what `go list` reads.
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
