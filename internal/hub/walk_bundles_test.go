package hub_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// The values that edit chooses from. The first ones are those of a new bundle.
var (
	walkNames  = []string{"Acme", "Acme Ltd."}
	walkEmails = []string{"a@b.example", "c@d.example"}
	walkURLs   = []string{"", "http://a.example/"}
)

// walkEvent is an event in words.
func walkEvent(e trust.Event) string {
	return fmt.Sprintln(e.Number, e.Type, e.By, e.RequestID, e.From, e.To, e.Fields, e.Errors, e.ObjectSID)
}

// note adds an event to the history.
func (b *walkBundle) note(e trust.Event) {
	e.Number = int64(len(b.history)) + 2 // the creation has the number 1
	b.history = append(b.history, walkEvent(e))
}

// requested is the origin of what the last request has done.
func (w *walk) requested() trust.Origin {
	return trust.Origin{By: trust.AccountHolder, RequestID: w.request}
}

// edit changes some fields of a bundle, and submits it too at times.
func (w *walk) edit() {
	b, form := w.bundle(), url.Values{}
	var changed []string
	for _, field := range []struct {
		parameter, name string
		values          []string
	}{
		{"FriendlyName", "friendly_name", walkNames},
		{"Email", "email", walkEmails},
		{"StatusCallback", "status_callback", walkURLs},
	} {
		if w.rand.IntN(2) == 0 {
			form.Set(field.parameter, one(w, field.values))
			if form.Get(field.parameter) != b.fields[field.parameter] {
				changed = append(changed, field.name)
			}
		}
	}
	from, to := b.status, b.status
	if w.rand.IntN(4) == 0 {
		to = trust.PendingReview
		form.Set("Status", string(to))
	}
	status, code := http.StatusOK, api.Code(0)
	switch {
	case b.gone:
		status, code = http.StatusNotFound, api.CodeNotFound
	case b.policy == trust.PrimaryPolicySID, !from.Editable() && (to != from || changed != nil):
		status, code = http.StatusBadRequest, api.CodeInvalidState
	case to != from:
		b.submitted = w.contents(b)
	}
	w.send("edit", http.MethodPost, b.path(), form.Encode(), status, code)
	if status != http.StatusOK || (to == from && changed == nil) {
		return
	}
	for parameter := range form {
		b.fields[parameter] = form.Get(parameter)
	}
	e := trust.Event{Origin: w.requested(), Type: trust.EventUpdated, Fields: changed}
	if to != from {
		b.status, e.From, e.To = to, from, to
	}
	b.note(e)
}

func (w *walk) submit() {
	b := w.bundle()
	status, code, from := http.StatusOK, api.Code(0), b.status
	switch {
	case b.gone:
		status, code = http.StatusNotFound, api.CodeNotFound
	case b.status.Editable():
		b.submitted, b.status = w.contents(b), trust.PendingReview
	case b.status != trust.PendingReview:
		status, code = http.StatusBadRequest, api.CodeInvalidState
	}
	w.send("submit", http.MethodPost, b.path(), "Status=pending-review", status, code)
	if b.status != from {
		b.note(trust.Event{Origin: w.requested(), Type: trust.EventUpdated, From: from, To: b.status})
	}
}

// decide is the reviewer's decision, which is made beside the API.
func (w *walk) decide() {
	b, to := w.bundle(), one(w, []trust.Status{trust.TwilioApproved, trust.TwilioRejected})
	reasons := []int{22214}
	_, err := w.db.ReviewBundle(w.t.Context(), b.sid, func(now trust.Bundle) (trust.Outcome, error) {
		return walkPolicy.Decide(now, trust.Change{Status: &to, Reasons: reasons}, time.Now())
	})
	var want error
	switch {
	case b.gone:
		want = store.ErrNotFound
	case b.status == trust.PendingReview:
		b.status, b.expired = to, false
		if to == trust.TwilioApproved {
			reasons = nil
		}
		by := trust.Origin{By: trust.Reviewer}
		b.note(trust.Event{Origin: by, Type: trust.EventUpdated, From: trust.PendingReview, To: trust.InReview})
		b.note(trust.Event{Origin: by, Type: trust.EventUpdated, From: trust.InReview, To: to, Errors: reasons})
		w.outcomes["decide 200"]++
	case b.status != to, to == trust.TwilioRejected && b.expired: // which had other reasons: none
		want = trust.ErrStatusChange
	}
	w.log = append(w.log, "decide: "+b.sid+" "+string(to))
	if !errors.Is(err, want) || (err == nil) != (want == nil) {
		w.fail("got %v, want %v", err, want)
	}
}

// walkPolicy leaves reviews to decide.
var walkPolicy = trust.Policy{ValidFor: time.Hour}

// expire is the passing of more time than an approval is valid for. That of a Primary does not end.
func (w *walk) expire() {
	b := w.bundle()
	_, err := w.db.ReviewBundle(w.t.Context(), b.sid, func(now trust.Bundle) (trust.Outcome, error) {
		return walkPolicy.Advance(now, time.Now().Add(2*walkPolicy.ValidFor))
	})
	var want error
	switch {
	case b.gone:
		want = store.ErrNotFound
	case b.status == trust.TwilioApproved && b.policy != trust.PrimaryPolicySID:
		from := b.status
		b.status, b.expired = trust.TwilioRejected, true
		b.note(trust.Event{Origin: trust.Origin{By: trust.Expiry}, Type: trust.EventUpdated, From: from, To: b.status})
		w.outcomes["expire 200"]++
	}
	w.log = append(w.log, "expire: "+b.sid)
	if !errors.Is(err, want) || (err == nil) != (want == nil) {
		w.fail("got %v, want %v", err, want)
	}
}

func (w *walk) deleteBundle() {
	b := w.bundle()
	status, code := http.StatusNoContent, api.Code(0)
	switch {
	case b.gone:
		status, code = http.StatusNotFound, api.CodeNotFound
	case b.status.Deletable() != nil, w.frozen(b.sid), b.policy == trust.PrimaryPolicySID:
		status, code = http.StatusBadRequest, api.CodeInvalidState
	}
	w.send("delete bundle", http.MethodDelete, b.path(), "", status, code)
	if status == http.StatusNoContent {
		w.noteAll(trust.EventUnassigned, b.sid)
		w.note(b, trust.EventDeleted, "")
		w.remove(b.sid, &b.gone)
		b.assigned = nil
	}
}
