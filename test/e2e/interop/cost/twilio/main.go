//go:build cost

// Command twilio is the same program with the official SDK, used as its README says.
package main

import (
	"fmt"
	"os"

	"github.com/twilio/twilio-go"
	trusthub "github.com/twilio/twilio-go/rest/trusthub/v1"
)

func main() {
	c := twilio.NewRestClient()
	params := new(trusthub.CreateTrustProductParams).SetFriendlyName("Acme").SetEmail("a@acme.example").
		SetPolicySid("RN7a97559effdf62d00f4298208492a5ea")
	product, err := c.TrusthubV1.CreateTrustProduct(params)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if product.Sid != nil {
		fmt.Println(*product.Sid)
	}
}
