package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/opentrusthub/trusthub/internal/trust"
)

type createCmd struct {
	callFlags
	kindFlag
	FriendlyName   string  `required:"" help:"Name of your choice."`
	Email          string  `required:"" help:"E-mail address to notify when the status changes. Any text is accepted, but mail is sent only to a valid address."`
	PolicySID      string  `name:"policy-sid" required:"" help:"SID of the policy to comply with, for example RN7a97559effdf62d00f4298208492a5ea; 'trusthub policies' lists them."`
	StatusCallback *string `placeholder:"URL" help:"URL to call when the status changes."`
	Quiet          bool    `short:"q" help:"Print only the SID."`
}

// Run creates a bundle and prints it as JSON, or only its SID.
func (c *createCmd) Run(ctx context.Context, s streams) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	form := url.Values{"FriendlyName": {c.FriendlyName}, "Email": {c.Email}, "PolicySid": {c.PolicySID}}
	setOptional(form, "StatusCallback", c.StatusCallback)
	created, err := sendForBundle(ctx, api, c.Kind, http.MethodPost, bundlesPath(c.Kind), form)
	if err != nil {
		return c.explain(err)
	}
	if c.Quiet {
		_, err = fmt.Fprintln(s.out, created.SID)
		return err
	}
	return printJSON(s.out, created.all)
}

type updateCmd struct {
	callFlags
	SID            string        `arg:"" name:"sid" help:"SID of the Trust Product or Customer Profile to update."`
	FriendlyName   *string       `placeholder:"STRING" help:"New name."`
	Email          *string       `placeholder:"STRING" help:"New e-mail address."`
	Status         *trust.Status `placeholder:"STATUS" help:"New status; pending-review submits it for review, as 'trusthub submit' does."`
	StatusCallback *string       `placeholder:"URL" help:"New URL to call; an empty one removes it."`
}

// Run changes the fields that the flags name and prints the bundle as JSON.
func (c *updateCmd) Run(ctx context.Context, s streams) error {
	form := url.Values{}
	setOptional(form, "FriendlyName", c.FriendlyName)
	setOptional(form, "Email", c.Email)
	setOptional(form, "Status", c.Status)
	setOptional(form, "StatusCallback", c.StatusCallback)
	return c.update(ctx, s, c.SID, form)
}

type submitCmd struct {
	callFlags
	SID string `arg:"" name:"sid" help:"SID of the Trust Product or Customer Profile to submit."`
}

// Run submits the bundle for review and prints it as JSON.
func (c *submitCmd) Run(ctx context.Context, s streams) error {
	return c.update(ctx, s, c.SID, url.Values{"Status": {string(trust.PendingReview)}})
}

func (f callFlags) update(ctx context.Context, s streams, sid string, form url.Values) error {
	api, b, err := f.find(ctx, sid)
	if err != nil {
		return err
	}
	updated, err := sendForBundle(ctx, api, b.kind, http.MethodPost, b.path(), form)
	if err != nil {
		return f.explain(err)
	}
	return printJSON(s.out, updated.all)
}

type deleteCmd struct {
	callFlags
	SID string `arg:"" name:"sid" help:"SID of the Trust Product or Customer Profile to delete."`
}

// Run deletes the bundle and prints nothing.
func (c *deleteCmd) Run(ctx context.Context) error {
	api, b, err := c.find(ctx, c.SID)
	if err != nil {
		return err
	}
	return c.explain(send(ctx, api, http.MethodDelete, b.path(), nil, nil))
}
