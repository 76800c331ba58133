package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// contention is many goroutines that change the same few bundles and objects at the same time.
type contention struct {
	t       *testing.T
	s       *store.Store
	bundles []string
	users   []string
	of      store.Scope

	creating sync.Mutex
}

// TestContentsUnderContention has goroutines assign, take away, update, submit, decide and delete at the same moment. None of them
// gets an error but the refusals that it may get, in particular not ErrUnavailable, and no row is left that refers to nothing.
func TestContentsUnderContention(t *testing.T) {
	t.Parallel()
	const goroutines, steps = 8, 40
	for engine, database := range storetest.Names() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			name := database(t)
			s := storetest.Open(t, name)
			c := newContention(t, s)
			var running sync.WaitGroup
			for range goroutines {
				running.Go(func() {
					for range steps {
						c.step()
					}
				})
			}
			running.Wait()
			closeStore(t, s) // its connections report their statistics
			storetest.UseSQL(t, name, func(db *sql.DB) {
				storetest.WantWholeContents(t, db)
				if store.IsPostgres(name) {
					storetest.WantNoDeadlocks(t, db)
				}
			})
		})
	}
}

// TestBundlesAssignedToEachOther assigns two bundles to each other, and deletes them, at the same moment: no two of these
// transactions may wait for each other.
func TestBundlesAssignedToEachOther(t *testing.T) {
	t.Parallel()
	name := storetest.Names()["postgres"](t)
	s := storetest.Open(t, name)
	c := newContention(t, s)
	var running sync.WaitGroup
	for i := range 8 {
		running.Go(func() {
			one, other := c.bundles[i%2], c.bundles[1-i%2]
			for range 15 {
				c.create(one, c.users[0])
				err := c.assign(t.Context(), one, other)
				if i < 2 && err == nil {
					err = s.DeleteBundle(t.Context(), c.of, one, holder, func(trust.Bundle, []trust.Status) error { return nil })
				}
				if err != nil && !refusal(err) {
					t.Error(err)
				}
			}
		})
	}
	running.Wait()
	closeStore(t, s) // its connections report their statistics
	storetest.UseSQL(t, name, func(db *sql.DB) { storetest.WantNoDeadlocks(t, db) })
}

// TestAssignedAtTheLimit assigns more objects at the same moment than a bundle has room for, each of them twice.
func TestAssignedAtTheLimit(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		const room = 5
		var users []string
		for i := range store.MaxAssigned + room {
			u := endUser()
			u.SID = fmt.Sprintf("IT9%031d", i)
			check(t, s.EndUsers.Create(t.Context(), u))
			users = append(users, u.SID)
		}
		for _, sid := range users[2*room:] {
			_, err := assign(t, s, nil, trust.NewSID("BV", at), sid)
			check(t, err)
		}
		var running sync.WaitGroup
		for _, sid := range slices.Repeat(users[:2*room], 2) {
			running.Go(func() {
				_, err := assign(t, s, nil, trust.NewSID("BV", at), sid)
				if err != nil && !errors.Is(err, store.ErrAlreadyAssigned) && !errors.Is(err, store.ErrTooManyAssigned) {
					t.Error(err)
				}
			})
		}
		running.Wait()
		if n, err := s.Assignments.Count(t.Context(), store.Scope{bundleSID}, 1000); n != store.MaxAssigned || err != nil {
			t.Errorf("the bundle has %d objects, %v", n, err)
		}
	})
}

func newContention(t *testing.T, s *store.Store) *contention {
	t.Helper()
	c := &contention{t: t, s: s, of: store.BundlesOf(accountSID, trust.TrustProduct)}
	check(t, s.PutAccount(t.Context(), store.Account{SID: accountSID}))
	check(t, s.PutAccount(t.Context(), store.Account{SID: otherSID}))
	for i := range 4 {
		c.bundles = append(c.bundles, fmt.Sprintf("BU%032d", i))
		c.users = append(c.users, fmt.Sprintf("IT%032d", i))
	}
	return c
}

// create creates a bundle and an end user where they are missing. It does so alone: two INSERTs of the same SIDs, which never
// happen outside of a test, could wait for each other.
func (c *contention) create(bundle, user string) {
	c.creating.Lock()
	defer c.creating.Unlock()
	b, u := draft(), trust.EndUser{SID: user, AccountSID: accountSID, Type: "t", Attributes: []byte(`{}`), Created: at, Updated: at}
	b.SID = bundle
	_ = c.s.Bundles.Create(c.t.Context(), b)  // fails where it is there
	_ = c.s.EndUsers.Create(c.t.Context(), u) // the same
}

