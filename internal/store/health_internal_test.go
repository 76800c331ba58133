package store

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

var someTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// Health notices a schema that does not serve this program any more, whoever has changed it.
func TestHealthOfTheSchema(t *testing.T) {
	for name, c := range map[string]struct {
		change []string
		well   bool
	}{
		"newer, and serves this program": {[]string{nextVersion}, true},
		"newer, and does not":            {[]string{nextVersion, removes}, false},
		"older":                          {[]string{`DELETE FROM goose_db_version WHERE version_id > 1`}, false},
		"no tables":                      {[]string{`DROP TABLE notices`}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, name string) {
				s, err := Open(t.Context(), name, Options{})
				must(t, err)
				defer func() { must(t, s.Close()) }()
				must(t, s.Health(t.Context(), someTime))
				execute(c.change...)(t, name)
				if err := s.Health(t.Context(), someTime); (err == nil) != c.well {
					t.Errorf("its health is %v", err)
				}
			})
		})
	}
}

// Health notices a file that is gone or another one, and that it has come back.
func TestHealthOfTheFile(t *testing.T) {
	s := openFile(t)
	away := s.file.path + ".away"
	must(t, os.Rename(s.file.path, away))
	if err := s.Health(t.Context(), someTime); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is gone: %v", err)
	}
	migrateTo(latest())(t, s.file.path)
	if err := s.Health(t.Context(), someTime); err == nil || !strings.Contains(err.Error(), "replaced") {
		t.Errorf("the file is another one: %v", err)
	}
	must(t, os.Rename(away, s.file.path))
	must(t, s.Health(t.Context(), someTime))
}

// Health commits to see whether it can, once in writeInterval however often it is asked, and tells what came of it until then.
func TestHealthOfTheDisk(t *testing.T) {
	s := openFile(t)
	look, err := s.reader.Conn(t.Context())
	must(t, err)
	defer look.Close() //nolint:errcheck // it has only read
	// commits is a number that changes when another connection commits.
	commits := func() (n int) {
		must(t, look.QueryRowContext(t.Context(), `PRAGMA data_version`).Scan(&n))
		return n
	}
	now := someTime
	for range 3 {
		before := commits()
		must(t, s.Health(t.Context(), now))
		after := commits()
		if after == before {
			t.Error("nothing was committed")
		}
		askOften(t, s, now)
		now = now.Add(writeInterval - 1)
		askOften(t, s, now)
		if commits() != after {
			t.Errorf("it committed again within %v", writeInterval)
		}
		now = now.Add(1)
	}

	readOnly := func(on string) {
		must(t, s.write(t.Context(), func(tx session) error {
			_, err := tx.exec(`PRAGMA query_only = ` + on) // from here on no write is taken
			return err
		}))
	}
	readOnly("1")
	first := s.Health(t.Context(), now)
	readOnly("0")
	second := s.Health(t.Context(), now)
	if !errors.Is(first, ErrUnavailable) || !errors.Is(second, ErrUnavailable) {
		t.Errorf("where nothing can be written: %v, then %v, want ErrUnavailable", first, second)
	}
	must(t, s.Health(t.Context(), now.Add(writeInterval)))
}

func askOften(t *testing.T, s *Store, now time.Time) {
	t.Helper()
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if err := s.Health(t.Context(), now); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}
