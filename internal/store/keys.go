package store

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"
)

// APIKey is a further credential of an account. Its user name is the SID.
type APIKey struct {
	SID          string
	AccountSID   string
	FriendlyName string
	Created      time.Time
	secretHash   string // SHA-256, in hex
}

var apiKeys = newTable(
	layout{name: "api_keys"},
	fixed(text("sid", func(k *APIKey) *string { return &k.SID })),
	fixed(text("account_sid", func(k *APIKey) *string { return &k.AccountSID })),
	fixed(text("friendly_name", func(k *APIKey) *string { return &k.FriendlyName })),
	fixed(text("secret_hash", func(k *APIKey) *string { return &k.secretHash })),
	fixed(moment("created_at", func(k *APIKey) *time.Time { return &k.Created })),
)

// MaxAPIKeys is how many keys an account can have.
const MaxAPIKeys = 100

// ErrTooManyAPIKeys means that the account has MaxAPIKeys keys already.
var ErrTooManyAPIKeys = fmt.Errorf("the account has %d API keys, which is the limit", MaxAPIKeys)

// AddAPIKey stores a new key with the hash of its secret. It returns ErrNotFound for an unknown account and ErrTooManyAPIKeys.
func (s *Store) AddAPIKey(ctx context.Context, k APIKey, secret string) error {
	k.secretHash = fmt.Sprintf("%x", sha256.Sum256([]byte(secret)))
	err := s.write(ctx, func(tx session) error {
		if _, err := accounts.fetch(tx, nil, k.AccountSID, s.engine.lockRow); err != nil { // one at a time, and no erased account
			return err
		}
		var count int
		if err := tx.row(`SELECT COUNT(*) FROM api_keys WHERE account_sid = $1`, k.AccountSID).Scan(&count); err != nil {
			return err
		}
		if count >= MaxAPIKeys {
			return ErrTooManyAPIKeys
		}
		return apiKeys.insert(tx, k)
	})
	s.version.Add(1)
	return err
}

// APIKeys returns the keys of an account, the oldest first.
func (s *Store) APIKeys(ctx context.Context, accountSID string) ([]APIKey, error) {
	all, err := queryAll(s.read(ctx), apiKeys.scan, `SELECT `+apiKeys.list+` FROM api_keys
		WHERE account_sid = $1 ORDER BY sid`, accountSID)
	return all, s.classify(err)
}

// RemoveAPIKey deletes a key, or returns ErrNotFound.
func (s *Store) RemoveAPIKey(ctx context.Context, sid string) error {
	removed, err := s.exec(ctx, `DELETE FROM api_keys WHERE sid = $1`, sid)
	s.version.Add(1)
	if err == nil && removed == 0 {
		err = ErrNotFound
	}
	return s.classify(err)
}
