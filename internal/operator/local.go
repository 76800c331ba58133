package operator

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/internal/mail"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// localValidity is how long an approval is valid that does not say so itself, as with a server that is not told otherwise.
const localValidity = 365 * 24 * time.Hour

// Local returns a transport that serves the operator API on a store within the process, for a program that has the database but
// no server. It adds the credentials itself, whatever the host of a request. It has no requests of customers, no streams and no
// test mode.
func Local(s *store.Store, mails mail.Composer, now func() time.Time, log *slog.Logger) (http.RoundTripper, error) {
	token := rand.Text()
	o := New(s, Requests{}, mails, trust.Policy{ValidFor: localValidity}, now, nil)
	o.unlogged = true
	handler, err := api.NewOperator(o, api.Config{
		Authenticate: api.OperatorToken(token), MapError: MapError, Logger: log,
	})
	return local{handler, "Bearer " + token}, err
}

type local struct {
	handler       http.Handler
	authorization string
}

// RoundTrip calls the handler, and returns when it does.
func (l local) RoundTrip(r *http.Request) (*http.Response, error) {
	if api.IsStream(r) {
		return nil, errors.New("a stream needs a server")
	}
	request := r.Clone(r.Context())
	request.Header.Set("Authorization", l.authorization)
	request.Host = r.URL.Host
	if request.Body == nil {
		request.Body = http.NoBody // a handler may read it
	}
	w := &responseBuffer{header: http.Header{}, status: http.StatusOK}
	l.handler.ServeHTTP(w, request)
	if err := context.Cause(r.Context()); err != nil {
		return nil, err
	}
	return &http.Response{
		Status: http.StatusText(w.status), StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
	}, nil
}

// responseBuffer is an http.ResponseWriter that keeps the response.
type responseBuffer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (b *responseBuffer) Header() http.Header         { return b.header }
func (b *responseBuffer) WriteHeader(status int)      { b.status = status }
func (b *responseBuffer) Write(p []byte) (int, error) { return b.body.Write(p) }
