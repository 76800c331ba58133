//go:build cost

// Command twilio-v1 is the same program with only the package of the official SDK that it needs, connected by hand. The SDK's
// documentation does not mention this.
package main

import (
	"fmt"
	"os"

	"github.com/twilio/twilio-go/client"
	trusthub "github.com/twilio/twilio-go/rest/trusthub/v1"
)

func main() {
	c := &client.Client{Credentials: client.NewCredentials(os.Getenv("TWILIO_ACCOUNT_SID"), os.Getenv("TWILIO_AUTH_TOKEN"))}
	c.SetAccountSid(c.Username)
	params := new(trusthub.CreateTrustProductParams).SetFriendlyName("Acme").SetEmail("a@acme.example").
		SetPolicySid("RN7a97559effdf62d00f4298208492a5ea")
	product, err := trusthub.NewApiService(client.NewRequestHandler(c)).CreateTrustProduct(params)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if product.Sid != nil {
		fmt.Println(*product.Sid)
	}
}
