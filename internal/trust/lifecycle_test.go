package trust_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// What is allowed, written out once more so that a slip in the status table is noticed. Everything else is forbidden.
var (
	mayMove = []trust.Step{
		{From: trust.Draft, By: trust.AccountHolder, To: trust.PendingReview},
		{From: trust.TwilioRejected, By: trust.AccountHolder, To: trust.PendingReview},
		{From: trust.PendingReview, By: trust.Reviewer, To: trust.InReview},
		{From: trust.InReview, By: trust.Reviewer, To: trust.TwilioApproved},
		{From: trust.InReview, By: trust.Reviewer, To: trust.TwilioRejected},
		{From: trust.TwilioApproved, By: trust.Expiry, To: trust.TwilioRejected},
	}
	mayBeEdited = []trust.Status{trust.Draft, trust.TwilioRejected}

	manual    = trust.Policy{ValidFor: 365 * 24 * time.Hour}
	automatic = trust.Policy{AutoReview: true, ReviewDelay: 2 * time.Second, ValidFor: 365 * 24 * time.Hour}
)

var (
	created = time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
	now     = created.Add(time.Hour)
)

func TestSteps(t *testing.T) {
	for _, step := range trust.Steps() {
		if !slices.Contains(mayMove, step) {
			t.Errorf("%+v is not expected", step)
		}
		if step.From == step.To {
			t.Errorf("%+v leads nowhere", step)
		}
	}
	for _, step := range mayMove {
		if !slices.Contains(trust.Steps(), step) {
			t.Errorf("%+v is missing", step)
		}
	}
	if len(trust.Steps()) != len(mayMove) {
		t.Errorf("%d steps, want %d: one is there twice", len(trust.Steps()), len(mayMove))
	}
}

func TestEditable(t *testing.T) {
	for _, status := range trust.Statuses() {
		if got, want := status.Editable(), slices.Contains(mayBeEdited, status); got != want {
			t.Errorf("%s: Editable() = %t, want %t", status, got, want)
		}
	}
}

// edit is a change of the fields beside the status, and the bundle that it makes of p.
type edit struct {
	name   string
	change trust.Change
	fields []string // those that it changes
	result func(p *trust.Bundle)
}

func edits(p trust.Bundle) []edit {
	const name, email, callback = "Acme Telecom", "legal@acme.example", "https://acme.example/new"
	none := func(*trust.Bundle) {}
	return []edit{
		{"none", trust.Change{}, nil, none},
		{"the same", trust.Change{FriendlyName: &p.FriendlyName, Email: &p.Email, StatusCallback: &p.StatusCallback}, nil, none},
		{"name", trust.Change{FriendlyName: new(name)}, []string{"friendly_name"}, func(p *trust.Bundle) { p.FriendlyName = name }},
		{"email", trust.Change{Email: new(email)}, []string{"email"}, func(p *trust.Bundle) { p.Email = email }},
		{"callback", trust.Change{StatusCallback: new(callback)}, []string{"status_callback"}, func(p *trust.Bundle) { p.StatusCallback = callback }},
		{"no callback", trust.Change{StatusCallback: new("")}, []string{"status_callback"}, func(p *trust.Bundle) { p.StatusCallback = "" }},
		{
			"all",
			trust.Change{FriendlyName: new(name), Email: new(email), StatusCallback: new(callback)},
			[]string{"friendly_name", "email", "status_callback"},
			func(p *trust.Bundle) { p.FriendlyName, p.Email, p.StatusCallback = name, email, callback },
		},
		{
			"one of two the same",
			trust.Change{FriendlyName: &p.FriendlyName, Email: new(email)},
			[]string{"email"},
			func(p *trust.Bundle) { p.Email = email },
		},
	}
}

// attempt is one cell of the table.
type attempt struct {
	from    trust.Status
	by      trust.Actor
	to      *trust.Status
	reasons []int
	edit    edit
}

func (a attempt) String() string {
	to := "unset"
	if a.to != nil {
		to = strconv.Quote(string(*a.to))
	}
	return fmt.Sprintf("%s/%s/%s/%v/%s", a.from, a.by, to, a.reasons, a.edit.name)
}

// Every status, each actor, every wanted status (none, the same, words that are no status), with reasons and without, and
// every edit.
func TestApply(t *testing.T) {
	wanted := []*trust.Status{nil, new(trust.Status("")), new(trust.Status("DRAFT"))}
	for _, status := range trust.Statuses() {
		wanted = append(wanted, &status)
	}
	for _, from := range trust.Statuses() {
		for _, by := range append(trust.Actors(), "a stranger") {
			for _, to := range wanted {
				for _, reasons := range [][]int{nil, {18603, 18606}} {
					for _, edit := range edits(bundle(from)) {
						attempt{from, by, to, reasons, edit}.check(t)
					}
				}
			}
		}
	}
}

func (a attempt) check(t *testing.T) {
	t.Helper()
	want, wantErr := a.expected()
	change := a.edit.change
	change.Status, change.Reasons, change.RequestID = a.to, a.reasons, "RQ1"
	given := bundle(a.from)
	got, err := manual.Apply(given, change, a.by, now)
	if !errors.Is(err, wantErr) {
		t.Errorf("%s: error %v, want %v", a, err, wantErr)
		return
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\ngot  %+v\nwant %+v", a, got, want)
	}
	if !reflect.DeepEqual(given, bundle(a.from)) {
		t.Errorf("%s: the argument became %+v", a, given)
	}
}

