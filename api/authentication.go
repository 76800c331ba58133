package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
)

// authScheme is a way to send credentials with a request.
type authScheme struct {
	credentials func(*http.Request) (username, password string, ok bool)
	challenge   string // WWW-Authenticate of a response with status 401
}

// The schemes of the two contracts.
var (
	basicAuth = authScheme{(*http.Request).BasicAuth, `Basic realm="Trust Hub", charset="UTF-8"`}
	bearer    = authScheme{bearerToken, `Bearer realm="Trust Hub operator"`}
)

// bearerToken returns the token of a request as a password without a user name.
func bearerToken(r *http.Request) (username, password string, ok bool) {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	return "", token, ok && strings.EqualFold(scheme, "Bearer") && token != ""
}

// OperatorToken returns a Config.Authenticate for NewOperator that accepts one token, which must not be empty.
func OperatorToken(token string) func(ctx context.Context, username, password string) (string, error) {
	want := sha256.Sum256([]byte(token))
	return func(_ context.Context, _, password string) (string, error) {
		// Hashes have the same length, so the comparison takes the same time for every token.
		got := sha256.Sum256([]byte(password))
		if subtle.ConstantTimeCompare(want[:], got[:]) == 0 || token == "" {
			return "", ErrUnauthenticated
		}
		return "operator", nil
	}
}
