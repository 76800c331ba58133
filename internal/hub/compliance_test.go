package hub_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/internal/app"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

const (
	unmetPolicy = "RNb0d4771c2c98518d916a3d4cd70a8f8b" // A2P: an end user and a profile
	emptyPolicy = "RNeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee" // is unknown and so requires nothing
)

// enforcing is a server that evaluates submissions, with its reviews.
type enforcing struct {
	t   *testing.T
	app *app.App
	now time.Time
}

func newEnforcing(t *testing.T, db *store.Store, policy trust.Policy) *enforcing {
	t.Helper()
	if err := db.PutAccount(t.Context(), alice); err != nil {
		t.Fatal(err)
	}
	s := &enforcing{t: t, now: start}
	var err error
	s.app, err = app.New(t.Context(), app.Config{Store: db, Policy: policy, Now: func() time.Time { return s.now }, PublicURL: "http://hub.example"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// call sends a request and reads the response into one.
func call[Body any](s *enforcing, status int, method, path string, form url.Values) (body Body) {
	s.t.Helper()
	s.now = s.now.Add(time.Second)
	r := httptest.NewRequestWithContext(s.t.Context(), method, "http://hub.example/v1"+path, strings.NewReader(form.Encode()))
	r.SetBasicAuth(alice.SID, alice.AuthToken)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	s.app.Handler().ServeHTTP(w, r)
	if w.Code != status {
		s.t.Fatalf("%s %s: status %d, want %d: %s", method, path, w.Code, status, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		s.t.Fatal(err)
	}
	return body
}

func (s *enforcing) create(policySID, email string) gen.TrustProduct {
	s.t.Helper()
	return call[gen.TrustProduct](s, http.StatusCreated, http.MethodPost, "/TrustProducts",
		url.Values{"FriendlyName": {"Acme"}, "Email": {email}, "PolicySid": {policySID}})
}

// submission submits a product and renames it.
func submission() url.Values {
	return url.Values{"Status": {"pending-review"}, "FriendlyName": {"Acme Ltd."}}
}

// reviewed returns the product after its review.
func (s *enforcing) reviewed(sid string) gen.TrustProduct {
	s.t.Helper()
	if err := s.app.Drain(context.WithoutCancel(s.t.Context())); err != nil {
		s.t.Fatal(err)
	}
	return call[gen.TrustProduct](s, http.StatusOK, http.MethodGet, "/TrustProducts/"+sid, nil)
}

func (s *enforcing) evaluations(sid string) []gen.TrustProductEvaluation {
	s.t.Helper()
	return call[gen.TrustProductEvaluationPage](s, http.StatusOK, http.MethodGet, "/TrustProducts/"+sid+"/Evaluations", nil).Results
}

// TestRefuseNoncompliant submits a product that lacks what its policy requires: its evaluation is all that is left of the request.
func TestRefuseNoncompliant(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		s := newEnforcing(t, db, trust.Policy{Compliance: trust.EnforceRefuse})
		p := s.create(unmetPolicy, "a@b.example")
		refused := call[gen.Error](s, http.StatusBadRequest, http.MethodPost, "/TrustProducts/"+p.SID, submission())
		kept := s.evaluations(p.SID)
		if len(kept) != 1 || kept[0].Status != gen.EvaluationStatusNoncompliant || kept[0].PolicySID != unmetPolicy {
			t.Fatalf("evaluations: %+v", kept)
		}
		if refused.Code != 70002 || !strings.HasSuffix(refused.Message, " "+kept[0].URL) {
			t.Errorf("refused with %d: %s", refused.Code, refused.Message)
		}
		got := call[gen.TrustProduct](s, http.StatusOK, http.MethodGet, strings.TrimPrefix(p.URL, "http://hub.example/v1"), nil)
		if got.Status != gen.BundleStatusDraft || got.FriendlyName != "Acme" || !got.DateUpdated.Equal(p.DateUpdated) {
			t.Errorf("the product has become %+v", got)
		}
		if notices, err := db.Deliveries(t.Context(), store.DeliveryFilter{Limit: 1}); err != nil || len(notices) > 0 {
			t.Errorf("notices: %+v, %v", notices, err)
		}

		p = s.create(emptyPolicy, "a@b.example")
		for range 2 { // the second changes nothing
			call[gen.TrustProduct](s, http.StatusOK, http.MethodPost, "/TrustProducts/"+p.SID, submission())
		}
		if kept := s.evaluations(p.SID); len(kept) != 1 || kept[0].Status != gen.EvaluationStatusCompliant {
			t.Errorf("a compliant product's evaluations: %+v", kept)
		}
	})
}

// TestRejectNoncompliant has the automatic review reject what does not comply.
func TestRejectNoncompliant(t *testing.T) {
	for name, c := range map[string]struct {
		policy           trust.Policy
		policySID, email string

		evaluations int
		status      gen.BundleStatus
		errors      []gen.BundleError
	}{
		"noncompliant": {
			trust.Policy{AutoReview: true},
			unmetPolicy, "a@b.example",
			1, gen.BundleStatusTwilioRejected,
			[]gen.BundleError{{Code: trust.CodeEndUserMissing}},
		},
		"on hold":   {trust.Policy{AutoReview: true}, unmetPolicy, "a+hold@b.example", 1, gen.BundleStatusInReview, nil},
		"compliant": {trust.Policy{AutoReview: true, ValidFor: time.Hour}, emptyPolicy, "a@b.example", 1, gen.BundleStatusTwilioApproved, nil},
		"manual":    {trust.Policy{}, unmetPolicy, "a@b.example", 0, gen.BundleStatusPendingReview, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c.policy.Compliance = trust.EnforceReject
			storetest.Each(t, func(t *testing.T, db *store.Store) {
				s := newEnforcing(t, db, c.policy)
				p := s.create(c.policySID, c.email)
				call[gen.TrustProduct](s, http.StatusOK, http.MethodPost, "/TrustProducts/"+p.SID, submission())
				got := s.reviewed(p.SID)
				if got.Status != c.status || len(got.Errors) != len(c.errors) || len(c.errors) > 0 && got.Errors[0] != c.errors[0] {
					t.Errorf("it is %s with %v, want %s with %v", got.Status, got.Errors, c.status, c.errors)
				}
				if kept := s.evaluations(p.SID); len(kept) != c.evaluations {
					t.Errorf("evaluations: %+v", kept)
				}
			})
		})
	}
}
