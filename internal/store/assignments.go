package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/opentrusthub/trusthub/internal/trust"
)

var assignments = newTable(
	layout{name: "assignments", scope: []string{"bundle_sid"}},
	fixed(text("sid", func(a *trust.Assignment) *string { return &a.SID })),
	fixed(text("account_sid", func(a *trust.Assignment) *string { return &a.AccountSID })),
	fixed(text("bundle_sid", func(a *trust.Assignment) *string { return &a.BundleSID })),
	fixed(text("object_sid", func(a *trust.Assignment) *string { return &a.ObjectSID })),
	fixed(text("object_type", func(a *trust.Assignment) *string { return &a.ObjectType })),
	fixed(moment("created_at", func(a *trust.Assignment) *time.Time { return &a.Created })),
)

var channelEndpoints = newTable(
	layout{name: "channel_endpoints", scope: []string{"bundle_sid"}},
	fixed(text("sid", func(e *trust.ChannelEndpoint) *string { return &e.SID })),
	fixed(text("account_sid", func(e *trust.ChannelEndpoint) *string { return &e.AccountSID })),
	fixed(text("bundle_sid", func(e *trust.ChannelEndpoint) *string { return &e.BundleSID })),
	fixed(text("policy_sid", func(e *trust.ChannelEndpoint) *string { return &e.PolicySID })),
	fixed(text("channel_endpoint_type", func(e *trust.ChannelEndpoint) *string { return &e.Type })),
	fixed(text("channel_endpoint_sid", func(e *trust.ChannelEndpoint) *string { return &e.EndpointSID })),
	fixed(moment("created_at", func(e *trust.ChannelEndpoint) *time.Time { return &e.Created })),
)

// MaxAssigned is how many objects a bundle can have, so that an evaluation reads a bounded number.
const MaxAssigned = 100

var (
	// ErrAlreadyAssigned says that a bundle has the object already.
	ErrAlreadyAssigned = errors.New("the object is already assigned to the bundle")
	// ErrTooManyAssigned says that a bundle has MaxAssigned objects.
	ErrTooManyAssigned = errors.New("the bundle has as many objects as it can have")
	// ErrObjectNotFound says that the account has no such object, and that it is no Primary of another one.
	ErrObjectNotFound = fmt.Errorf("object %w", ErrNotFound)
)

// EndpointTakenError says that a channel endpoint is on a bundle already, of the same account and policy.
type EndpointTakenError struct{ BundleSID string }

// Error names the bundle.
func (e *EndpointTakenError) Error() string {
	return "the channel endpoint is already assigned to " + e.BundleSID
}

// Object is what Assign finds out about an object.
type Object struct {
	Found     bool   // whether the account has it, or it is a Primary
	Type      string // the machine name of its type, if it is not a bundle
	PolicySID string // if it is a bundle
}

// Assign assigns an object to a bundle. prepare gets both, locked; the bundle has only its SIDs, kind and status. It returns the
// object's type, or an error that refuses the assignment. request may be nil. Assign returns ErrNotFound, ErrObjectNotFound,
// ErrAlreadyAssigned, ErrTooManyAssigned, or the error of prepare.
func (s *Store) Assign(
	ctx context.Context, of Scope, request *Request, a trust.Assignment, by trust.Origin,
	prepare func(b trust.Bundle, object Object) (objectType string, err error),
) (trust.Assignment, error) {
	return s.Assignments.save(ctx, request, a, func(tx session, a *trust.Assignment) error {
		b, objectLocked, err := s.lockBundles(tx, of, a)
		if err != nil {
			return err
		}
		o, err := s.lockObject(tx, a, objectLocked)
		if err != nil {
			return err
		}
		if a.ObjectType, err = prepare(b, o.Object); err != nil {
			return err
		}
		switch {
		case !o.Found:
			return ErrObjectNotFound
		case o.assigned:
			return ErrAlreadyAssigned
		case o.count >= MaxAssigned:
			return ErrTooManyAssigned
		}
		return addEvents(tx, &b, trust.Event{Origin: by, Type: trust.EventAssigned, ObjectSID: a.ObjectSID})
	})
}

