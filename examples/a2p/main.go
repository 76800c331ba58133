// Command a2p takes a business from nothing to an approved A2P Trust Product, as a program that registers many businesses would:
// it creates a Customer Profile and a Trust Product, describes the business, and waits for both approvals.
//
//	trusthub serve --test --review-delay 1s # prints base_url, account_sid, auth_token, primary_customer_profile_sid
//	export TWILIO_ACCOUNT_SID=... TWILIO_AUTH_TOKEN=...
//	go run ./examples/a2p --base-url http://127.0.0.1:... --primary BU...
//
// onboard.go has the calls in the order of Twilio's guide. The program needs nothing of trusthub but its client.
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"os/signal"
	"time"

	"github.com/opentrusthub/trusthub/api/client"
)

func main() {
	baseURL := flag.String("base-url", "http://127.0.0.1:8080", "URL of the server to call")
	primary := flag.String("primary", "", "SID of your approved Primary Customer Profile")
	every := flag.Duration("every", time.Second, "how often to look whether a review is done")
	flag.Parse()
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *baseURL, *primary, *every); err != nil {
		log.Fatal("a2p: ", err) //nolint:gocritic // exitAfterDefer: the program ends, and its signals with it
	}
}

func run(ctx context.Context, baseURL, primarySID string, every time.Duration) error {
	api, err := client.New(client.WithBaseURL(baseURL)) // credentials from the environment
	if err != nil {
		return err
	}
	o := onboarding{api: api, primarySID: primarySID, log: log.Default(), pause: func(ctx context.Context) error {
		select {
		case <-time.After(every):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}
	_, err = o.onboard(ctx, acme())
	return err
}
