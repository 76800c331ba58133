package seed

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// plan compares a file with what is stored. It makes the rows that are missing.
type plan struct {
	problems
	file    *File
	account string
	config  Config
	found   found

	rows   store.Contents
	result Result
}

// found is what is stored, by what it is looked up by.
type found struct {
	bundles  map[string]trust.Bundle
	objects  map[string]trust.EndUser // and supporting documents
	assigned map[string][]string      // the SIDs of the objects of each bundle
	numbers  map[number]string        // the bundle of each phone number
}

// number is a phone number, of which there can be one for each policy.
type number struct{ sid, policySID string }

// sids returns the SIDs that store.Seed is to look for.
func (f *File) sids(account string) []string {
	sids := []string{trust.PrimarySID(account)}
	for _, o := range f.objects {
		sids = append(sids, o.sid)
		for _, n := range o.numbers {
			sids = append(sids, n.text)
		}
	}
	slices.Sort(sids)
	return slices.Compact(sids)
}

func newPlan(f *File, account string, config Config, stored store.Contents) *plan {
	p := &plan{
		problems: problems{file: f.name}, file: f, account: account, config: config,
		found: found{
			bundles: map[string]trust.Bundle{}, objects: map[string]trust.EndUser{},
			assigned: map[string][]string{}, numbers: map[number]string{},
		},
		result: Result{AccountSID: account, Changed: []string{}, SIDs: map[string]string{}},
	}
	for _, b := range stored.Bundles {
		p.found.bundles[b.SID] = b
	}
	for _, u := range stored.EndUsers {
		p.found.objects[u.SID] = u
	}
	for _, d := range stored.Documents {
		p.found.objects[d.SID] = trust.EndUser(d)
	}
	for _, a := range stored.Assignments {
		p.found.assigned[a.BundleSID] = append(p.found.assigned[a.BundleSID], a.ObjectSID)
	}
	for _, e := range stored.ChannelEndpoints {
		p.found.numbers[number{e.EndpointSID, e.PolicySID}] = e.BundleSID
	}
	return p
}

// missing returns the rows that are to be stored, or an *Error.
func (p *plan) missing() (store.Contents, error) {
	for _, o := range p.file.objects {
		p.result.SIDs[o.key] = o.sid
		switch {
		case o.kind.bundle != "":
			p.addBundle(o)
		case o.kind.prefix == trust.EndUserPrefix:
			if u := p.newObject(o); p.isMissing(o, u) {
				p.rows.EndUsers = append(p.rows.EndUsers, u)
			}
		default:
			if d := p.newObject(o); p.isMissing(o, d) {
				p.rows.Documents = append(p.rows.Documents, trust.SupportingDocument(d))
			}
		}
	}
	targets := p.targets()
	for _, o := range p.file.objects {
		p.addAssignments(o, targets)
		p.addNumbers(o)
	}
	rows := p.rows
	p.result.Created = len(rows.Bundles) + len(rows.EndUsers) + len(rows.Documents) +
		len(rows.Assignments) + len(rows.ChannelEndpoints)
	return rows, p.err()
}

func (p *plan) newObject(o object) trust.EndUser {
	given := o.form.Get("Attributes")
	if given == "" {
		given = "{}" // as a create without them
	}
	return trust.EndUser{
		SID: o.sid, AccountSID: p.account, FriendlyName: o.form.Get("FriendlyName"), Type: o.form.Get("Type"),
		Attributes: json.RawMessage(given), Created: p.config.Now, Updated: p.config.Now,
	}
}

func (p *plan) newBundle(o object) trust.Bundle {
	draft := trust.NewBundle(o.kind.bundle, o.sid, p.account, o.form.Get("PolicySid"), o.form.Get("FriendlyName"),
		o.form.Get("Email"), o.form.Get("StatusCallback"), p.config.Now)
	return p.config.Policy.Place(draft, o.status, o.codes, o.validUntil, p.config.Now)
}

// isMissing reports whether an object is not stored yet. It compares one that is.
func (p *plan) isMissing(o object, want trust.EndUser) bool {
	have, ok := p.found.objects[o.sid]
	if !ok {
		return true
	}
	p.compare(o, have.AccountSID, have.Updated.After(have.Created), map[string]bool{
		"type":          have.Type == want.Type,
		"friendly_name": have.FriendlyName == want.FriendlyName,
		attributes:      string(have.Attributes) == string(want.Attributes),
	})
	return false
}

func (p *plan) addBundle(o object) {
	want := p.newBundle(o)
	have, ok := p.found.bundles[o.sid]
	if !ok {
		p.rows.Bundles = append(p.rows.Bundles, want)
		return
	}
	p.compare(o, have.AccountSID, have.Updated.After(have.Created), map[string]bool{
		"policy_sid":      have.PolicySID == want.PolicySID,
		"friendly_name":   have.FriendlyName == want.FriendlyName,
		"email":           have.Email == want.Email,
		"status_callback": have.StatusCallback == want.StatusCallback,
		"status":          have.Status == want.Status,
		"codes":           slices.Equal(have.Errors, want.Errors),
		"valid_until":     o.validUntil.IsZero() || have.ValidUntil.Equal(want.ValidUntil),
	})
}

// neverChange are the fields that the API cannot change.
func neverChange() []string { return []string{"type", "policy_sid"} }

// compare counts an object that is stored, or adds why it cannot be that of the file. same says which fields are as in the file.
// A difference means that the object was changed since it was seeded, which is left so, or that the file was, which is an error.
func (p *plan) compare(o object, accountSID string, changed bool, same map[string]bool) {
	if accountSID != p.account {
		p.add(o.line, "key: an object of another account has the SID of this key; choose another key")
		return
	}
	var differing []string
	for field, isSame := range same {
		if !isSame {
			differing = append(differing, field)
			changed = changed && !slices.Contains(neverChange(), field)
		}
	}
	switch {
	case len(differing) == 0:
		p.result.Unchanged++
	case changed:
		p.result.Unchanged++
		p.result.Changed = append(p.result.Changed, o.key)
	default:
		slices.Sort(differing)
		p.add(o.line, "%s: something else is stored for this key; delete the object or choose another key",
			strings.Join(differing, ", "))
	}
}
