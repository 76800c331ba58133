package conformance

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/opentrusthub/trusthub/internal/signature"
)

// submissionCases are about what the account holder may do with the status.
func submissionCases() []testCase {
	return []testCase{
		{name: "a draft can be submitted, with a last edit", needs: needLifecycle, run: func(s *suite) {
			o := s.create(held())
			got := s.update(o.sid(), form{"FriendlyName": "Other", "Status": pendingReview}).object(http.StatusOK)
			if !underReview(got) || got.text("friendly_name") != "Other" {
				s.Errorf("status %s, friendly_name %s", got.text("status"), got.text("friendly_name"))
			}
			s.expectListed(o, form{"FriendlyName": "Other", "Status": got.text("status")}, true)
		}},
		{name: "a bundle under review cannot be edited", needs: needLifecycle, run: func(s *suite) {
			o := s.submitted(held())
			s.update(o.sid(), form{"FriendlyName": "Other"}).refused(http.StatusBadRequest, 70002)
			s.update(o.sid(), form{"Status": draft}).refused(http.StatusBadRequest, 70002)
			got := s.fetch(o.sid())
			s.same("after the refusals", o.but(got, "status", "date_updated"), got) // the review may have begun
		}},
		{name: "a repeated submission changes nothing", needs: needLifecycle | needStandIn, run: func(s *suite) {
			o := s.submitted(held())
			s.same("submitted again", o, s.update(o.sid(), form{"Status": pendingReview}).object(http.StatusOK))
		}},
		{name: "a bundle under review cannot be deleted", needs: needLifecycle | needStandIn, run: func(s *suite) {
			s.delete(s.submitted(held()).sid()).refused(http.StatusBadRequest, 70002)
		}},
	}
}

// reviewCases are about the review and what follows it.
func reviewCases() []testCase {
	return []testCase{
		{name: "an approved bundle cannot be edited", needs: needLifecycle | needTime, run: func(s *suite) {
			o := s.reviewed(form{"Email": "name@example.com"}, twilioApproved)
			if !o.time("valid_until").After(o.time("date_updated")) || o["errors"] != nil {
				s.Errorf("valid_until is %s, errors are %s", o.text("valid_until"), o.text("errors"))
			}
			s.update(o.sid(), form{"FriendlyName": "Other"}).refused(http.StatusBadRequest, 70002)
			s.update(o.sid(), form{"Status": pendingReview}).refused(http.StatusBadRequest, 70002)
			s.same("after the refusals", o, s.fetch(o.sid()))
		}},
		{
			name: "a bundle is rejected with its codes, fixed and submitted again", needs: needLifecycle | needTime,
			run: rejectedAndFixed,
		},
		{name: "a bundle on hold waits for a person", needs: needLifecycle | needTime | needStandIn, run: func(s *suite) {
			s.reviewed(held(), inReview)
		}},
		{name: "an approval expires", needs: needLifecycle | needTime | needStandIn, run: func(s *suite) {
			o := s.reviewed(nil, twilioApproved)
			s.target.Advance(o.time("valid_until").Sub(o.time("date_updated")) + time.Minute)
			if got := s.fetch(o.sid()); got.text("status") != twilioRejected || got["errors"] != nil {
				s.Errorf("status %s, errors %s", got.text("status"), got.text("errors"))
			}
		}},
		{name: "every change has a signed callback, in order", needs: needLifecycle | needTime | needStandIn, run: callbacks},
		{name: "a deleted bundle has no more callbacks", needs: needLifecycle | needTime | needStandIn, run: func(s *suite) {
			receiver := s.receiver(http.StatusInternalServerError)
			o := s.reviewed(form{"StatusCallback": receiver.url}, twilioApproved)
			s.delete(o.sid()).expect(http.StatusNoContent)
			told := len(receiver.forms())
			if s.target.Advance(100 * time.Hour); told == 0 || len(receiver.forms()) != told {
				s.Errorf("%d callbacks before the bundle was deleted, %d after", told, len(receiver.forms())-told)
			}
		}},
	}
}

func rejectedAndFixed(s *suite) {
	o := s.reviewed(form{"Email": "name+reject-18601-18602@example.com"}, twilioRejected)
	if o.text("errors") != `[{"code":18601},{"code":18602}]` || o["valid_until"] != nil {
		s.Errorf("errors are %s, valid_until is %s", o.text("errors"), o.text("valid_until"))
	}
	again := s.update(o.sid(), form{"Email": "name@example.com", "Status": pendingReview}).object(http.StatusOK)
	if !underReview(again) || again["errors"] != nil {
		s.Errorf("submitted again: status %s, errors %s", again.text("status"), again.text("errors"))
	}
	s.target.Advance(s.target.ReviewTime)
	if got := s.fetch(o.sid()); got.text("status") != twilioApproved {
		s.Errorf("after the fix the status is %s", got.text("status"))
	}
}

func callbacks(s *suite) {
	receiver := s.receiver(http.StatusNoContent)
	o := s.reviewed(form{"StatusCallback": receiver.url, "Email": "name+reject-18601@example.com"}, twilioRejected)
	var statuses []string
	for _, told := range receiver.forms() {
		if told.Get("AccountSid") != s.target.AccountSID || told.Get("BundleSid") != o.sid() {
			s.Errorf("a callback is about %s of account %s", told.Get("BundleSid"), told.Get("AccountSid"))
		}
		status := told.Get("Status")
		if told.Has("FailureReason") != (status == twilioRejected) {
			s.Errorf("status %s has FailureReason %q", status, told.Get("FailureReason"))
		}
		statuses = append(statuses, status)
	}
	if want := []string{pendingReview, inReview, twilioRejected}; !slices.Equal(statuses, want) {
		s.Errorf("the callbacks were %v, want %v", statuses, want)
	}
}

// receiver receives callbacks.
type receiver struct {
	url      string
	mu       sync.Mutex
	received []url.Values
}

// receiver starts a receiver on loopback that returns the status and checks the signature of each callback.
func (s *suite) receiver(status int) *receiver {
	rec := &receiver{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		if err := r.ParseForm(); err != nil {
			s.Errorf("a callback: %v", err)
		}
		seen := "http://" + r.Host + r.URL.RequestURI()
		if !signature.Valid(s.target.Password, seen, r.PostForm, r.Header.Get(signature.Header)) {
			s.Errorf("the signature %q of a callback is wrong", r.Header.Get(signature.Header))
		}
		if r.Header.Get("I-Twilio-Idempotency-Token") == "" {
			s.Error("a callback has no I-Twilio-Idempotency-Token")
		}
		rec.mu.Lock()
		rec.received = append(rec.received, r.PostForm)
		rec.mu.Unlock()
		w.WriteHeader(status)
	}))
	s.Cleanup(server.Close)
	rec.url = server.URL + "/status?of=product"
	return rec
}

func (r *receiver) forms() []url.Values {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.received)
}