// lockBundles locks the bundle of an assignment, and the object too if that is a bundle of the account. It returns the bundle and
// whether it has locked the object. Bundles are locked in the order of their SIDs, so that no two transactions wait for each
// other. For that reason a bundle that appears after lockBundles counts as missing: it must not be locked out of order.
//
// A Primary as the object is not locked, because it never changes. So nobody can keep others from using it, in whichever account.
func (s *Store) lockBundles(tx session, of Scope, a *trust.Assignment) (b trust.Bundle, objectLocked bool, err error) {
	if !strings.HasPrefix(a.ObjectSID, trust.BundlePrefix) {
		b, err = bundleStates.fetch(tx, of, a.BundleSID, s.engine.lockRow)
		return b, false, err
	}
	locked, err := queryAll(tx, bundleStates.scan, `SELECT `+bundleStates.list+` FROM bundles
		WHERE account_sid = $1 AND (sid = $2 OR sid = $3 AND NOT (kind = $4 AND policy_sid = $5)) ORDER BY sid`+s.engine.lockRow,
		a.AccountSID, a.BundleSID, a.ObjectSID, string(trust.CustomerProfile), trust.PrimaryPolicySID)
	if err != nil {
		return b, false, err
	}
	with := func(sid string) int {
		return slices.IndexFunc(locked, func(b trust.Bundle) bool { return b.SID == sid })
	}
	found := with(a.BundleSID)
	if found < 0 || !slices.Equal(of, BundlesOf(locked[found].AccountSID, locked[found].Kind)) {
		return b, false, ErrNotFound
	}
	return locked[found], with(a.ObjectSID) >= 0, nil
}

// assignee is an object with what decides whether it can be assigned to a bundle.
type assignee struct {
	Object

	assigned bool // to the bundle
	count    int  // of the bundle's objects
}

// lockObject locks the object of an assignment whose bundle is locked, so that it can be neither changed nor deleted before the
// transaction ends. It belongs to the account, unless it is a Primary, which is only read. objectLocked says whether lockBundles
// has locked the object.
func (s *Store) lockObject(tx session, a *trust.Assignment, objectLocked bool) (o assignee, err error) {
	const (
		ofAccount = ` WHERE sid = $4 AND account_sid = $5`
		isPrimary = ` WHERE sid = $4 AND policy_sid = $5 AND kind = '` + string(trust.CustomerProfile) + `'`
	)
	column, from, owner, kept := `policy_sid`, bundles.name+ofAccount, a.AccountSID, &o.PolicySID
	switch {
	case strings.HasPrefix(a.ObjectSID, trust.EndUserPrefix):
		column, from, kept = `type`, endUsers.name+ofAccount+s.engine.lockRow, &o.Type
	case strings.HasPrefix(a.ObjectSID, trust.SupportingDocumentPrefix):
		column, from, kept = `type`, documents.name+ofAccount+s.engine.lockRow, &o.Type
	case !objectLocked:
		from, owner = bundles.name+isPrimary, trust.PrimaryPolicySID
	}
	// What the bundle has cannot change while it is locked.
	err = tx.row(`SELECT `+column+`, EXISTS (SELECT 1 FROM assignments WHERE object_sid = $1 AND bundle_sid = $2),
			(SELECT COUNT(*) FROM assignments WHERE bundle_sid = $3) FROM `+from,
		a.ObjectSID, a.BundleSID, a.BundleSID, a.ObjectSID, owner).Scan(kept, &o.assigned, &o.count)
	o.Found = err == nil
	if errors.Is(s.classify(err), ErrNotFound) {
		err = nil
	}
	return o, err
}

