package main

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"

	"github.com/opentrusthub/trusthub/internal/app"
	"github.com/opentrusthub/trusthub/internal/store"
)

// callerFlags say who may take how much of the server before it is known who he is.
type callerFlags struct {
	MaxConnections           connectionLimit `default:"4096" env:"TRUSTHUB_MAX_CONNECTIONS" help:"Connections at a time. At the limit, idle ones and those without valid credentials are closed for new ones."`
	MaxConnectionsPerAddress connectionLimit `default:"1024" env:"TRUSTHUB_MAX_CONNECTIONS_PER_ADDRESS" help:"Of them from one IPv4 address or IPv6 /64 network; not for loopback and --trusted-proxies."`
	TrustedProxies           []addresses     `env:"TRUSTHUB_TRUSTED_PROXIES" placeholder:"CIDR" help:"Address ranges of the proxies before this server, for example 10.0.0.5/32. X-Forwarded-For is believed from them only."`
}

// connectionLimit is a number of connections that the server can share out.
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

// A token is what stands between a guesser and an account. Those that the server makes itself have 32 characters.
const (
	minTokenLength = 16
	maxNamed       = 10
)

// warnOfShortTokens logs which accounts could be guessed.
func warnOfShortTokens(ctx context.Context, db *store.Store, log *slog.Logger) error {
	accounts, err := db.Accounts(ctx)
	if err != nil {
		return err
	}
	count, named := 0, []string(nil)
	for _, account := range accounts {
		if len(account.AuthToken) >= minTokenLength {
			continue
		}
		if count++; count <= maxNamed {
			named = append(named, account.SID)
		}
	}
	if count > 0 {
		log.Warn("auth tokens of fewer than 16 characters can be guessed: give these accounts longer ones", "accounts", count, "account_sids", named)
	}
	return nil
}
