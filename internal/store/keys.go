package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
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

// credential returns how callers authenticate with the key.
func (k APIKey) credential() (Credential, error) {
	c := Credential{Username: k.SID, AccountSID: k.AccountSID}
	hash, err := hex.DecodeString(k.secretHash)
	if err != nil || len(hash) != len(c.hashes[0]) {
		return Credential{}, errors.New("api_keys: invalid secret_hash of " + k.SID)
	}
	copy(c.hashes[0][:], hash)
	return c, nil
}

// AddAPIKey stores a new key with the hash of its secret. It returns ErrNotFound for an unknown account and ErrTooManyAPIKeys.
func (s *Store) AddAPIKey(ctx context.Context, k APIKey, secret string) error {
	hash := sha256.Sum256([]byte(secret))
	k.secretHash = hex.EncodeToString(hash[:])
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

// APIKeys returns up to limit keys of an account whose SIDs are behind after, in the order of their SIDs, which is that of their
// times.
func (s *Store) APIKeys(ctx context.Context, accountSID, after string, limit int) ([]APIKey, error) {
	all, err := queryAll(s.read(ctx), apiKeys.scan, `SELECT `+apiKeys.list+` FROM api_keys
		WHERE account_sid = $1 AND sid > $2 ORDER BY sid LIMIT $3`, accountSID, after, limit)
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

// fromKeys selects all keys. A key counts only with its account: a server of an earlier version, which does not know of
// keys, may have erased that.
const fromKeys = ` FROM api_keys WHERE EXISTS (SELECT 1 FROM accounts WHERE accounts.sid = account_sid)`

// apiKeyCredential returns the credential of a key, or ErrNotFound.
func (s *Store) apiKeyCredential(ctx context.Context, sid string) (Credential, error) {
	k, err := apiKeys.scan(session{ctx, s.logins}.row(`SELECT `+apiKeys.list+fromKeys+` AND sid = $1`, sid))
	if err != nil {
		return Credential{}, s.classify(err)
	}
	return k.credential()
}

// apiKeyCredentials returns the credentials of all keys.
func (s *Store) apiKeyCredentials(ctx context.Context) ([]Credential, error) {
	keys, err := queryAll(s.read(ctx), apiKeys.scan, `SELECT `+apiKeys.list+fromKeys)
	if err != nil {
		return nil, s.classify(err)
	}
	all := make([]Credential, len(keys))
	for i, k := range keys {
		if all[i], err = k.credential(); err != nil {
			return nil, err
		}
	}
	return all, nil
}
