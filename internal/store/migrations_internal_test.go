package store

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pressly/goose/v3"
)

// firstCompatible is the first schema that says which programs it serves.
const firstCompatible = 8

// TestMigrationsOnlyAdd keeps the program of the version before working on a newer schema: CONTRIBUTING.md has the rule.
func TestMigrationsOnlyAdd(t *testing.T) {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	must(t, err)
	for _, name := range names {
		version, err := goose.NumericComponent(path.Base(name))
		must(t, err)
		text, err := migrations.ReadFile(name)
		must(t, err)
		if version <= firstCompatible {
			continue
		}
		if err := checkMigration(version, string(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What a migration may have without raising oldest_program.
var (
	comment     = regexp.MustCompile(`--.*`)
	createTable = regexp.MustCompile(`(?is)^CREATE TABLE (\w+) `)
	anyTable    = regexp.MustCompile(`(?is)^(?:ALTER TABLE|DROP TABLE|CREATE(?: UNIQUE)? INDEX \w+ ON) (\w+)\b`)
	addColumn   = regexp.MustCompile(`(?is)^ALTER TABLE \w+ ADD COLUMN \w+ (?:TEXT|BIGINT)( NOT NULL DEFAULT (?:'[^']*'|-?\d+))?$`)
	createIndex = regexp.MustCompile(`(?is)^CREATE (UNIQUE )?INDEX \w+ ON (\w+) `)
	insertInto  = regexp.MustCompile(`(?is)^INSERT INTO (\w+) `)
	insertNew   = regexp.MustCompile(`(?is)^INSERT INTO \w+ .*\bON CONFLICT \(sid\) DO NOTHING$`)
	raise       = regexp.MustCompile(`(?is)^UPDATE schema_compatibility SET oldest_program = (\d+)$`)
)

// checkMigration returns why programs of the version before may fail on the schema that a migration makes, nil if they work on it
// as far as the statements tell. A migration that does more than to add must say since which version nobody uses what it changes.
func checkMigration(version int64, text string) error {
	made, locked, other, raised := map[string]bool{}, map[string]bool{}, "", false
	for statement := range strings.SplitSeq(comment.ReplaceAllString(text, ""), ";") {
		statement = strings.TrimSpace(statement)
		if table := createTable.FindStringSubmatch(statement); table != nil {
			made[table[1]] = true
			continue
		}
		if table := anyTable.FindStringSubmatch(statement); table != nil && !made[table[1]] {
			locked[table[1]] = true
		}
		index, insert := createIndex.FindStringSubmatch(statement), insertInto.FindStringSubmatch(statement)
		switch oldest := raise.FindStringSubmatch(statement); {
		case oldest != nil:
			if n, err := strconv.ParseInt(oldest[1], 10, 64); err != nil || n < firstCompatible || n >= version {
				return fmt.Errorf("oldest_program = %s, which must be from %d to %d: the program of the version before goes on",
					oldest[1], firstCompatible, version-1)
			}
			raised = true
		case statement == "", addColumn.MatchString(statement),
			index != nil && (index[1] == "" || made[index[2]]), insert != nil && made[insert[1]], insertNew.MatchString(statement):
		default:
			other = statement
		}
	}
	if len(locked) > 1 {
		return fmt.Errorf("it changes several tables: %v; each needs a migration of its own", slices.Sorted(maps.Keys(locked)))
	}
	if other != "" && !raised {
		return fmt.Errorf("it does more than to add, and does not raise oldest_program: %s", other)
	}
	return nil
}

func TestCheckMigration(t *testing.T) {
	for text, ok := range map[string]bool{
		"-- +goose Up\n\n-- Why; and more.\nCREATE TABLE t (\n a TEXT NOT NULL -- it\n);\nCREATE UNIQUE INDEX i ON t (a);": true,
		"ALTER TABLE bundles ADD COLUMN a TEXT;\nALTER TABLE bundles ADD COLUMN b BIGINT NOT NULL DEFAULT 0;":              true,
		"ALTER TABLE bundles ADD COLUMN a TEXT NOT NULL DEFAULT '';\nCREATE INDEX i ON bundles (a);":                       true,
		"CREATE TABLE t (a TEXT);\nINSERT INTO t (a) VALUES ('b')":                                                         true,
		"ALTER TABLE bundles ADD COLUMN a TEXT NOT NULL":                                                                   false,
		"ALTER TABLE bundles ADD COLUMN a TEXT UNIQUE":                                                                     false,
		"CREATE UNIQUE INDEX i ON bundles (email)":                                                                         false,
		"INSERT INTO bundles (sid) VALUES ('BU')":                                                                          false,
		"INSERT INTO bundles (sid) SELECT sid FROM accounts WHERE TRUE ON CONFLICT (sid) DO NOTHING":                       true,
		"INSERT INTO bundles (sid) SELECT sid FROM accounts WHERE TRUE ON CONFLICT (sid) DO UPDATE SET email = ''":         false,
		"UPDATE bundles SET email = ''":                                                                                    false,
		"DROP INDEX bundles_due":                                                                                           false,
		"ALTER TABLE bundles RENAME TO b":                                                                                  false,
		"ALTER TABLE bundles DROP COLUMN email;\nUPDATE schema_compatibility SET oldest_program = 11":                      true,
		"ALTER TABLE bundles DROP COLUMN email;\nUPDATE schema_compatibility SET oldest_program = 12":                      false,
		"ALTER TABLE bundles DROP COLUMN email;\nUPDATE schema_compatibility SET oldest_program = 7":                       false,
		"ALTER TABLE bundles ADD COLUMN a TEXT;\nALTER TABLE notices ADD COLUMN a TEXT":                                    false,
		"CREATE INDEX i ON bundles (a);\nCREATE INDEX j ON notices (a)":                                                    false,
		"CREATE TABLE t (a TEXT);\nCREATE INDEX i ON t (a);\nCREATE INDEX j ON notices (a)":                                true,
		"UPDATE schema_compatibility SET oldest_program = 11;\nDROP TABLE t;\nDROP TABLE u":                                false,
		"UPDATE schema_compatibility SET oldest_program = 11;\nDROP TABLE t":                                               true,
	} {
		if err := checkMigration(12, text); (err == nil) != ok {
			t.Errorf("%s\nis said to be fine: %t, want %t: %v", text, err == nil, ok, err)
		}
	}
}
