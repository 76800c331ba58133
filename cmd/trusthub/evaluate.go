package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/opentrusthub/trusthub/api/client"
)

// noncompliantStatus is the exit status of evaluate for errNoncompliant.
const noncompliantStatus = 3

var errNoncompliant = errors.New("does not comply with the policy")

type evaluateCmd struct {
	callFlags
	SID       string `arg:"" name:"sid" help:"SID of the Trust Product or Customer Profile."`
	PolicySID string `name:"policy-sid" placeholder:"SID" help:"SID of the policy to compare it with. Its own by default."`
}

// evaluation is what the program reads of an evaluation.
type evaluation struct {
	PolicySID string                    `json:"policy_sid"`
	Status    client.EvaluationStatus   `json:"status"`
	Results   []client.EvaluationResult `json:"results"`

	all any // what the server sent, to be printed
}

// Run has the server evaluate the bundle and prints the evaluation, as a checklist on a terminal. It returns errNoncompliant if
// the bundle does not comply.
func (c *evaluateCmd) Run(ctx context.Context, s streams) error {
	api, b, err := c.find(ctx, c.SID)
	if err != nil {
		return err
	}
	e, err := evaluate(ctx, api, b, c.PolicySID)
	if err != nil {
		return c.explain(err)
	}
	if s.out.terminal() == nil {
		err = printJSON(s.out, e.all)
	} else {
		var list checklist
		if list, err = newChecklist(ctx, api, b, e); err == nil {
			err = printResult(s.out, list, checklistTable)
		}
	}
	switch {
	case err != nil:
		return c.explain(err)
	case e.Status != client.EvaluationStatusCompliant:
		return fmt.Errorf("the %s %w", b.kind.Name(), errNoncompliant)
	}
	return nil
}

// evaluate has the server evaluate a bundle against a policy, its own if policySID is empty.
func evaluate(ctx context.Context, api *client.Client, b bundle, policySID string) (evaluation, error) {
	form := url.Values{"PolicySid": {cmp.Or(policySID, b.PolicySID)}}
	var body json.RawMessage
	if err := send(ctx, api, http.MethodPost, b.path()+evaluations, form, &body); err != nil {
		return evaluation{}, err
	}
	var e evaluation
	if cmp.Or(json.Unmarshal(body, &e), json.Unmarshal(body, &e.all)) != nil {
		return evaluation{}, errUnexpected // the error may repeat a value
	}
	return e, nil
}
