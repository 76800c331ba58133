package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/opentrusthub/trusthub/internal/app"
	"github.com/opentrusthub/trusthub/internal/signature"
)

type listenCmd struct {
	Port       int      `default:"9090" help:"Port on 127.0.0.1 to listen on; 0 chooses a free one."`
	AuthTokens []string `name:"auth-token" env:"TWILIO_AUTH_TOKEN" placeholder:"TOKEN" help:"Auth token that callbacks are signed with. Can be repeated, or list several, separated by commas: while tokens are rotated, some callbacks are signed with the old one and some with the new one. Prefer the variable: other users of the machine can see the command line."`
	Answer     int      `default:"204" help:"HTTP status to respond with, for example 500 to see a retry."`
	Stall      span     `placeholder:"DURATION" help:"How long to wait before responding, for example 20s to see a timeout."`
}

// Run prints each callback that arrives until ctx ends.
func (c *listenCmd) Run(ctx context.Context, s streams) error {
	if slices.Contains(c.AuthTokens, "") || len(c.AuthTokens) == 0 { // anyone can sign with an empty one
		return errors.New("missing auth token: set TWILIO_AUTH_TOKEN or --auth-token to that of the server's account")
	}
	if c.Answer < 200 || c.Answer > 599 {
		return errors.New("--answer must be an HTTP status from 200 to 599")
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(c.Port)))
	if err != nil {
		return err
	}
	fmt.Fprintf(s.err, "Listening for callbacks on http://%s\n", listener.Addr())
	receive := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.receive(ctx, w, r, s.out) })
	return app.ServeHandler(ctx, receive, listener, slog.New(slog.DiscardHandler))
}

// received is a callback as it is printed, in one line of JSON.
type received struct {
	SignatureValid bool              `json:"signature_valid"`
	Token          string            `json:"idempotency_token"`
	Answered       int               `json:"answered"`
	Form           map[string]string `json:"form"`
}

func (c *listenCmd) receive(ctx context.Context, w http.ResponseWriter, r *http.Request, out io.Writer) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil || r.Method != http.MethodPost {
		http.Error(w, "a callback must be a POST with a form", http.StatusBadRequest)
		return
	}
	callback := received{
		SignatureValid: slices.ContainsFunc(c.AuthTokens, func(token string) bool {
			return signature.Valid(token, "http://"+r.Host+r.URL.RequestURI(), r.PostForm, r.Header.Get(signature.Header))
		}),
		Token:    r.Header.Get("I-Twilio-Idempotency-Token"),
		Answered: c.Answer,
		Form:     map[string]string{},
	}
	for name := range r.PostForm {
		callback.Form[name] = r.PostForm.Get(name)
	}
	line, err := json.Marshal(callback)
	if err != nil {
		http.Error(w, "cannot print the callback", http.StatusInternalServerError)
		return
	}
	fmt.Fprintln(out, string(line))
	select {
	case <-time.After(time.Duration(c.Stall)):
		w.WriteHeader(c.Answer)
	case <-r.Context().Done():
	case <-ctx.Done():
		http.Error(w, "the receiver is stopping", http.StatusServiceUnavailable)
	}
}
