package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	operatorapi "github.com/opentrusthub/trusthub/gen/operator"
)

type keysCmd struct {
	Add    keysAddCmd    `cmd:"" help:"Create an API key of an account and print its SID and secret, which are a user name and a password. The secret is not shown again. Running servers accept the key at once."`
	List   keysListCmd   `cmd:"" help:"List the API keys of an account, oldest first, without their secrets."`
	Remove keysRemoveCmd `cmd:"" help:"Remove an API key. Running servers refuse it within a second."`
}

type keysAddCmd struct {
	systemFlags
	AccountSID   string `name:"account-sid" required:"" placeholder:"SID" help:"Account that the key is for."`
	FriendlyName string `placeholder:"TEXT" help:"A name for people, such as that of the program that gets the key."`
}

// Run creates a key with a new SID and secret.
func (c *keysAddCmd) Run(ctx context.Context, s streams) error {
	return c.onExisting(ctx, s, func(api system) error {
		added, err := responseOf[operatorapi.NewAPIKey](api.CreateAPIKey(ctx, c.AccountSID, //nolint:bodyclose // responseOf does
			operatorapi.CreateAPIKeyRequest{FriendlyName: optional(c.FriendlyName)}))
		if err != nil {
			return unlessUnknown("account", c.AccountSID, err)
		}
		return printResult(s.out, keyRow{added.SID, added.AccountSID, added.FriendlyName, added.DateCreated, added.Secret}, keyTable)
	})
}

type keysListCmd struct {
	systemFlags
	AccountSID string `name:"account-sid" required:"" placeholder:"SID" help:"Account whose keys to list."`
}

// Run lists the keys, oldest first.
func (c *keysListCmd) Run(ctx context.Context, s streams) error {
	return c.onExisting(ctx, s, func(api system) error {
		keys, err := collect(0, func(size *int64, token *string) ([]operatorapi.APIKey, operatorapi.PageMeta, error) {
			params := operatorapi.ListAPIKeyParams{PageSize: size, PageToken: token}
			page, err := responseOf[operatorapi.APIKeyPage](api.ListAPIKey(ctx, c.AccountSID, &params)) //nolint:bodyclose // responseOf does
			return page.Keys, page.Meta, err
		})
		if err != nil {
			return unlessUnknown("account", c.AccountSID, err)
		}
		rows := make([]keyRow, len(keys))
		for i, k := range keys {
			rows[i] = keyRow{k.SID, k.AccountSID, k.FriendlyName, k.DateCreated, ""}
		}
		return printResult(s.out, rows, func(w *tabwriter.Writer, rows []keyRow) {
			for _, row := range rows {
				keyTable(w, row)
			}
		})
	})
}

type keysRemoveCmd struct {
	systemFlags
	SID string `arg:"" name:"sid" help:"SID of the API key to remove."`
}

// Run removes the key and prints nothing.
func (c *keysRemoveCmd) Run(ctx context.Context, s streams) error {
	return c.onExisting(ctx, s, func(api system) error {
		_, err := responseOf[struct{}](api.DeleteAPIKey(ctx, c.SID)) //nolint:bodyclose // responseOf does
		return unlessUnknown("API key", c.SID, err)
	})
}

// keyRow is an API key as it is printed.
type keyRow struct {
	SID          string    `json:"sid"`
	AccountSID   string    `json:"account_sid"`
	FriendlyName string    `json:"friendly_name"`
	Created      time.Time `json:"date_created"`
	Secret       string    `json:"secret,omitempty"`
}

func keyTable(w *tabwriter.Writer, row keyRow) {
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", row.SID, row.FriendlyName, row.Created.Format(time.DateTime), row.Secret)
}
