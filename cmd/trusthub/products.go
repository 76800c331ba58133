package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/opentrusthub/trusthub/api/client"
)

// callFlags are what the commands that call a server share. Credentials come from the environment alone.
type callFlags struct {
	BaseURL string `name:"base-url" default:"http://127.0.0.1:8080" env:"TRUSTHUB_BASE_URL" help:"Server to call, with the credentials in TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN (or TWILIO_API_KEY and TWILIO_API_SECRET)."`
}

func (f callFlags) client() (*client.Client, error) {
	// A person who waits at a shell wants to know at once.
	return f.clientThatRetries(client.RetryPolicy{MaxAttempts: 1})
}

func (f callFlags) clientThatRetries(policy client.RetryPolicy) (*client.Client, error) {
	return client.New(client.WithBaseURL(f.BaseURL), client.WithRetries(policy))
}

// explain adds what to do where no server answers, and where one does not know the credentials that Twilio's users often have.
func (f callFlags) explain(err error) error {
	if _, ok := os.LookupEnv("TWILIO_API_KEY"); ok && errors.Is(err, client.ErrUnauthorized) {
		return fmt.Errorf("%w; TWILIO_API_KEY and TWILIO_API_SECRET go before TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN: "+
			"unset them to call a server that has no API keys", err)
	}
	if failure, ok := errors.AsType[*net.OpError](err); ok && failure.Op == "dial" {
		return fmt.Errorf("no server answers at %s; start one with 'trusthub serve', or name another with --base-url: %w", f.BaseURL, err)
	}
	return err
}

type createCmd struct {
	callFlags
	FriendlyName   string  `required:"" help:"A name of your own choice."`
	Email          string  `required:"" help:"E-mail address that is told when the status changes. Any text is accepted; mail goes to addresses only."`
	PolicySID      string  `name:"policy-sid" required:"" help:"Policy to comply with, for example RN7a97559effdf62d00f4298208492a5ea."`
	StatusCallback *string `help:"URL that is called when the status changes."`
	Quiet          bool    `short:"q" help:"Print only the SID."`
}

// Run creates the product and prints it as JSON, or only its SID.
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
	SID            string                     `arg:"" name:"sid" help:"Trust Product to update."`
	FriendlyName   *string                    `help:"A new name."`
	Email          *string                    `help:"A new e-mail address, or any text."`
	Status         *client.TrustProductStatus `help:"A new status: pending-review submits it for review."`
	StatusCallback *string                    `help:"A new URL to call; empty removes it."`
}

// Run changes what the flags name and prints the product as JSON.
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
