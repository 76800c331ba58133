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

// Assign assigns an object to a bundle. prepare gets both, locked: the object as an Assigned that holds only it, empty if
// the account has no such object. It returns the object's type, or an error that refuses the assignment. request may be nil.
// Assign returns ErrNotFound, ErrObjectNotFound, ErrAlreadyAssigned, ErrTooManyAssigned, or the error of prepare.
func (s *Store) Assign(
	ctx context.Context, of Scope, request *Request, a trust.Assignment, by trust.Origin,
	prepare func(b trust.Bundle, object trust.Assigned) (objectType string, err error),
) (trust.Assignment, error) {
	return s.Assignments.save(ctx, request, a, func(tx session, a *trust.Assignment) error {
		locked, err := s.lockBundles(tx, a)
		if err != nil {
			return err
		}
		found := slices.IndexFunc(locked, func(b trust.Bundle) bool {
			return b.SID == a.BundleSID && slices.Equal(of, BundlesOf(b.AccountSID, b.Kind))
		})
		if found < 0 {
			return ErrNotFound
		}
		b := locked[found]
		object, err := s.lockObject(tx, a, locked)
		if errors.Is(s.classify(err), ErrNotFound) {
			object, err = trust.Assigned{}, nil
		}
		if err != nil {
			return err
		}
		if a.ObjectType, err = prepare(b, object); err != nil {
			return err
		}
		if len(object.EndUsers)+len(object.Documents)+len(object.Bundles) == 0 {
			return ErrObjectNotFound
		}
		objects, err := queryAll(tx, scanString, `SELECT object_sid FROM assignments WHERE bundle_sid = $1`, a.BundleSID)
		switch {
		case err != nil:
			return err
		case slices.Contains(objects, a.ObjectSID):
			return ErrAlreadyAssigned
		case len(objects) >= MaxAssigned:
			return ErrTooManyAssigned
		}
		return addEvents(tx, a.BundleSID, trust.Event{Origin: by, Type: trust.EventAssigned, ObjectSID: a.ObjectSID})
	})
}

// lockBundles locks the bundle of an assignment, and the object too if that is a bundle of the account, and returns those that
// exist. Bundles are locked in the order of their SIDs, so that no two transactions wait for each other. For that
// reason a bundle that appears after lockBundles counts as missing: it must not be locked out of order.
//
// A Primary as the object is not locked, because it never changes. So nobody can keep others from using it, in whichever account.
func (s *Store) lockBundles(tx session, a *trust.Assignment) ([]trust.Bundle, error) {
	return queryAll(tx, bundles.scan, `SELECT `+bundles.list+` FROM bundles
		WHERE account_sid = $1 AND (sid = $2 OR sid = $3 AND NOT (kind = $4 AND policy_sid = $5)) ORDER BY sid`+s.engine.lockRow,
		a.AccountSID, a.BundleSID, a.ObjectSID, string(trust.CustomerProfile), trust.PrimaryPolicySID)
}

// lockObject returns the object of an assignment, so that it can be neither changed nor deleted before the transaction ends. It
// belongs to the account, unless it is a Primary. locked is the result of lockBundles.
func (s *Store) lockObject(tx session, a *trust.Assignment, locked []trust.Bundle) (object trust.Assigned, err error) {
	of, sid, lock := Scope{a.AccountSID}, a.ObjectSID, s.engine.lockRow
	bundle := slices.IndexFunc(locked, func(b trust.Bundle) bool { return b.SID == sid })
	switch {
	case strings.HasPrefix(sid, trust.EndUserPrefix):
		object.EndUsers = make([]trust.EndUser, 1)
		object.EndUsers[0], err = endUsers.fetch(tx, of, sid, lock)
	case strings.HasPrefix(sid, trust.SupportingDocumentPrefix):
		object.Documents = make([]trust.SupportingDocument, 1)
		object.Documents[0], err = documents.fetch(tx, of, sid, lock)
	case bundle >= 0:
		object.Bundles = locked[bundle : bundle+1]
	default:
		object.Bundles, err = queryAll(tx, bundles.scan, `SELECT `+bundles.list+` FROM bundles
			WHERE sid = $1 AND kind = $2 AND policy_sid = $3`, sid, string(trust.CustomerProfile), trust.PrimaryPolicySID)
	}
	return object, err
}

