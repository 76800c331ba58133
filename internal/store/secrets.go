package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/opentrusthub/trusthub/internal/secrets"
)

var (
	// ErrKeysMissing means that auth tokens in the database are encrypted, and that Options.Keys has no keys.
	ErrKeysMissing = errors.New("the auth tokens in the database are encrypted, and no keys were given")
	// ErrWrongKeys means that Options.Keys lacks the key of the database.
	ErrWrongKeys = errors.New("the keys that were given are not those of the database")
)

const (
	// checkSetting is the name of a setting that is encrypted. If a database has it, auth tokens are to be encrypted, and
	// keys that do not decrypt it are not those of the database.
	checkSetting = "secrets_check"
	checkRow     = "settings/" + checkSetting
	checkText    = "trusthub"
	// encryptingSchema is the schema of the oldest program that can read encrypted auth tokens.
	encryptingSchema = 16
)

// accountRow returns what binds an auth token to its account. The tokens of an account share it, so that SQL can promote one.
func accountRow(sid string) string { return "accounts/" + sid }

// unlock checks the keys against the database. In one that Open may change, keys turn encryption on.
func (s *Store) unlock(ctx context.Context, o Options) error {
	s.keys = o.Keys
	check, err := s.setting(ctx, checkSetting)
	if err == nil && check == "" && s.keys != nil && (o.Access == Migrate || s.found == 0) {
		check, err = s.storeCheck(ctx)
	}
	if err != nil || check == "" {
		return err
	}
	s.encrypted.Store(true)
	if o.Access == Migrate { // the database may be a copy, which does not say it yet
		if _, err := s.exec(ctx, refuseOlder, encryptingSchema); err != nil {
			return err
		}
	}
	if s.keys == nil {
		if o.KeysOptional {
			return nil
		}
		return ErrKeysMissing
	}
	return s.checkKeys(check)
}

// checkKeys returns ErrWrongKeys unless the keys decrypt the check value.
func (s *Store) checkKeys(check string) error {
	id, err := secrets.KeyID(check)
	if err == nil {
		_, err = s.keys.Open(checkRow, check)
	}
	switch given := strings.Join(s.keys.IDs(), ", "); {
	case err == nil:
		return nil
	case errors.Is(err, secrets.ErrUnknownKey):
		return fmt.Errorf("%w: it needs the key %s, and was given %s", ErrWrongKeys, id, given)
	default:
		return fmt.Errorf("%w: its check value cannot be decrypted: %w", ErrWrongKeys, err)
	}
}

// refuseOlder keeps out programs that would take an encrypted token for a plain one.
const refuseOlder = `UPDATE ` + compatibilityTable + ` SET oldest_program = $1 WHERE oldest_program < $1`

// storeCheck turns encryption on: it stores the check value unless there is one, and returns the one that is stored.
func (s *Store) storeCheck(ctx context.Context) (string, error) {
	err := s.write(ctx, func(tx session) error {
		if _, err := tx.exec(refuseOlder, encryptingSchema); err != nil {
			return err
		}
		_, err := settings.execInsert(tx, settings.insertOne+` ON CONFLICT (name) DO NOTHING`,
			setting{checkSetting, s.keys.Seal(checkRow, checkText)})
		return err
	})
	if err != nil {
		return "", err
	}
	return s.setting(ctx, checkSetting)
}

// sealToken returns the form in which an auth token of an account is stored: encrypted, if that is on in the database. The empty
// token stands for none and stays empty.
func (s *Store) sealToken(accountSID, token string) (string, error) {
	switch {
	case token == "" || !s.encrypted.Load():
		return token, nil
	case s.keys == nil:
		return "", ErrKeysMissing
	}
	return s.keys.Seal(accountRow(accountSID), token), nil
}

// openToken returns an auth token of an account, given its stored form.
func (s *Store) openToken(accountSID, stored string) (string, error) {
	if !secrets.Sealed(stored) {
		return stored, nil
	}
	token, err := s.keys.Open(accountRow(accountSID), stored)
	if err != nil {
		return "", fmt.Errorf("the auth token of account %s cannot be decrypted: %w", accountSID, err)
	}
	return token, nil
}

// sealAccount returns an account as it is stored.
func (s *Store) sealAccount(a Account) (_ Account, err error) {
	if a.AuthToken, err = s.sealToken(a.SID, a.AuthToken); err != nil {
		return a, err
	}
	a.SecondaryToken, err = s.sealToken(a.SID, a.SecondaryToken)
	return a, err
}

// openAccount returns an account that was read. One that cannot be decrypted has no tokens, and says why.
func (s *Store) openAccount(a Account) Account {
	primary, err := s.openToken(a.SID, a.AuthToken)
	secondary, secondErr := s.openToken(a.SID, a.SecondaryToken)
	if a.TokenErr = cmp.Or(err, secondErr); a.TokenErr != nil {
		primary, secondary, a.sealedSecondary = "", "", a.SecondaryToken != ""
	}
	a.AuthToken, a.SecondaryToken = primary, secondary
	return a
}

// scanAccount scans an account and decrypts its tokens.
func (s *Store) scanAccount(row scanner) (Account, error) {
	a, err := accounts.scan(row)
	return s.openAccount(a), err
}