func (a attempt) expected() (trust.Outcome, error) {
	want := trust.Outcome{Bundle: bundle(a.from)}
	moves := a.to != nil && *a.to != a.from
	switch {
	case !moves && a.to != nil && a.from == trust.TwilioRejected && a.reasons != nil: // others than those of bundle
		return trust.Outcome{}, trust.ErrStatusChange
	case !moves && a.edit.fields == nil:
		return want, nil
	case moves && !slices.Contains(mayMove, trust.Step{From: a.from, By: a.by, To: *a.to}):
		return trust.Outcome{}, trust.ErrStatusChange
	case a.edit.fields != nil && (a.by != trust.AccountHolder || !slices.Contains(mayBeEdited, a.from)):
		return trust.Outcome{}, trust.ErrNotEditable
	case moves && a.by == trust.Reviewer && *a.to == trust.TwilioRejected && a.reasons == nil:
		return trust.Outcome{}, trust.ErrNoReason
	}
	want.Changed = true
	want.Bundle.Updated = now
	a.edit.result(&want.Bundle)
	event := trust.Event{
		Origin: trust.Origin{By: a.by, RequestID: "RQ1", At: now}, Type: trust.EventUpdated, Fields: a.edit.fields,
	}
	if moves {
		if event.From, event.To = a.from, *a.to; *a.to == trust.TwilioRejected {
			event.Errors = a.reasons
		}
		want.Bundle.Status = *a.to
		arrive(&want.Bundle, a.reasons)
		want.Notices = told(want.Bundle)
	}
	want.Events = []trust.Event{event}
	return want, nil
}

// arrive is what comes with a status.
func arrive(p *trust.Bundle, reasons []int) {
	p.Due = time.Time{}
	if p.Status != trust.InReview { // what was found is for this review only
		p.Noncompliance = 0
	}
	switch p.Status {
	case trust.PendingReview: // a fresh start
		p.Errors, p.ValidUntil = nil, time.Time{}
	case trust.TwilioApproved:
		p.ValidUntil = now.Add(manual.ValidFor)
		p.Due = p.ValidUntil
	case trust.TwilioRejected:
		p.Errors = reasons
	case trust.Draft, trust.InReview:
	}
}

// told are the notices of a change of status: an e-mail, and a callback where the bundle has one. They go where the
// bundle says after the change.
func told(p trust.Bundle) []trust.Notice {
	email := trust.Notice{
		Channel: trust.Email, Target: p.Email, AccountSID: p.AccountSID, BundleSID: p.SID, BundleKind: p.Kind, FriendlyName: p.FriendlyName,
		Status: p.Status, Errors: p.Errors, Created: now,
	}
	if p.StatusCallback == "" {
		return []trust.Notice{email}
	}
	callback := email
	callback.Channel, callback.Target = trust.Callback, p.StatusCallback
	return []trust.Notice{email, callback}
}

// Doing a change twice is doing it once: a caller who saw no answer may ask again.
func TestApplyTwice(t *testing.T) {
	for _, edit := range edits(bundle(trust.Draft)) {
		change := edit.change
		change.Status = new(trust.PendingReview)
		once, err := automatic.Apply(bundle(trust.Draft), change, trust.AccountHolder, now)
		if err != nil {
			t.Fatalf("%s: %v", edit.name, err)
		}
		twice, err := automatic.Apply(once.Bundle, change, trust.AccountHolder, now.Add(time.Minute))
		if err != nil || twice.Changed || len(twice.Notices) > 0 || !reflect.DeepEqual(twice.Bundle, once.Bundle) {
			t.Errorf("%s: the second time made %+v of %+v, error %v", edit.name, twice, once.Bundle, err)
		}
	}
}

// bundle is one with something in every field, so that a field that gets lost is seen.
func bundle(status trust.Status) trust.Bundle {
	return trust.Bundle{
		SID:            "BU00000000000000000000000000000001",
		Kind:           trust.CustomerProfile,
		AccountSID:     "AC00000000000000000000000000000001",
		PolicySID:      "RN00000000000000000000000000000001",
		FriendlyName:   "Acme",
		Email:          "compliance@acme.example",
		StatusCallback: "https://acme.example/status",
		Status:         status,
		ValidUntil:     created.AddDate(1, 0, 0),
		Errors:         []int{18601, 18602},
		Noncompliance:  22214,
		Created:        created,
		Updated:        created,
		Due:            created.AddDate(0, 0, 1),
	}
}

func TestNewBundle(t *testing.T) {
	got := trust.NewBundle(trust.TrustProduct, "sid", "account", "policy", "name", "email", "callback", now)
	want := trust.Bundle{
		SID: "sid", Kind: trust.TrustProduct, AccountSID: "account", PolicySID: "policy", FriendlyName: "name", Email: "email",
		StatusCallback: "callback", Status: trust.Draft, Created: now, Updated: now,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestDeletable(t *testing.T) {
	under := []trust.Status{trust.PendingReview, trust.InReview}
	for _, status := range trust.Statuses() {
		if refused := errors.Is(status.Deletable(), trust.ErrNotDeletable); refused != slices.Contains(under, status) {
			t.Errorf("%s: %v", status, status.Deletable())
		}
	}
}
