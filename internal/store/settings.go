package store

import (
	"context"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// setting is a value that all servers on the database share.
type setting struct {
	name, value string
}

var settings = newTable(
	layout{name: "settings"},
	fixed(text("name", func(s *setting) *string { return &s.name })),
	text("value", func(s *setting) *string { return &s.value }),
)

// pageKeySetting is the name of the setting that PageKey returns.
const pageKeySetting = "page_key"

// PageKey returns the key that signs page tokens, which is random and the same for all servers on the database. It does not
// depend on an account's auth tokens, so that pages can be followed while these are rotated.
func (s *Store) PageKey(ctx context.Context) (string, error) {
	if key := s.pageKey.Load(); key != nil {
		return *key, nil
	}
	key, err := s.setting(ctx, pageKeySetting)
	if err != nil {
		return "", err
	}
	if key == "" { // the first page of this database
		if err := s.write(ctx, func(tx session) error {
			_, err := settings.execInsert(tx, settings.insertOne+` ON CONFLICT (name) DO NOTHING`,
				setting{pageKeySetting, trust.NewAuthToken()})
			return err
		}); err != nil {
			return "", err
		}
		if key, err = s.setting(ctx, pageKeySetting); err != nil { // which another server may have stored
			return "", err
		}
	}
	s.pageKey.Store(&key)
	return key, nil
}

// setting returns the value of a setting, or "" if it has not been stored.
func (s *Store) setting(ctx context.Context, name string) (string, error) {
	values, err := queryAll(s.read(ctx), scanString, `SELECT value FROM settings WHERE name = $1`, name)
	if err != nil || len(values) == 0 {
		return "", s.classify(err)
	}
	return values[0], nil
}
