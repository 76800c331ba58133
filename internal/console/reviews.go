package console

import (
	"net/http"
	"strconv"
	"time"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// reviewsPage lists what waits for a reviewer, longest first. A rejection needs reasons, so its form is on the bundle's page.
func (c *Console) reviewsPage() page {
	return page{
		path: "reviews", nav: "Reviews", template: "reviews.html", follows: followsDatabase, show: c.showReviews,
		actions: map[string]func(*http.Request) (string, error){
			"approve": c.decideInQueue(trust.TwilioApproved, "approved"),
			"start":   c.decideInQueue(trust.InReview, "started"),
		},
		notes: map[string]string{"approved": "The bundle is approved.", "started": "The bundle is in review."},
	}
}

type reviewsData struct {
	Reviews []review
	Pager   pager
}

// review is a bundle that waits.
type review struct {
	trust.Bundle

	PolicyName string // empty if the program does not know the policy
	Waited     string // since it was submitted or taken into review
	Started    bool
}

func (c *Console) showReviews(r *http.Request) (view, error) {
	after, err := placeOf(r.URL.Query().Get("after"), bundleSID)
	if err != nil {
		return view{}, err
	}
	all, err := c.Store.UndecidedBundles(r.Context(), after, rowsPerPage+1)
	if err != nil {
		return view{}, err
	}
	next := ""
	if len(all) > rowsPerPage {
		all = all[:rowsPerPage]
		next = placeText(all[rowsPerPage-1].Updated, all[rowsPerPage-1].SID)
	}
	data, now := reviewsData{Pager: newPager(r, next, "")}, c.Now()
	for _, b := range all {
		data.Reviews = append(data.Reviews, review{
			b, policyName(b.PolicySID), inWords(now.Sub(b.Updated)), b.Status == trust.InReview,
		})
	}
	return view{title: "Reviews", data: data}, nil
}

// decideInQueue returns an action that makes a reviewer's change to the bundle in the field sid.
func (c *Console) decideInQueue(to trust.Status, note string) func(*http.Request) (string, error) {
	return func(r *http.Request) (location string, err error) {
		sid := r.PostForm.Get("sid")
		if !bundleSID.MatchString(sid) {
			return "", invalid("The parameter sid must be the SID of a bundle.")
		}
		_, err = c.Operator.Decide(r.Context(), sid, c.Policy, trust.Change{Status: &to})
		return done("reviews", note), err
	}
}

// inWords returns about how long a duration is, in its largest unit.
func inWords(d time.Duration) string {
	const day = 24 * time.Hour
	count := func(unit time.Duration, name string) string {
		n := int(d / unit)
		if n != 1 {
			name += "s"
		}
		return strconv.Itoa(n) + " " + name
	}
	switch {
	case d < time.Minute:
		return "less than a minute"
	case d < time.Hour:
		return count(time.Minute, "minute")
	case d < 2*day:
		return count(time.Hour, "hour")
	}
	return count(day, "day")
}
