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
	BaseURL string `name:"base-url" default:"http://127.0.0.1:8080" env:"TRUSTHUB_BASE_URL" placeholder:"URL" help:"URL of the server to call; ${default} by default. The credentials come from TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, or from TWILIO_API_KEY and TWILIO_API_SECRET."`
}

func (f callFlags) client() (*client.Client, error) {
	// A person at a shell wants to see a failure at once.
	return f.clientThatRetries(client.RetryPolicy{MaxAttempts: 1})
}

func (f callFlags) clientThatRetries(policy client.RetryPolicy) (*client.Client, error) {
	return client.New(client.WithBaseURL(f.BaseURL), client.WithRetries(policy))
}

// explain adds to an error what to do about it: if no server is running, and if the environment has an API key, as that of
// Twilio's users often does.
func (f callFlags) explain(err error) error {
	if _, ok := os.LookupEnv("TWILIO_API_KEY"); ok && errors.Is(err, client.ErrUnauthorized) {
		return fmt.Errorf("%w; TWILIO_API_KEY and TWILIO_API_SECRET take precedence over TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN: "+
			"unset them to call a server without API keys", err)
	}
	if failure, ok := errors.AsType[*net.OpError](err); ok && failure.Op == "dial" {
		return fmt.Errorf("no server at %s; start one with 'trusthub serve', or choose another with --base-url: %w", f.BaseURL, err)
	}
	return err
}

type createCmd struct {
	callFlags
	FriendlyName   string  `required:"" help:"Name of your choice."`
	Email          string  `required:"" help:"E-mail address to notify when the status changes. Any text is accepted, but mail is sent only to a valid address."`
	PolicySID      string  `name:"policy-sid" required:"" help:"SID of the policy to comply with, for example RN7a97559effdf62d00f4298208492a5ea."`
	StatusCallback *string `placeholder:"URL" help:"URL to call when the status changes."`
	Quiet          bool    `short:"q" help:"Print only the SID."`
}

// Run creates a product and prints it as JSON, or only its SID.
func (c *createCmd) Run(ctx context.Context, s streams) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	product, err := api.CreateTrustProduct(ctx, client.CreateTrustProductRequest{
		FriendlyName:   c.FriendlyName,
		Email:          c.Email,
		PolicySID:      c.PolicySID,
		StatusCallback: c.StatusCallback,
	})
	if err != nil {
		return c.explain(err)
	}
	if c.Quiet {
		_, err = fmt.Fprintln(s.out, product.SID)
		return err
	}
	return printJSON(s.out, product)
}

type updateCmd struct {
	callFlags
	SID            string               `arg:"" name:"sid" help:"SID of the Trust Product to update."`
	FriendlyName   *string              `placeholder:"STRING" help:"New name."`
	Email          *string              `placeholder:"STRING" help:"New e-mail address."`
	Status         *client.BundleStatus `placeholder:"STATUS" help:"New status; pending-review submits it for review."`
	StatusCallback *string              `placeholder:"URL" help:"New URL to call; an empty one removes it."`
}

// Run changes the fields that the flags name and prints the product as JSON.
func (c *updateCmd) Run(ctx context.Context, s streams) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	product, err := api.UpdateTrustProduct(ctx, c.SID, client.UpdateTrustProductRequest{
		FriendlyName:   c.FriendlyName,
		Email:          c.Email,
		Status:         c.Status,
		StatusCallback: c.StatusCallback,
	})
	if err != nil {
		return c.explain(err)
	}
	return printJSON(s.out, product)
}
