//go:build cost

// Command trusthub is a small program that uses api/client, to measure its cost.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/opentrusthub/trusthub/api/client"
)

func main() {
	c, err := client.New()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	product, err := c.CreateTrustProduct(context.Background(), client.CreateTrustProductRequest{
		FriendlyName: "Acme", Email: "a@acme.example", PolicySID: "RN7a97559effdf62d00f4298208492a5ea",
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(product.SID)
}
