package store

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"strings"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// Credential is what authenticates a caller: a user name, and the SHA-256 of each password that goes with it.
type Credential struct {
	Username   string // the SID of the account, or of its API key
	AccountSID string
	hashes     [2][sha256.Size]byte // a zero one matches no password
}

// Accepts reports whether the password goes with the user name. It takes the same time for every password and every credential,
// the zero one included.
func (c Credential) Accepts(password string) bool {
	got := sha256.Sum256([]byte(password))
	return subtle.ConstantTimeCompare(got[:], c.hashes[0][:])|subtle.ConstantTimeCompare(got[:], c.hashes[1][:]) == 1
}

// credential returns how callers authenticate as the account.
func (a Account) credential() Credential {
	c := Credential{Username: a.SID, AccountSID: a.SID}
	for i, token := range []string{a.AuthToken, a.SecondaryToken} {
		if token != "" {
			c.hashes[i] = sha256.Sum256([]byte(token))
		}
	}
	return c
}

// Credential returns the credential with this user name, or ErrNotFound. It returns Account.TokenErr if the tokens cannot be
// decrypted.
func (s *Store) Credential(ctx context.Context, username string) (Credential, error) {
	if strings.HasPrefix(username, trust.APIKeyPrefix) {
		return s.apiKeyCredential(ctx, username)
	}
	account, err := s.Account(ctx, username)
	if err == nil {
		err = account.TokenErr
	}
	return account.credential(), err
}

// Credentials returns all credentials but those that cannot be decrypted.
func (s *Store) Credentials(ctx context.Context) ([]Credential, error) {
	accounts, err := s.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	all, err := s.apiKeyCredentials(ctx)
	for _, account := range accounts {
		if account.TokenErr == nil {
			all = append(all, account.credential())
		}
	}
	return all, err
}

// CredentialsVersion changes whenever this process changes a credential. A cache compares it.
func (s *Store) CredentialsVersion() int64 { return s.version.Load() }
