package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"

	"github.com/opentrusthub/trusthub/api/client"
	"github.com/opentrusthub/trusthub/internal/trust"
)

type assignCmd struct {
	callFlags
	SID     string   `arg:"" name:"sid" help:"SID of the Trust Product or Customer Profile."`
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
	api, b, err := c.find(ctx, c.SID)
	if err != nil {
		return err
	}
	for i, object := range c.Objects {
		assign := assignEntity
		if strings.HasPrefix(object, trust.PhoneNumberPrefix) {
			assign = assignEndpoint
		}
		row, err := assign(ctx, api, b, object)
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

// assignment is what the program reads of an entity assignment or a channel endpoint assignment.
type assignment struct {
	SID       string `json:"sid"`
	ObjectSID string `json:"object_sid"` // of an entity assignment
}

// These are paths below that of a bundle.
const (
	entityAssignments   = "/EntityAssignments"
	endpointAssignments = "/ChannelEndpointAssignments"
	evaluations         = "/Evaluations"
)

func assignEntity(ctx context.Context, api *client.Client, b bundle, object string) (assignedRow, error) {
	var a assignment
	err := send(ctx, api, http.MethodPost, b.path()+entityAssignments, url.Values{"ObjectSid": {object}}, &a)
	if isAlreadyAssigned(err) {
		return assignedRow{ObjectSID: object, Result: alreadyAssigned}, nil
	}
	return assignedRow{object, a.SID, nowAssigned}, err
}

// assignEndpoint assigns a phone number. One that another bundle has is an error.
func assignEndpoint(ctx context.Context, api *client.Client, b bundle, object string) (assignedRow, error) {
	path := b.path() + endpointAssignments
	var a assignment
	err := send(ctx, api, http.MethodPost, path, url.Values{"ChannelEndpointType": {"phone-number"}, "ChannelEndpointSid": {object}}, &a)
	if !isAlreadyAssigned(err) {
		return assignedRow{object, a.SID, nowAssigned}, err
	}
	for item, listErr := range list(ctx, api, path, url.Values{"ChannelEndpointSid": {object}}) {
		if listErr == nil && json.Unmarshal(*item, &a) != nil {
			listErr = errUnexpected
		}
		return assignedRow{object, a.SID, alreadyAssigned}, listErr
	}
	return assignedRow{}, err
}

func isAlreadyAssigned(err error) bool {
	refused, ok := errors.AsType[*client.Error](err)
	return ok && refused.Code == codeAlreadyAssigned
}
