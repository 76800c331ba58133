package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/opentrusthub/trusthub/api/client"
)

// callFlags are the flags of all commands that call a server. Credentials come from the environment only.
type callFlags struct {
	BaseURL string `name:"base-url" default:"http://127.0.0.1:8080" env:"TRUSTHUB_BASE_URL" placeholder:"URL" help:"URL of the server to call; ${default} by default. Credentials, if the command needs them, come from TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, or from TWILIO_API_KEY and TWILIO_API_SECRET."`
}

func (f callFlags) client() (*client.Client, error) {
	// A person at a shell wants to see a failure at once.
	return f.clientThatRetries(client.RetryPolicy{MaxAttempts: 1})
}

func (f callFlags) clientThatRetries(policy client.RetryPolicy) (*client.Client, error) {
	return client.New(client.WithBaseURL(f.BaseURL), client.WithRetries(policy))
}

// find returns a client and the bundle with this SID.
func (f callFlags) find(ctx context.Context, sid string) (*client.Client, bundle, error) {
	api, err := f.client()
	if err != nil {
		return nil, bundle{}, err
	}
	b, err := findBundle(ctx, api, sid)
	return api, b, f.explain(err)
}

// explain adds to an error what to do about it: if no server is running, and if the environment has an API key, which may be one
// of Twilio's own service.
func (f callFlags) explain(err error) error {
	if _, ok := os.LookupEnv("TWILIO_API_KEY"); ok && errors.Is(err, client.ErrUnauthorized) {
		return fmt.Errorf("%w; TWILIO_API_KEY and TWILIO_API_SECRET take precedence over TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN: "+
			"unset them unless the key is one of this server ('trusthub keys list')", err)
	}
	if failure, ok := errors.AsType[*net.OpError](err); ok && failure.Op == "dial" {
		return fmt.Errorf("no server at %s; start one with 'trusthub serve', or choose another with --base-url: %w", f.BaseURL, err)
	}
	return err
}
