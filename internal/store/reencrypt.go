package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/opentrusthub/trusthub/internal/secrets"
)

// reencryptStep is how many accounts ReencryptTokens reads at once and changes in one transaction.
const reencryptStep = 100

// ErrUnreadable means that some auth tokens cannot be decrypted.
var ErrUnreadable = errors.New("auth tokens cannot be decrypted")

// TokenKeys says how the auth tokens in a database are stored. A token is a primary or a secondary one.
type TokenKeys struct {
	Encrypted  map[string]int // tokens by the ID of their key
	Plain      int            // tokens that are not encrypted
	Unreadable int            // encrypted tokens that the keys cannot decrypt
	Errors     []error        // why, for the first of these, with their accounts
}

// maxTokenErrors is how many errors TokenKeys has.
const maxTokenErrors = 10

// TokenKeys reads all auth tokens and decrypts those that are encrypted.
func (s *Store) TokenKeys(ctx context.Context) (TokenKeys, error) {
	found := TokenKeys{Encrypted: map[string]int{}}
	err := s.eachTokens(ctx, func(all []storedTokens) error {
		for _, of := range all {
			for _, stored := range []string{of.primary, of.secondary} {
				s.countToken(&found, of.accountSID, stored)
			}
		}
		return nil
	})
	return found, err
}

func (s *Store) countToken(found *TokenKeys, accountSID, stored string) {
	switch {
	case stored == "":
		return
	case !secrets.Sealed(stored):
		found.Plain++
		return
	}
	if id, err := secrets.KeyID(stored); err == nil {
		found.Encrypted[id]++
	}
	if _, err := s.openToken(accountSID, stored); err != nil {
		if found.Unreadable++; found.Unreadable <= maxTokenErrors {
			found.Errors = append(found.Errors, err)
		}
	}
}

// ReencryptTokens encrypts all auth tokens and then the check value with the first key, and returns how many tokens it changed.
// In a database whose tokens are not encrypted it turns that on first. Others may use the database meanwhile, and change tokens.
// If it is interrupted, the same call does the rest. It returns ErrUnreadable if it had to leave tokens as they are; the check
// value stays as it is then, too.
//
// On SQLite, call Scrub after it: the old texts are left in free space.
func (s *Store) ReencryptTokens(ctx context.Context) (changed int, err error) {
	if s.keys == nil {
		return 0, errors.New("encrypting auth tokens requires keys")
	}
	check, err := s.storeCheck(ctx)
	if err == nil {
		err = s.checkKeys(check)
	}
	if err != nil {
		return 0, err
	}
	s.encrypted.Store(true)
	const tries = 100
	for range tries {
		step, missed, err := s.reencryptAll(ctx)
		if changed += step; err != nil {
			return changed, err
		}
		if missed == 0 {
			return changed, s.reencryptCheck(ctx, check)
		}
	}
	return changed, fmt.Errorf("%w: others change auth tokens all the time", ErrUnavailable)
}

// reencryptAll goes through all accounts once. missed counts the accounts that others changed at the same time.
func (s *Store) reencryptAll(ctx context.Context) (changed, missed int, err error) {
	unreadable := 0
	err = s.eachTokens(ctx, func(all []storedTokens) error {
		var changes []tokenChange
		for _, old := range all {
			change, failed := s.reencrypt(old)
			unreadable += failed
			if change.tokens > 0 {
				changes = append(changes, change)
			}
		}
		if len(changes) == 0 {
			return nil
		}
		done, failed, err := s.storeChanges(ctx, changes)
		changed, missed = changed+done, missed+failed
		return err
	})
	if err == nil && missed == 0 && unreadable > 0 {
		err = fmt.Errorf("%d %w", unreadable, ErrUnreadable)
	}
	return changed, missed, err
}

// storedTokens are the tokens of an account as they are stored.
type storedTokens struct{ accountSID, primary, secondary string }

// tokenChange is a change of how the tokens of an account are stored.
type tokenChange struct {
	from, to storedTokens
	tokens   int // that it changes
}

// reencrypt returns the change that encrypts the tokens of an account with the first key, and how many cannot be decrypted.
func (s *Store) reencrypt(old storedTokens) (change tokenChange, unreadable int) {
	change = tokenChange{from: old, to: old}
	for _, stored := range []*string{&change.to.primary, &change.to.secondary} {
		token, err := s.openToken(old.accountSID, *stored)
		if err != nil {
			unreadable++
			continue
		}
		if id, _ := secrets.KeyID(*stored); token != "" && id != s.keys.IDs()[0] { // a plain one has no ID
			*stored = s.keys.Seal(accountRow(old.accountSID), token)
			change.tokens++
		}
	}
	return change, unreadable
}

// storeChanges stores changes in one transaction, except those of accounts whose tokens are no longer as they were read.
func (s *Store) storeChanges(ctx context.Context, changes []tokenChange) (tokens, missed int, err error) {
	err = s.write(ctx, func(tx session) error {
		tokens, missed = 0, 0
		for _, c := range changes {
			rows, err := tx.exec(`UPDATE accounts SET auth_token = $1, secondary_token = $2
				WHERE sid = $3 AND auth_token = $4 AND secondary_token = $5`,
				c.to.primary, c.to.secondary, c.from.accountSID, c.from.primary, c.from.secondary)
			if err != nil {
				return err
			}
			if rows == 0 {
				missed++
			} else {
				tokens += c.tokens
			}
		}
		return nil
	})
	if err != nil {
		return 0, 0, err
	}
	return tokens, missed, nil
}

// reencryptCheck encrypts the check value with the first key.
func (s *Store) reencryptCheck(ctx context.Context, check string) error {
	if id, err := secrets.KeyID(check); err == nil && id == s.keys.IDs()[0] {
		return nil
	}
	_, err := s.exec(ctx, `UPDATE settings SET value = $1 WHERE name = $2 AND value = $3`,
		s.keys.Seal(checkRow, checkText), checkSetting, check)
	return err
}

// eachTokens calls fn with the stored tokens of all accounts, some at a time.
func (s *Store) eachTokens(ctx context.Context, fn func([]storedTokens) error) error {
	after := ""
	for {
		all, err := queryAll(s.read(ctx), func(row scanner) (t storedTokens, err error) {
			return t, row.Scan(&t.accountSID, &t.primary, &t.secondary)
		}, `SELECT sid, auth_token, secondary_token FROM accounts WHERE sid > $1 ORDER BY sid LIMIT $2`, after, reencryptStep)
		if err != nil || len(all) == 0 {
			return s.classify(err)
		}
		if err := fn(all); err != nil {
			return err
		}
		after = all[len(all)-1].accountSID
	}
}