// Unassign removes an assignment if allowed returns nil for the bundle, which is as in Assign. It returns ErrNotFound or the
// error of allowed.
func (s *Store) Unassign(
	ctx context.Context, of Scope, bundleSID, sid string, by trust.Origin, allowed func(trust.Bundle) error,
) error {
	return s.write(ctx, func(tx session) error {
		b, err := bundleStates.fetch(tx, of, bundleSID, s.engine.lockRow)
		if err != nil {
			return err
		}
		a, err := assignments.fetch(tx, Scope{bundleSID}, sid, "")
		if err != nil {
			return err
		}
		if err := allowed(b); err != nil {
			return err
		}
		event := trust.Event{Origin: by, Type: trust.EventUnassigned, ObjectSID: a.ObjectSID}
		if err := addEvents(tx, &b, event); err != nil {
			return err
		}
		return assignments.delete(tx, sid)
	})
}

// AssignEndpoint assigns a channel endpoint to a bundle, in whatever status that is, if allowed returns nil. allowed gets the
// bundle, and whether the account has the endpoint on a Customer Profile that is assigned to the bundle. request and the bundle
// are as in Assign. AssignEndpoint returns ErrNotFound, an *EndpointTakenError, or the error of allowed.
func (s *Store) AssignEndpoint(
	ctx context.Context, of Scope, request *Request, e trust.ChannelEndpoint, by trust.Origin,
	allowed func(b trust.Bundle, onProfile bool) error,
) (trust.ChannelEndpoint, error) {
	return s.ChannelEndpoints.save(ctx, request, e, func(tx session, e *trust.ChannelEndpoint) error {
		b, err := bundleStates.fetch(tx, of, e.BundleSID, s.engine.lockRow)
		if err != nil {
			return err
		}
		e.PolicySID = b.PolicySID
		// One at a time for an account, so that no other transaction is about to store the same endpoint.
		if _, err := accountKeys.fetch(tx, nil, e.AccountSID, s.engine.lockRow); err != nil {
			return err
		}
		holder, onProfile, err := findEndpoint(tx, e)
		if err != nil {
			return err
		}
		if holder != "" {
			return &EndpointTakenError{holder}
		}
		if err := allowed(b, onProfile); err != nil {
			return err
		}
		return addEvents(tx, &b, trust.Event{Origin: by, Type: trust.EventEndpointAssigned, ObjectSID: e.EndpointSID})
	})
}

// UnassignEndpoint removes a channel endpoint from a bundle, in whatever status that is. It returns ErrNotFound if there is no
// such bundle or endpoint.
func (s *Store) UnassignEndpoint(ctx context.Context, of Scope, bundleSID, sid string, by trust.Origin) error {
	return s.write(ctx, func(tx session) error {
		b, err := bundleStates.fetch(tx, of, bundleSID, s.engine.lockRow)
		if err != nil {
			return err
		}
		e, err := channelEndpoints.fetch(tx, Scope{bundleSID}, sid, "")
		if err != nil {
			return err
		}
		event := trust.Event{Origin: by, Type: trust.EventEndpointUnassigned, ObjectSID: e.EndpointSID}
		if err := addEvents(tx, &b, event); err != nil {
			return err
		}
		return channelEndpoints.delete(tx, sid)
	})
}

// findEndpoint returns the bundle of the same account and policy that has an endpoint, empty if no bundle has it, and whether the
// endpoint is on a Customer Profile that is assigned to its bundle. The profile needs no lock: the endpoint may be removed from
// it later, too.
func findEndpoint(q session, e *trust.ChannelEndpoint) (holder string, onProfile bool, err error) {
	err = q.row(`SELECT COALESCE((SELECT bundle_sid FROM channel_endpoints
				WHERE account_sid = $1 AND policy_sid = $2 AND channel_endpoint_sid = $3), ''),
			EXISTS (SELECT 1
				FROM assignments a JOIN bundles p ON p.sid = a.object_sid JOIN channel_endpoints e ON e.bundle_sid = p.sid
				WHERE a.bundle_sid = $4 AND p.kind = $5
					AND e.account_sid = $6 AND e.policy_sid = p.policy_sid AND e.channel_endpoint_sid = $7)`,
		e.AccountSID, e.PolicySID, e.EndpointSID,
		e.BundleSID, string(trust.CustomerProfile), e.AccountSID, e.EndpointSID).Scan(&holder, &onProfile)
	return holder, onProfile, err
}
