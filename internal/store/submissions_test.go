package store_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// judged returns a change whose outcome is one that keeps an evaluation with this SID, as the judge says.
func judged(sid string, judge func(trust.Outcome, trust.Assigned) trust.Outcome) func(trust.Bundle) (trust.Outcome, error) {
	return func(b trust.Bundle) (trust.Outcome, error) {
		evaluation := trust.Evaluation{
			SID: sid, AccountSID: accountSID, BundleSID: b.SID, PolicySID: b.PolicySID, Status: trust.Noncompliant, Results: []trust.Result{}, Created: at,
		}
		return trust.Outcome{Judge: func(assigned trust.Assigned) trust.Outcome {
			return judge(trust.Outcome{Bundle: b, Evaluation: &evaluation}, assigned)
		}}, nil
	}
}

// TestJudge stores the outcome of a judge, who is given what is assigned. What is refused keeps the evaluation and nothing else.
func TestJudge(t *testing.T) {
	refusal := errors.New("refused")
	for engine, open := range engines(t) {
		t.Run(engine, func(t *testing.T) {
			s := withDraft(t, open)
			fillContents(t, s, bundleSID) // which leaves the first evaluation
			of := store.BundlesOf(accountSID, trust.TrustProduct)
			submit := func(sid string, refused error) error {
				_, err := s.UpdateBundle(t.Context(), of, bundleSID, judged(sid, func(o trust.Outcome, assigned trust.Assigned) trust.Outcome {
					if len(assigned.EndUsers) != 1 {
						t.Errorf("assigned is said to be %+v", assigned)
					}
					o.Refused, o.Changed = refused, refused == nil
					o.Bundle.Noncompliance = trust.CodeEndUserMissing
					o.Notices = []trust.Notice{{Channel: trust.Email, Target: "a@b.example", BundleSID: bundleSID, Created: at}}
					if refused != nil {
						o.Notices = nil
					}
					return o
				}))
				return err
			}
			if err := submit("EL00000000000000000000000000000002", refusal); !errors.Is(err, refusal) {
				t.Errorf("refused: %v", err)
			}
			wantBundle(t, s, draft())
			check(t, submit("EL00000000000000000000000000000003", nil))
			want := draft()
			want.Noncompliance = trust.CodeEndUserMissing
			wantBundle(t, s, want)
			wantEvaluations(t, s, "EL00000000000000000000000000000003", "EL00000000000000000000000000000002", "EL00000000000000000000000000000001")
			if notices, err := s.Deliveries(t.Context(), store.DeliveryFilter{Limit: 10}); err != nil || len(notices) != 1 {
				t.Errorf("notices: %+v, %v", notices, err)
			}
		})
	}
}

// TestJudgedWithinLimit submits more often than evaluations are kept.
func TestJudgedWithinLimit(t *testing.T) {
	for engine, open := range engines(t) {
		t.Run(engine, func(t *testing.T) {
			s := withDraft(t, open)
			var want []string
			for i := range store.KeptEvaluations + 5 {
				sid := fmt.Sprintf("EL%032d", i)
				_, err := s.UpdateBundle(t.Context(), store.BundlesOf(accountSID, trust.TrustProduct), bundleSID,
					judged(sid, func(o trust.Outcome, _ trust.Assigned) trust.Outcome { return o }))
				check(t, err)
				want = slices.Insert(want, 0, sid)
			}
			wantEvaluations(t, s, want[:store.KeptEvaluations]...)
		})
	}
}

func wantEvaluations(t *testing.T, s *store.Store, want ...string) {
	t.Helper()
	part, err := s.Evaluations.List(t.Context(), store.Query{Of: store.Scope{bundleSID}, Range: store.Range{Limit: store.KeptEvaluations + 10, Bytes: math.MaxInt}})
	check(t, err)
	var got []string
	for _, e := range part.Rows {
		got = append(got, e.SID)
	}
	if !slices.Equal(got, want) {
		t.Errorf("the evaluations are %v, want %v", got, want)
	}
}
