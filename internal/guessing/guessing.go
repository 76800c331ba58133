// Package guessing limits the guessing of credentials, and what it costs the server.
//
// # What it guarantees
//
//   - After ten failures within a minute, more wrong credentials from the same address get 429 with Retry-After, at once. Right
//     ones always pass: callers who share the address with an attacker do not notice.
//   - Guesses from such an address cost no query each. They are compared with a copy of all credentials in memory, which is
//     refreshed at most once a second, and only during an attack.
//   - The memory for addresses is bounded, however many there are.
//
// # What it does not do
//
// It does not see requests without credentials, and it does not prevent a right guess: the length of the tokens does.
package guessing

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/internal/connections"
	"github.com/opentrusthub/trusthub/internal/store"
)

// Authenticator is an api.Config.Authenticate.
type Authenticator = func(ctx context.Context, username, password string) (accountSID string, err error)

// Limiter wraps an authenticator. It is safe for concurrent use.
type Limiter struct {
	next        Authenticator
	now         func() time.Time
	log         *slog.Logger
	failures    *failures
	credentials *credentials
}

// New returns a limiter that wraps next, for the credentials in the store.
func New(db *store.Store, next Authenticator, now func() time.Time, log *slog.Logger) *Limiter {
	return &Limiter{
		next: next, now: now, log: log, failures: newFailures(),
		credentials: &credentials{load: db.Credentials, version: db.CredentialsVersion, now: now},
	}
}

// Authenticate is an api.Config.Authenticate.
func (l *Limiter) Authenticate(ctx context.Context, username, password string) (string, error) {
	address := api.ClientAddress(ctx)
	network := connections.Network(address)
	if wait := l.failures.wait(network, l.now()); wait > 0 {
		right, err := l.credentials.right(ctx, username, password)
		switch {
		case err != nil:
			return "", err
		case !right:
			return "", tooMany(wait)
		}
	}
	account, err := l.next(ctx, username, password)
	if !errors.Is(err, api.ErrUnauthenticated) {
		return account, err
	}
	wait, last := l.failures.add(network, l.now())
	if wait > 0 { // others failed at the same time
		return "", tooMany(wait)
	}
	if last {
		l.log.Warn("an address sends wrong credentials: more of them get 429", "client_address", address.String())
	}
	return "", err
}

func tooMany(wait time.Duration) error {
	tooMany := api.NewError(api.CodeTooManyRequests, "Too many wrong credentials", nil)
	tooMany.RetryAfter = wait
	return tooMany
}
