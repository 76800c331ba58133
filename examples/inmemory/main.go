// Command inmemory serves the Trust Products contract with its own backend, which keeps the products in a slice.
//
//	go run ./examples/inmemory
//
// It shows what an implementer writes and what api.New provides. The implementer writes the operations (backend.go, list.go),
// the check of credentials, and the mapping of the backend's errors to error codes (below). api.New provides authentication
// of each request, validation against openapi.yaml, error bodies, CORS, limits, request ids and the log. The backend gets
// only valid requests of known accounts.
//
// There is no review, so products stay drafts. Nothing is stored on disk.
package main

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"flag"
	"log"
	"log/slog"
	"net/http"
	"time"

	"github.com/opentrusthub/trusthub/api"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "address to listen on")
	flag.Parse()
	const sid, token = "AC0123456789abcdef0123456789abcdef", "example"
	handler, err := newHandler(newBackend(time.Now), accounts{sid: token}, slog.Default())
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("try: curl -u %s:%s http://%s/v1/TrustProducts -d FriendlyName=Acme -d Email=a@acme.example "+
		"-d PolicySid=RN7a97559effdf62d00f4298208492a5ea", sid, token, *listen)
	server := &http.Server{Addr: *listen, Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}

// newHandler mounts the backend.
func newHandler(b *backend, known accounts, logger *slog.Logger) (http.Handler, error) {
	return api.New(b, api.Config{
		Authenticate: known.authenticate,
		MapError:     mapError,
		MaxBodyBytes: 16 << 10,
		Logger:       logger,
	})
}

// accounts has the auth tokens of the accounts, by account SID.
type accounts map[string]string

// authenticate compares hashes, which takes the same time for any password and for unknown accounts.
func (a accounts) authenticate(_ context.Context, username, password string) (string, error) {
	token, known := a[username]
	want, got := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(password))
	if subtle.ConstantTimeCompare(want[:], got[:]) == 0 || !known {
		return "", api.ErrUnauthenticated
	}
	return username, nil
}

// mapError returns the API error for an error of the backend. A nil result is a 500, with the cause in the log.
func mapError(err error) *api.Error {
	switch {
	case errors.Is(err, errNotFound):
		return api.NewError(api.CodeNotFound, "", err)
	case errors.Is(err, errNoReview):
		return api.NewError(api.CodeInvalidState, "User cannot perform this status update", err)
	case errors.Is(err, errKeyReused):
		return api.NewError(api.CodeConflict, "The Idempotency-Key was used with another request", err)
	}
	return nil
}
