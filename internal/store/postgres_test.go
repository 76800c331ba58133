package store_test

import (
	"database/sql"
	"net/url"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/test/kit/pgtest"
)

// TestEncoding refuses databases that could not keep what a receiver answers in another language.
func TestEncoding(t *testing.T) {
	at, err := url.Parse(pgtest.New(t))
	check(t, err)
	db, err := sql.Open("pgx", at.String())
	check(t, err)
	defer db.Close() //nolint:errcheck // what matters has been committed
	template := strings.TrimPrefix(at.Path, "/")
	for _, encoding := range []string{"EUC_JP", "SQL_ASCII", "LATIN1"} {
		name := template + "_" + strings.ToLower(encoding)
		_, err := db.ExecContext(t.Context(), `CREATE DATABASE `+name+` ENCODING '`+encoding+`' LOCALE 'C' TEMPLATE template0`)
		check(t, err)
		at.Path = "/" + name
		s, err := store.Open(t.Context(), at.String(), store.Options{})
		if err == nil {
			closeStore(t, s)
		}
		if want := "its encoding is " + encoding + ", and must be UTF8"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", encoding, err)
		}
		_, err = db.ExecContext(t.Context(), `DROP DATABASE `+name+` WITH (FORCE)`)
		check(t, err)
	}
}
