package apitest

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/internal/signature"
)

// submissionCases are about what the account holder may do with the status.
func submissionCases() []conformanceCase {
	return []conformanceCase{
		{name: "a draft can be submitted, with a last edit", needs: needLifecycle, run: func(s *suite) {
			p := s.create(held())
			got := s.update(p.SID, form{"FriendlyName": "Other", "Status": "pending-review"}).product(http.StatusOK)
			if !underReview(got) || got.FriendlyName != "Other" {
				s.Errorf("it is %s, %q", got.Status, got.FriendlyName)
			}
			if list := s.list(form{"FriendlyName": "Other", "Status": string(got.Status)}); len(list) == 0 {
				s.Error("the list does not have it under its status")
			}
		}},
		{name: "what is under review is fixed", needs: needLifecycle, run: func(s *suite) {
			p := s.submitted(held())
			s.update(p.SID, form{"FriendlyName": "Other"}).refused(http.StatusBadRequest, 70002)
			s.update(p.SID, form{"Status": "draft"}).refused(http.StatusBadRequest, 70002)
			got := s.fetch(p.SID)
			p.Status, p.DateUpdated = got.Status, got.DateUpdated // it may have been taken into review meanwhile
			s.same("after the refusals", p, got)
		}},
		{name: "a repeated submission does no harm", needs: needLifecycle | needStandIn, run: func(s *suite) {
			p := s.submitted(held())
			s.same("submitted again", p, s.update(p.SID, form{"Status": "pending-review"}).product(http.StatusOK))
		}},
		{name: "what is under review cannot be deleted", needs: needLifecycle | needStandIn, run: func(s *suite) {
			s.delete(s.submitted(held()).SID).refused(http.StatusBadRequest, 70002)
		}},
	}
}

// reviewCases are about what becomes of a product in time.
func reviewCases() []conformanceCase {
	return []conformanceCase{
		{name: "it is approved and fixed", needs: needLifecycle | needTime, run: func(s *suite) {
			p := s.reviewed(form{"Email": "name@example.com"}, gen.TrustProductStatusTwilioApproved)
			if p.ValidUntil == nil || !p.ValidUntil.After(p.DateUpdated) || p.Errors != nil {
				s.Errorf("it is valid until %v, errors are %v", p.ValidUntil, p.Errors)
			}
			s.update(p.SID, form{"FriendlyName": "Other"}).refused(http.StatusBadRequest, 70002)
			s.update(p.SID, form{"Status": "pending-review"}).refused(http.StatusBadRequest, 70002)
			s.same("after the refusals", p, s.fetch(p.SID))
		}},
		{name: "it is rejected with its codes, mended and submitted again", needs: needLifecycle | needTime, run: func(s *suite) {
			p := s.reviewed(form{"Email": "name+reject-18601-18602@example.com"}, gen.TrustProductStatusTwilioRejected)
			if !slices.Equal(p.Errors, []gen.TrustProductError{{Code: 18601}, {Code: 18602}}) || p.ValidUntil != nil {
				s.Errorf("errors are %v, it is valid until %v", p.Errors, p.ValidUntil)
			}
			again := s.update(p.SID, form{"Email": "name@example.com", "Status": "pending-review"}).product(http.StatusOK)
			if !underReview(again) || again.Errors != nil {
				s.Errorf("submitted again it is %s with errors %v", again.Status, again.Errors)
			}
			s.target.Advance(s.target.ReviewTime)
			if got := s.fetch(p.SID); got.Status != gen.TrustProductStatusTwilioApproved {
				s.Errorf("mended it is %s", got.Status)
			}
		}},
		{name: "one on hold waits for people", needs: needLifecycle | needTime | needStandIn, run: func(s *suite) {
			s.reviewed(held(), gen.TrustProductStatusInReview)
		}},
		{name: "an approval ends", needs: needLifecycle | needTime | needStandIn, run: func(s *suite) {
			p := s.reviewed(nil, gen.TrustProductStatusTwilioApproved)
			s.target.Advance(p.ValidUntil.Sub(p.DateUpdated) + time.Minute)
			if got := s.fetch(p.SID); got.Status != gen.TrustProductStatusTwilioRejected || got.Errors != nil {
				s.Errorf("it is %s with errors %v", got.Status, got.Errors)
			}
		}},
		{name: "every change is told in its order, signed", needs: needLifecycle | needTime | needStandIn, run: callbacks},
		{name: "what was deleted is told no more", needs: needLifecycle | needTime | needStandIn, run: func(s *suite) {
			receiver := s.receiver(http.StatusInternalServerError)
			p := s.reviewed(form{"StatusCallback": receiver.url}, gen.TrustProductStatusTwilioApproved)
			s.delete(p.SID).expect(http.StatusNoContent)
			told := len(receiver.forms())
			if s.target.Advance(100 * time.Hour); told == 0 || len(receiver.forms()) != told {
				s.Errorf("%d callbacks before it was deleted, %d after", told, len(receiver.forms())-told)
			}
		}},
	}
}

func callbacks(s *suite) {
	receiver := s.receiver(http.StatusNoContent)
	p := s.reviewed(form{"StatusCallback": receiver.url, "Email": "name+reject-18601@example.com"},
		gen.TrustProductStatusTwilioRejected)
	var statuses []string
	for _, told := range receiver.forms() {
		if told.Get("AccountSid") != s.target.AccountSID || told.Get("BundleSid") != p.SID {
			s.Errorf("a callback tells of %s of account %s", told.Get("BundleSid"), told.Get("AccountSid"))
		}
		status := told.Get("Status")
		if rejected := status == string(gen.TrustProductStatusTwilioRejected); told.Has("FailureReason") != rejected {
			s.Errorf("status %s comes with FailureReason %q", status, told.Get("FailureReason"))
		}
		statuses = append(statuses, status)
	}
	if want := []string{"pending-review", "in-review", "twilio-rejected"}; !slices.Equal(statuses, want) {
		s.Errorf("told was %v, want %v", statuses, want)
	}
}

// held is what keeps a product under review until a person decides, where a stand-in reviews by itself.
func held() form { return form{"Email": "name+hold@example.com"} }

// submitted creates a product and submits it.
func (s *suite) submitted(differs form) gen.TrustProduct {
	s.Helper()
	p := s.update(s.create(differs).SID, form{"Status": "pending-review"}).product(http.StatusOK)
	if !underReview(p) {
		s.Fatalf("submitted it is %s", p.Status)
	}
	return p
}

// reviewed is submitted, and waits for the review.
func (s *suite) reviewed(differs form, want gen.TrustProductStatus) gen.TrustProduct {
	s.Helper()
	sid := s.submitted(differs).SID
	s.target.Advance(s.target.ReviewTime)
	p := s.fetch(sid)
	if p.Status != want {
		s.Fatalf("reviewed it is %s, want %s", p.Status, want)
	}
	return p
}

// underReview accepts both, as the answer to a submission may be either.
func underReview(p gen.TrustProduct) bool {
	return p.Status == gen.TrustProductStatusPendingReview || p.Status == gen.TrustProductStatusInReview
}

// receiver gets callbacks.
type receiver struct {
	url      string
	mu       sync.Mutex
	received []url.Values
}

// receiver starts one on loopback that answers the status, and holds each callback against its signature.
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
