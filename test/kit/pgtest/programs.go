package pgtest

import (
	"cmp"
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// errMissing says that this machine has no Postgres that a test could run, and what to do about it.
var errMissing = errors.New("no Postgres to test with: install Debian's postgresql package (initdb and postgres are looked " +
	"for through pg_config, in PATH and in " + debian + "; root needs a user named postgres), or, for tests that do not kill " +
	"the server, set " + serverVariable + " to the postgres:// URL of a role that may create databases")

// debian is where Debian installs each major version, out of PATH.
const debian = "/usr/lib/postgresql/*/bin"

// programs are the paths of the two that a cluster takes.
type programs struct{ initdb, postgres string }

// findPrograms returns the programs of the first installation that has both. pg_config alone proves nothing: Debian's comes
// with the client library.
func findPrograms() (programs, error) {
	for _, folder := range folders() {
		initdb, err := exec.LookPath(filepath.Join(folder, "initdb"))
		if err != nil {
			continue
		}
		postgres, err := exec.LookPath(filepath.Join(folder, "postgres"))
		if err != nil {
			continue
		}
		return programs{initdb: initdb, postgres: postgres}, nil
	}
	return programs{}, errMissing
}

// folders returns where the programs may be, in the order in which they are preferred.
func folders() []string {
	var found []string
	if out, err := exec.CommandContext(context.Background(), "pg_config", "--bindir").Output(); err == nil {
		found = append(found, strings.TrimSpace(string(out)))
	}
	if postgres, err := exec.LookPath("postgres"); err == nil {
		found = append(found, filepath.Dir(postgres))
	}
	versions, _ := filepath.Glob(debian) // fails for a malformed pattern alone
	slices.SortFunc(versions, func(a, b string) int { return cmp.Compare(major(b), major(a)) })
	return append(found, versions...)
}

// major returns the version in a path like /usr/lib/postgresql/15/bin, or 0.
func major(folder string) int {
	version, _ := strconv.Atoi(filepath.Base(filepath.Dir(folder)))
	return version
}
