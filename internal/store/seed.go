package store

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// Contents are rows of several tables that belong together.
type Contents struct {
	Bundles          []trust.Bundle
	EndUsers         []trust.EndUser
	Documents        []trust.SupportingDocument
	Assignments      []trust.Assignment
	ChannelEndpoints []trust.ChannelEndpoint
}

// keysPerQuery bounds a query for many keys.
const keysPerQuery = 500

// errStoredMeanwhile says that somebody else stored one of the rows after Seed had looked for it.
var errStoredMeanwhile = errors.New("one of the objects was stored by another process at the same time")

// Seed stores what missing returns, in one transaction. missing gets what is stored already, none of which changes before the
// transaction ends: the bundles, end users and supporting documents with these SIDs, whosever they are; all that is assigned to
// these bundles; and the account's channel endpoints with these SIDs, whichever bundle they are on. Seed returns ErrNotFound for
// an unknown account, or the error of missing. It returns ErrUnavailable if others store the same rows in each try.
func (s *Store) Seed(
	ctx context.Context, accountSID string, sids []string, by trust.Origin, missing func(found Contents) (Contents, error),
) error {
	const tries = 5
	var err error
	for range tries {
		due := false
		err = s.write(ctx, func(tx session) error {
			found, err := s.lockContents(tx, accountSID, sids)
			if err != nil {
				return err
			}
			rows, err := missing(found)
			if err != nil {
				return err
			}
			due = slices.ContainsFunc(rows.Bundles, func(b trust.Bundle) bool { return !b.Due.IsZero() })
			if err := insertContents(tx, rows); err != nil {
				return err
			}
			return addSeeded(tx, rows, by)
		})
		if err == nil && due {
			s.wake()
		}
		if !errors.Is(err, errStoredMeanwhile) {
			return err
		}
	}
	return errors.Join(ErrUnavailable, err)
}

// lockContents returns the found of Seed. It locks in the order of all others: bundles by their SIDs, objects, the account.
func (s *Store) lockContents(tx session, accountSID string, sids []string) (found Contents, err error) {
	with := func(prefix string) []string {
		var some []string
		for _, sid := range sids {
			if strings.HasPrefix(sid, prefix) {
				some = append(some, sid)
			}
		}
		slices.Sort(some)
		return some
	}
	bundleSIDs, lock := with(trust.BundlePrefix), s.engine.lockRow
	if found.Bundles, err = fetchAll(tx, bundles, "", "sid", bundleSIDs, lock); err != nil {
		return found, err
	}
	if found.EndUsers, err = fetchAll(tx, endUsers, "", "sid", with(trust.EndUserPrefix), lock); err != nil {
		return found, err
	}
	if found.Documents, err = fetchAll(tx, documents, "", "sid", with(trust.SupportingDocumentPrefix), lock); err != nil {
		return found, err
	}
	if _, err := accounts.fetch(tx, nil, accountSID, lock); err != nil {
		return found, err
	}
	if found.Assignments, err = fetchAll(tx, assignments, "", "bundle_sid", bundleSIDs, ""); err != nil {
		return found, err
	}
	numbers := with(trust.PhoneNumberPrefix)
	found.ChannelEndpoints, err = fetchAll(tx, channelEndpoints, accountSID, "channel_endpoint_sid", numbers, "")
	return found, err
}

// fetchAll returns the rows of an account, of any if that is empty, that have one of the sorted values in a column. lock is as in
// table.fetch.
func fetchAll[Row any](tx session, t *table[Row], accountSID, column string, values []string, lock string) ([]Row, error) {
	var all []Row
	for part := range slices.Chunk(values, keysPerQuery) {
		var query statement
		query.add(`SELECT ` + t.list + ` FROM ` + t.name + ` WHERE ` + column + ` IN ` + query.tuple(anys(part)))
		if accountSID != "" {
			query.add(` AND account_sid = ` + query.arg(accountSID))
		}
		query.add(` ORDER BY ` + t.key() + lock)
		rows, err := queryAll(tx, t.scan, query.text, query.args...)
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
	}
	return all, nil
}

// addSeeded adds to the histories of bundles what a seed stored.
func addSeeded(tx session, c Contents, by trust.Origin) error {
	add := func(bundleSID string, e trust.Event) error {
		e.Origin = by
		return addEventTo(tx, bundleSID, e)
	}
	for _, b := range c.Bundles {
		if err := add(b.SID, trust.Event{Type: trust.EventSeeded, To: b.Status, Errors: b.Errors}); err != nil {
			return err
		}
	}
	for _, a := range c.Assignments {
		if err := add(a.BundleSID, trust.Event{Type: trust.EventAssigned, ObjectSID: a.ObjectSID}); err != nil {
			return err
		}
	}
	for _, e := range c.ChannelEndpoints {
		if err := add(e.BundleSID, trust.Event{Type: trust.EventEndpointAssigned, ObjectSID: e.EndpointSID}); err != nil {
			return err
		}
	}
	return nil
}

// insertContents stores rows in an order in which each refers only to earlier ones. It returns errStoredMeanwhile if one of them
// is there already.
func insertContents(tx session, c Contents) error {
	for _, insert := range []func() error{
		func() error { return insertAll(tx, bundles, c.Bundles) },
		func() error { return insertAll(tx, endUsers, c.EndUsers) },
		func() error { return insertAll(tx, documents, c.Documents) },
		func() error { return insertAll(tx, assignments, c.Assignments) },
		func() error { return insertAll(tx, channelEndpoints, c.ChannelEndpoints) },
	} {
		if err := insert(); err != nil {
			return err
		}
	}
	return nil
}

func insertAll[Row any](tx session, t *table[Row], rows []Row) error {
	for part := range slices.Chunk(rows, rowsPerInsert) {
		stored, err := t.execInsert(tx, t.insertText(len(part))+` ON CONFLICT DO NOTHING`, part...)
		if err != nil {
			return err
		}
		if stored < int64(len(part)) {
			return errStoredMeanwhile
		}
	}
	return nil
}
