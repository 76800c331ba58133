package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/opentrusthub/trusthub/api/client"
	"github.com/opentrusthub/trusthub/internal/trust"
)

type assignCmd struct {
	callFlags
	SID     string   `arg:"" name:"sid" help:"SID of the Trust Product."`
	Objects []string `arg:"" name:"object" help:"SIDs of the objects: end users (IT…), supporting documents (RD…), other bundles (BU…) and phone numbers (PN…). One that is already assigned is no error, so the command can be repeated."`
}

// assignedRow is what became of an object.
type assignedRow struct {
	ObjectSID     string `json:"object_sid"`
	AssignmentSID string `json:"assignment_sid,omitempty"` // unknown for an entity that was already assigned
	Result        string `json:"result"`
}

const (
	nowAssigned     = "assigned"
	alreadyAssigned = "already assigned"
)

// codeAlreadyAssigned is the API's code for an object that is already assigned.
const codeAlreadyAssigned = 70003

// Run assigns the objects one after the other and prints what became of each. It stops at the first that cannot be assigned.
func (c *assignCmd) Run(ctx context.Context, s streams) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	for i, object := range c.Objects {
		row, err := c.assign(ctx, api, object)
		if err != nil {
			return c.explain(fmt.Errorf("%w (object %d of %d)", err, i+1, len(c.Objects)))
		}
		if err := printLine(s.out, row, func(w *tabwriter.Writer, row assignedRow) {
			fmt.Fprintf(w, "%s\t%s\t%s\n", row.ObjectSID, row.Result, row.AssignmentSID)
		}); err != nil {
			return err
		}
	}
	return nil
}

func (c *assignCmd) assign(ctx context.Context, api *client.Client, object string) (assignedRow, error) {
	if strings.HasPrefix(object, trust.PhoneNumberPrefix) {
		return c.assignEndpoint(ctx, api, object)
	}
	a, err := api.CreateTrustProductEntityAssignment(ctx, c.SID, client.CreateTrustProductEntityAssignmentRequest{ObjectSID: object})
	if isAlreadyAssigned(err) {
		return assignedRow{ObjectSID: object, Result: alreadyAssigned}, nil
	}
	if err != nil {
		return assignedRow{}, err
	}
	return assignedRow{object, a.SID, nowAssigned}, nil
}

// assignEndpoint assigns a phone number. One that another product has is an error.
func (c *assignCmd) assignEndpoint(ctx context.Context, api *client.Client, object string) (assignedRow, error) {
	a, err := api.CreateTrustProductChannelEndpointAssignment(ctx, c.SID, client.CreateTrustProductChannelEndpointAssignmentRequest{
		ChannelEndpointType: client.ChannelEndpointTypePhoneNumber, ChannelEndpointSID: object,
	})
	if err == nil {
		return assignedRow{object, a.SID, nowAssigned}, nil
	}
	if isAlreadyAssigned(err) {
		here := api.ListTrustProductChannelEndpointAssignment(ctx, c.SID,
			client.ListTrustProductChannelEndpointAssignmentRequest{ChannelEndpointSID: &object})
		for a, listErr := range here {
			if listErr != nil {
				return assignedRow{}, listErr
			}
			return assignedRow{object, a.SID, alreadyAssigned}, nil
		}
	}
	return assignedRow{}, err
}

func isAlreadyAssigned(err error) bool {
	refused, ok := errors.AsType[*client.Error](err)
	return ok && refused.Code == codeAlreadyAssigned
}
