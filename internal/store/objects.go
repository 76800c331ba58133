package store

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/opentrusthub/trusthub/internal/trust"
)

var endUsers = newTable(
	layout{name: "end_users", scope: []string{"account_sid"}},
	fixed(text("sid", func(u *trust.EndUser) *string { return &u.SID })),
	fixed(text("account_sid", func(u *trust.EndUser) *string { return &u.AccountSID })),
	text("friendly_name", func(u *trust.EndUser) *string { return &u.FriendlyName }),
	fixed(text("type", func(u *trust.EndUser) *string { return &u.Type })),
	jsonText("attributes", func(u *trust.EndUser) *json.RawMessage { return &u.Attributes }),
	fixed(moment("created_at", func(u *trust.EndUser) *time.Time { return &u.Created })),
	moment("updated_at", func(u *trust.EndUser) *time.Time { return &u.Updated }),
)

var documents = newTable(
	layout{name: "supporting_documents", scope: []string{"account_sid"}},
	fixed(text("sid", func(d *trust.SupportingDocument) *string { return &d.SID })),
	fixed(text("account_sid", func(d *trust.SupportingDocument) *string { return &d.AccountSID })),
	text("friendly_name", func(d *trust.SupportingDocument) *string { return &d.FriendlyName }),
	fixed(text("type", func(d *trust.SupportingDocument) *string { return &d.Type })),
	jsonText("attributes", func(d *trust.SupportingDocument) *json.RawMessage { return &d.Attributes }),
	fixed(moment("created_at", func(d *trust.SupportingDocument) *time.Time { return &d.Created })),
	moment("updated_at", func(d *trust.SupportingDocument) *time.Time { return &d.Updated }),
)

// jsonText is a column for JSON as it was given; an empty text means no JSON.
func jsonText[Row any](name string, field func(*Row) *json.RawMessage) column[Row] {
	c := converted(name, field, `''`,
		func(v json.RawMessage) string { return string(v) },
		func(s string) (json.RawMessage, error) {
			if s == "" {
				return nil, nil
			}
			return json.RawMessage(s), nil
		})
	c.text = func(r *Row) string { return string(*field(r)) }
	return c
}

// errAssignedMeanwhile says that an object was assigned to another bundle while the bundles that it was assigned to were locked.
var errAssignedMeanwhile = errors.New("the object was assigned to another bundle at the same time")

// UpdateObject is Resource.Update for a row that can be assigned to bundles. change gets the statuses of those bundles,
// which stay locked until the row is stored, and whose histories get the change. It returns ErrUnavailable if the row is assigned
// to other bundles in each try.
func (r *Resource[Row]) UpdateObject(
	ctx context.Context, of Scope, sid string, by trust.Origin,
	change func(row *Row, assignedTo []trust.Status) (changed bool, err error),
) (row Row, err error) {
	err = r.withBundles(ctx, of, sid, func(tx session, locked Row, assignedTo []trust.Status) error {
		row = locked
		changed, err := change(&row, assignedTo)
		if err != nil || !changed {
			return err
		}
		if err := addEventForAll(tx, sid, by, trust.EventObjectUpdated); err != nil {
			return err
		}
		return r.table.update(tx, &locked, &row)
	})
	return row, err
}

// DeleteObject removes the row and its assignments if allowed returns nil. allowed gets the statuses of the bundles that the row
// is assigned to. DeleteObject returns ErrNotFound, or the error of allowed.
func (r *Resource[Row]) DeleteObject(
	ctx context.Context, of Scope, sid string, by trust.Origin, allowed func(row Row, assignedTo []trust.Status) error,
) error {
	return r.deleteObject(ctx, of, sid, by, func(_ session, row Row, assignedTo []trust.Status) error {
		return allowed(row, assignedTo)
	})
}

// deleteObject is DeleteObject for a row that others depend on: before may end those.
func (r *Resource[Row]) deleteObject(
	ctx context.Context, of Scope, sid string, by trust.Origin,
	before func(tx session, row Row, assignedTo []trust.Status) error,
) error {
	return r.withBundles(ctx, of, sid, func(tx session, row Row, assignedTo []trust.Status) error {
		if err := before(tx, row, assignedTo); err != nil {
			return err
		}
		if err := unassignAll(tx, sid, by); err != nil {
			return err
		}
		return r.table.delete(tx, sid)
	})
}

// unassignAll ends the assignments of an object.
func unassignAll(tx session, sid string, by trust.Origin) error {
	if err := addEventForAll(tx, sid, by, trust.EventUnassigned); err != nil {
		return err
	}
	_, err := tx.exec(`DELETE FROM assignments WHERE object_sid = $1`, sid)
	return err
}

// withBundles runs fn in a transaction in which neither the row nor a bundle that it is assigned to can be changed by others.
func (r *Resource[Row]) withBundles(
	ctx context.Context, of Scope, sid string, fn func(tx session, row Row, assignedTo []trust.Status) error,
) error {
	if _, err := r.Fetch(ctx, of, sid); err != nil { // so that nobody locks the bundles of others
		return err
	}
	const tries = 5
	var err error
	for range tries {
		err = r.store.write(ctx, func(tx session) error {
			row, assignedTo, err := r.lockWithBundles(tx, of, sid)
			if err != nil {
				return err
			}
			return fn(tx, row, assignedTo)
		})
		if !errors.Is(err, errAssignedMeanwhile) {
			return err
		}
	}
	return errors.Join(ErrUnavailable, err)
}

// lockWithBundles locks the bundles that a row is assigned to, and then the row: Assign locks in this order, too. A row that is a
// bundle takes its place among the bundles, in the order of their SIDs. lockWithBundles fails if the row was assigned to another
// bundle in between.
func (r *Resource[Row]) lockWithBundles(tx session, of Scope, sid string) (row Row, assignedTo []trust.Status, err error) {
	locked, err := queryAll(tx, bundleStates.scan, `SELECT `+bundleStates.list+` FROM bundles
		WHERE sid IN (SELECT bundle_sid FROM assignments WHERE object_sid = $1 UNION SELECT $1)
		ORDER BY sid`+r.store.engine.lockRow, sid)
	if err != nil {
		return row, nil, err
	}
	isLocked := slices.ContainsFunc(locked, func(b trust.Bundle) bool { return b.SID == sid })
	if strings.HasPrefix(sid, trust.BundlePrefix) && !isLocked { // it has been deleted, as in lockBundles
		return row, nil, ErrNotFound
	}
	if row, err = r.table.fetch(tx, of, sid, r.store.engine.lockRow); err != nil {
		return row, nil, err
	}
	now, err := queryAll(tx, scanString, `SELECT bundle_sid FROM assignments WHERE object_sid = $1`, sid)
	if err != nil {
		return row, nil, err
	}
	for _, b := range locked {
		if slices.Contains(now, b.SID) { // or else it has been taken from the bundle
			assignedTo = append(assignedTo, b.Status)
		}
	}
	if len(assignedTo) < len(now) {
		return row, nil, errAssignedMeanwhile
	}
	return row, assignedTo, nil
}