// Unassign removes an assignment if allowed returns nil. It returns ErrNotFound or the error of allowed.
func (s *Store) Unassign(
	ctx context.Context, of Scope, bundleSID, sid string, by trust.Origin, allowed func(trust.Bundle) error,
) error {
	return s.write(ctx, func(tx session) error {
		b, err := bundles.fetch(tx, of, bundleSID, s.engine.lockRow)
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
		if err := addEvents(tx, bundleSID, event); err != nil {
			return err
		}
		return assignments.delete(tx, sid)
	})
}

// AssignEndpoint assigns a channel endpoint to a bundle, in whatever status that is, if allowed returns nil. allowed gets the
// bundle, and whether the account has the endpoint on a Customer Profile that is assigned to the bundle. request is as in Assign.
// AssignEndpoint returns ErrNotFound, an *EndpointTakenError, or the error of allowed.
func (s *Store) AssignEndpoint(
	ctx context.Context, of Scope, request *Request, e trust.ChannelEndpoint, by trust.Origin,
	allowed func(b trust.Bundle, onProfile bool) error,
) (trust.ChannelEndpoint, error) {
	return s.ChannelEndpoints.save(ctx, request, e, func(tx session, e *trust.ChannelEndpoint) error {
		b, err := bundles.fetch(tx, of, e.BundleSID, s.engine.lockRow)
		if err != nil {
			return err
		}
		e.PolicySID = b.PolicySID
		// One at a time for an account, so that no other transaction is about to store the same endpoint.
		if _, err := accounts.fetch(tx, nil, e.AccountSID, s.engine.lockRow); err != nil {
			return err
		}
		taken, err := holders(tx, e)
		if err != nil {
			return err
		}
		if len(taken) > 0 {
			return &EndpointTakenError{taken[0]}
		}
		onProfile, err := isOnProfile(tx, e)
		if err != nil {
			return err
		}
		if err := allowed(b, onProfile); err != nil {
			return err
		}
		return addEvents(tx, b.SID, trust.Event{Origin: by, Type: trust.EventEndpointAssigned, ObjectSID: e.EndpointSID})
	})
}

// UnassignEndpoint removes a channel endpoint from a bundle, in whatever status that is. It returns ErrNotFound if there is no
// such bundle or endpoint.
func (s *Store) UnassignEndpoint(ctx context.Context, of Scope, bundleSID, sid string, by trust.Origin) error {
	return s.write(ctx, func(tx session) error {
		if _, err := bundles.fetch(tx, of, bundleSID, s.engine.lockRow); err != nil {
			return err
		}
		e, err := channelEndpoints.fetch(tx, Scope{bundleSID}, sid, "")
		if err != nil {
			return err
		}
		event := trust.Event{Origin: by, Type: trust.EventEndpointUnassigned, ObjectSID: e.EndpointSID}
		if err := addEvents(tx, bundleSID, event); err != nil {
			return err
		}
		return channelEndpoints.delete(tx, sid)
	})
}

// isOnProfile reports whether an endpoint is on a Customer Profile that is assigned to its bundle. The profile needs no lock: the
// endpoint may be removed from it later, too.
func isOnProfile(q session, e *trust.ChannelEndpoint) (found bool, err error) {
	err = q.row(`SELECT EXISTS (
			SELECT 1 FROM assignments a JOIN bundles p ON p.sid = a.object_sid JOIN channel_endpoints e ON e.bundle_sid = p.sid
			WHERE a.bundle_sid = $1 AND p.kind = $2
				AND e.account_sid = $3 AND e.policy_sid = p.policy_sid AND e.channel_endpoint_sid = $4)`,
		e.BundleSID, string(trust.CustomerProfile), e.AccountSID, e.EndpointSID).Scan(&found)
	return found, err
}

// holders returns the bundle that has an endpoint, if there is one of the same account and policy.
func holders(q session, e *trust.ChannelEndpoint) ([]string, error) {
	return queryAll(q, scanString, `SELECT bundle_sid FROM channel_endpoints
		WHERE account_sid = $1 AND policy_sid = $2 AND channel_endpoint_sid = $3`, e.AccountSID, e.PolicySID, e.EndpointSID)
}