// step makes one random change, and creates what is missing for it.
func (c *contention) step() {
	ctx, bundle, user := c.t.Context(), c.bundles[rand.IntN(4)], c.users[rand.IntN(4)]
	c.create(bundle, user)
	var err error
	names := []string{
		"assign", "assign a bundle", "assign a Primary", "put an account",
		"unassign", "update", "evaluate", "submit", "decide", "delete", "delete user", "endpoint",
	}
	name := names[rand.IntN(len(names))]
	switch name {
	case "assign":
		err = c.assign(ctx, bundle, user)
	case "assign a bundle":
		err = c.assign(ctx, bundle, c.bundles[rand.IntN(4)])
	case "assign a Primary":
		err = c.assign(ctx, bundle, trust.PrimarySID([]string{accountSID, otherSID}[rand.IntN(2)]))
	case "put an account":
		err = c.s.PutAccount(ctx, store.Account{SID: accountSID})
	case "unassign":
		err = c.unassign(ctx, bundle)
	case "update":
		_, err = c.s.EndUsers.UpdateObject(ctx, store.Scope{accountSID}, user, holder, func(u *trust.EndUser, assignedTo []trust.Status) (bool, error) {
			u.FriendlyName += "."
			return true, trust.UpdateEndUser.Allowed(assignedTo)
		})
	case "evaluate":
		_, err = c.s.Evaluate(ctx, c.of, nil, trust.Evaluation{
			SID: trust.NewSID("EL", time.Now()), AccountSID: accountSID, BundleSID: bundle, Status: trust.Compliant,
		}, holder, func(*trust.Evaluation, trust.Assigned) {})
	case "submit":
		err = c.submit(ctx, bundle)
	case "decide":
		_, err = c.s.ReviewBundle(ctx, bundle, func(b trust.Bundle) (trust.Outcome, error) {
			return trust.Policy{}.Decide(b, trust.Change{Status: new(trust.TwilioRejected), Reasons: []int{1}}, at)
		})
	case "delete":
		err = c.s.DeleteBundle(ctx, c.of, bundle, holder, func(b trust.Bundle, assignedTo []trust.Status) error {
			return errors.Join(b.Status.Deletable(), trust.DeleteBundle.Allowed(assignedTo))
		})
	case "delete user":
		err = c.s.EndUsers.DeleteObject(ctx, store.Scope{accountSID}, user, holder, func(_ trust.EndUser, assignedTo []trust.Status) error {
			return trust.DeleteEndUser.Allowed(assignedTo)
		})
	case "endpoint":
		_, err = c.s.AssignEndpoint(ctx, c.of, nil, trust.ChannelEndpoint{
			SID: trust.NewSID("RA", time.Now()), AccountSID: accountSID, BundleSID: bundle, Type: "phone-number",
			EndpointSID: fmt.Sprintf("PN%032d", rand.IntN(3)), Created: at,
		}, holder, anyEndpoint)
	}
	if err != nil && !refusal(err) {
		c.t.Errorf("%s: %v", name, err)
	}
}

// refusal reports whether an error is one that a caller may get in a step.
func refusal(err error) bool {
	if _, taken := errors.AsType[*store.EndpointTakenError](err); taken {
		return true
	}
	if _, frozen := errors.AsType[*trust.FrozenError](err); frozen {
		return true
	}
	return slices.ContainsFunc([]error{
		store.ErrNotFound, store.ErrAlreadyAssigned, trust.ErrAssignmentsFrozen, trust.ErrNotDeletable, trust.ErrStatusChange,
	}, func(refusal error) bool { return errors.Is(err, refusal) })
}

func (c *contention) assign(ctx context.Context, bundle, object string) error {
	_, err := c.s.Assign(ctx, c.of, nil, trust.Assignment{
		SID: trust.NewSID("BV", time.Now()), AccountSID: accountSID, BundleSID: bundle, ObjectSID: object, Created: at,
	}, holder, func(b trust.Bundle, _ store.Object) (string, error) { return "t", b.Status.AssignmentsFrozen() })
	return err
}

func (c *contention) unassign(ctx context.Context, bundle string) error {
	part, err := c.s.Assignments.List(ctx, store.Query{Of: store.Scope{bundle}, Range: store.Range{Limit: 1, Bytes: 1, Step: 1}})
	if err != nil || len(part.Rows) == 0 {
		return err
	}
	return c.s.Unassign(ctx, c.of, bundle, part.Rows[0].SID, holder, func(b trust.Bundle) error { return b.Status.AssignmentsFrozen() })
}

// submit freezes a bundle and unfreezes it again, and wants nothing of it to have changed in between.
func (c *contention) submit(ctx context.Context, bundle string) error {
	_, err := c.s.UpdateBundle(ctx, c.of, bundle, func(b trust.Bundle) (trust.Outcome, error) {
		return trust.Policy{}.Apply(b, trust.Change{Status: new(trust.PendingReview)}, trust.AccountHolder, time.Now())
	})
	if err != nil {
		return err
	}
	submission, first := c.contents(ctx, bundle)
	for range 5 {
		again, now := c.contents(ctx, bundle)
		if again.Equal(submission) && !again.IsZero() && now != first {
			c.t.Errorf("%s is frozen, and has changed from\n%s\nto\n%s", bundle, first, now)
		}
	}
	return nil
}

// contents returns what is assigned to a bundle and when that was submitted, the zero time if it is not frozen.
func (c *contention) contents(ctx context.Context, bundle string) (submitted time.Time, text string) {
	b, assigned, err := c.s.AssignedTo(ctx, c.of, bundle)
	if err != nil || b.Status.Editable() { // another one has decided, and it may have been deleted since
		return time.Time{}, ""
	}
	for _, u := range assigned.EndUsers {
		text += " " + u.SID + u.FriendlyName
	}
	for _, other := range assigned.Bundles {
		text += " " + other.SID
	}
	return b.Updated, text
}
