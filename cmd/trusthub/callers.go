package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"github.com/opentrusthub/trusthub/internal/app"
	"github.com/opentrusthub/trusthub/internal/store"
)

// callerFlags are about callers and what they send: limits before and after they have authenticated, and the request log.
type callerFlags struct {
	MaxConnections           connectionLimit `default:"4096" env:"TRUSTHUB_MAX_CONNECTIONS" help:"Maximum number of open connections. At the maximum, idle ones and those without valid credentials are closed in favor of new ones."`
	MaxConnectionsPerAddress connectionLimit `default:"1024" env:"TRUSTHUB_MAX_CONNECTIONS_PER_ADDRESS" help:"Maximum number of open connections from one IPv4 address or IPv6 /64 network. It does not apply to loopback and --trusted-proxies."`
	MaxConcurrent            limit           `default:"0" env:"TRUSTHUB_MAX_CONCURRENT" help:"Maximum number of requests of an account that this server answers at a time; more get 429. With several servers, it applies to each. 0 means no limit."`
	MaxRate                  rate            `default:"0" env:"TRUSTHUB_MAX_RATE" placeholder:"N/s" help:"Maximum number of requests of an account in a second, for example 100/s; more get 429. As many can come at once. With several servers, it applies to each. 0 means no limit."`
	RequestLog               requestCount    `default:"1000" env:"TRUSTHUB_REQUEST_LOG" help:"How many of the latest requests of each account are kept in memory, with their parameters and the reason if they were refused, but at most 2 MB for each account and 64 MB in total. 0 keeps none."`
	TrustedProxies           []addresses     `env:"TRUSTHUB_TRUSTED_PROXIES" placeholder:"CIDR" help:"Address ranges of the proxies in front of this server, for example 10.0.0.5/32. X-Forwarded-For is trusted only from them."`
}

// connectionLimit is a flag for a number of connections that is large enough for the server to divide among its callers.
type connectionLimit int

// UnmarshalText reads "1024".
func (l *connectionLimit) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(string(text))
	if err != nil || n < app.MinConnections {
		return fmt.Errorf("must be a whole number of at least %d", app.MinConnections)
	}
	*l = connectionLimit(n)
	return nil
}

// requestCount is a flag for a number of requests.
type requestCount int

// UnmarshalText reads "1000".
func (c *requestCount) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 0 {
		return errors.New("must be a whole number, or 0 for none")
	}
	*c = requestCount(n)
	return nil
}

// rate is a flag for a number of requests in a second; 0 means no limit.
type rate int

// UnmarshalText reads "100/s".
func (r *rate) UnmarshalText(text []byte) error {
	number, perSecond := strings.CutSuffix(string(text), "/s")
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 || n > maxRate || perSecond != (n > 0) {
		return fmt.Errorf("must be a whole number of at most %d and /s, such as 100/s, or 0 for no limit", maxRate)
	}
	*r = rate(n)
	return nil
}

// maxRate is more than any server answers.
const maxRate = 1_000_000

// limits returns the limits of each account.
func (f callerFlags) limits() app.Limits {
	return app.Limits{Concurrent: int(f.MaxConcurrent), PerSecond: int(f.MaxRate)}
}

// minTokenLength is the length below which a token can be guessed. Those that the server generates have 32 characters.
const minTokenLength = 16

// maxNamed limits how many accounts a warning names.
const maxNamed = 10

// warnOfShortTokens logs which accounts have a token that could be guessed.
func warnOfShortTokens(ctx context.Context, db *store.Store, log *slog.Logger) error {
	accounts, err := db.Accounts(ctx)
	if err != nil {
		return err
	}
	count, named := 0, []string(nil)
	for _, account := range accounts {
		if len(account.AuthToken) >= minTokenLength || account.TokenErr != nil {
			continue
		}
		if count++; count <= maxNamed {
			named = append(named, account.SID)
		}
	}
	if count > 0 {
		log.Warn("auth tokens shorter than 16 characters can be guessed: give these accounts longer ones", "accounts", count, "account_sids", named)
	}
	return nil
}
