package console_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// submit has a bundle wait for a reviewer since a time.
func submit(t testing.TB, db *store.Store, sid string, since time.Time) {
	t.Helper()
	if _, err := db.ReviewBundle(t.Context(), sid, func(b trust.Bundle) (trust.Outcome, error) {
		b.Status, b.Updated = trust.PendingReview, since
		return trust.Outcome{Bundle: b, Changed: true}, nil
	}); err != nil {
		t.Fatal(err)
	}
}

// TestReviews: the queue has what waits, and its buttons decide.
func TestReviews(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		addBundle(t, db, markup, markup)
		s := loggedIn(t, db)
		if text := s.send(t, "GET", "/console/reviews", "").Body.String(); !strings.Contains(text, "Nothing waits") {
			t.Errorf("with a draft: %s", text)
		}
		draft := s.send(t, "POST", "/console/reviews/start", "sid="+productSID)
		wantStatus(t, "taking a draft into review", draft, http.StatusConflict, "")
		submit(t, db, productSID, at.Add(-90*time.Minute))
		text := s.send(t, "GET", "/console/reviews", "").Body.String()
		wantHTML(t, "the queue", text)
		for _, want := range []string{html.EscapeString(markup), "1 hour<", "pending-review", "/reviews/approve", "/reviews/start", productSID + "#reject"} {
			if !strings.Contains(text, want) {
				t.Errorf("no %s in %s", want, text)
			}
		}
		started := s.send(t, "POST", "/console/reviews/start", "sid="+productSID)
		wantStatus(t, "taking into review", started, http.StatusSeeOther, "/console/reviews?done=started")
		if text := s.send(t, "GET", "/console/reviews", "").Body.String(); strings.Contains(text, "/reviews/start") || !strings.Contains(text, "in-review") {
			t.Errorf("in review: %s", text)
		}
		approved := s.send(t, "POST", "/console/reviews/approve", "sid="+productSID)
		wantStatus(t, "approving", approved, http.StatusSeeOther, "/console/reviews?done=approved")
		if b, err := db.Bundle(t.Context(), productSID); err != nil || b.Status != trust.TwilioApproved {
			t.Errorf("the bundle is %s, %v", b.Status, err)
		}
		if text := s.send(t, "GET", "/console/reviews?done=approved", "").Body.String(); !strings.Contains(text, "The bundle is approved.") {
			t.Errorf("no note: %s", text)
		}
		wantStatus(t, "no SID", s.send(t, "POST", "/console/reviews/approve", ""), http.StatusBadRequest, "")
	})
}

// TestReviewsPages: the one that has waited longest is first, and the next page begins behind the first.
func TestReviewsPages(t *testing.T) {
	db := storetest.Open(t, storetest.Names()["sqlite"](t))
	addBundle(t, db, "Acme", "a@acme.example")
	for i := range 60 {
		sid := fmt.Sprintf("BU%032d", 100+i)
		if err := db.Bundles.Create(t.Context(), trust.NewBundle(trust.TrustProduct, sid, accountSID, policySID, "Acme", "", "", at)); err != nil {
			t.Fatal(err)
		}
		submit(t, db, sid, at.Add(-time.Duration(i)*time.Minute))
	}
	s := loggedIn(t, db)
	const next = `<a href="/console/reviews?after=`
	text := s.send(t, "GET", "/console/reviews", "").Body.String()
	if got := strings.Count(text, "<tr id="); got != 50 || strings.Index(text, fmt.Sprintf("BU%032d", 159)) > strings.Index(text, fmt.Sprintf("BU%032d", 158)) {
		t.Errorf("%d rows, the oldest first: %s", got, text)
	}
	_, rest, found := strings.Cut(text, next)
	after, _, _ := strings.Cut(rest, `"`)
	text = s.send(t, "GET", "/console/reviews?after="+after, "").Body.String()
	if got := strings.Count(text, "<tr id="); !found || got != 10 || strings.Contains(text, `rel="next"`) {
		t.Errorf("%d rows on the second page: %s", got, text)
	}
}
