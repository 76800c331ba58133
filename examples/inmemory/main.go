// Command inmemory serves the Trust Products contract with a backend of its own: products in a slice, nothing on disk.
//
//	go run ./examples/inmemory
//
// It shows what an implementer writes, and what comes with api.New. Written here are what becomes of a product (backend.go,
// list.go), who may call, and which error code each of the backend's own errors has (below). Authentication of each request,
// validation against openapi.yaml, error bodies, CORS, limits, request ids and the log come along: a request that arrives in
// the backend is valid, and its account is known.
//
// There is no review here, so that products stay drafts, and it forgets everything when it ends.
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

// accounts are the auth tokens of those who may call, by account SID.
type accounts map[string]string

// authenticate compares hashes, which takes the same time whatever was sent and for an account that there is not.
func (a accounts) authenticate(_ context.Context, username, password string) (string, error) {
	token, known := a[username]
	want, got := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(password))
	if subtle.ConstantTimeCompare(want[:], got[:]) == 0 || !known {
		return "", api.ErrUnauthenticated
	}
	return username, nil
}

// mapError says how the backend's errors are answered. One that it does not know becomes a 500, with its cause in the log.
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
