package store

import (
	"context"
	"errors"
)

var (
	// ErrSecondaryToken means that the account has a secondary token already, which a new one would end.
	ErrSecondaryToken = errors.New("the account has a secondary token")
	// ErrNoSecondaryToken means that the account has no secondary token to promote.
	ErrNoSecondaryToken = errors.New("the account has no secondary token")
)

// RotateToken gives the account a secondary token, which is accepted beside the primary one. If the account has one already, it
// is replaced if replace is set; otherwise the error is ErrSecondaryToken. For an unknown account it is ErrNotFound.
func (s *Store) RotateToken(ctx context.Context, accountSID, token string, replace bool) error {
	token, err := s.sealToken(accountSID, token)
	if err != nil {
		return err
	}
	err = s.write(ctx, func(tx session) error {
		a, err := accounts.fetch(tx, nil, accountSID, s.engine.lockRow)
		switch {
		case err != nil:
			return err
		case a.SecondaryToken != "" && !replace:
			return ErrSecondaryToken
		}
		_, err = tx.exec(`UPDATE accounts SET secondary_token = $1 WHERE sid = $2`, token, accountSID)
		return err
	})
	s.version.Add(1)
	return err
}

// PromoteToken makes the secondary token of the account its primary one. The old primary token ends. The error is
// ErrNoSecondaryToken if the account has none, and ErrNotFound for an unknown account.
func (s *Store) PromoteToken(ctx context.Context, accountSID string) (promoted Account, err error) {
	err = s.write(ctx, func(tx session) error {
		changed, err := promote(tx, accountSID)
		if err != nil {
			return err
		}
		if promoted, err = accounts.fetch(tx, nil, accountSID, ""); err == nil && changed == 0 {
			err = ErrNoSecondaryToken
		}
		return err
	})
	s.version.Add(1)
	return s.openAccount(promoted), err
}

// promote moves the text of the secondary token, and returns how many accounts have changed.
func promote(tx session, accountSID string) (changed int64, err error) {
	return tx.exec(`UPDATE accounts SET auth_token = secondary_token, secondary_token = ''
		WHERE sid = $1 AND secondary_token <> ''`, accountSID)
}

// setToken gives an existing account another primary token, which is stored in the sealed form. If it is the account's secondary
// one, that is promoted; otherwise the secondary one remains. A token that the account has already keeps its stored form: it may
// be plain, and servers that have not been given keys yet go on reading it.
func (s *Store) setToken(tx session, a Account, sealed string) error {
	stored, err := accounts.fetch(tx, nil, a.SID, s.engine.lockRow)
	old := s.openAccount(stored)
	switch {
	case err != nil:
		return err
	case a.AuthToken == old.SecondaryToken:
		_, err = promote(tx, a.SID)
	case a.AuthToken != old.AuthToken:
		_, err = tx.exec(`UPDATE accounts SET auth_token = $1 WHERE sid = $2`, sealed, a.SID)
	}
	return err
}
