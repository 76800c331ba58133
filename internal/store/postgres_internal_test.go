package store

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/test/kit/pgtest"
)

// A role that may not create tables gets an error at once. After another role has created them, it only needs to use them.
func TestRoleWithoutCreate(t *testing.T) {
	owner := pgtest.New(t)
	role := "trusthub_" + strings.ToLower(rand.Text())
	execute(`CREATE ROLE `+role, `REVOKE CREATE ON SCHEMA public FROM PUBLIC`)(t, owner)
	t.Cleanup(func() { execute(`DROP OWNED BY `+role, `DROP ROLE `+role)(t, owner) })
	asRole := withParameter(t, owner, "role", role)
	for _, access := range []Access{Migrate, Create} {
		_, err := Open(t.Context(), asRole, Options{Access: access})
		if err == nil || !strings.Contains(err.Error(), `the role "`+role+`" may not create tables in the schema "public"`) {
			t.Errorf("access %d: %v", access, err)
		}
	}
	migrateTo(latest())(t, owner)
	execute(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO `+role)(t, owner)
	s, err := Open(t.Context(), asRole, Options{})
	must(t, err)
	must(t, s.PutAccount(t.Context(), Account{SID: "AC1"}))
	must(t, s.Health(t.Context(), someTime))
	must(t, s.Close())
}

// A URL that names no schema that exists is not taken for an empty database.
func TestNoSchema(t *testing.T) {
	_, err := Open(t.Context(), withParameter(t, pgtest.New(t), "search_path", "nowhere"), Options{})
	if err == nil || !strings.Contains(err.Error(), "search_path") {
		t.Errorf("got %v", err)
	}
}

// What is wrong with a URL is said as far as that can be done without its password.
func TestURLThatCannotBeUsed(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing.pem")
	for query, want := range map[string]string{
		"sslmode=verify-full&sslrootcert=" + missing:                missing,
		"sslmode=require&sslcert=" + missing + "&sslkey=" + missing: missing,
		"sslmode=nonsense": "the database URL is invalid",
	} {
		_, err := Open(t.Context(), "postgres://user:secret@127.0.0.1:1/name?"+query, Options{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", query, err)
		}
		if want == missing && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: it does not say that the file is missing: %v", query, err)
		}
	}
}

func withParameter(t *testing.T, database, name, value string) string {
	t.Helper()
	u, err := url.Parse(database)
	must(t, err)
	query := u.Query()
	query.Set(name, value)
	u.RawQuery = query.Encode()
	return u.String()
}
