package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// Erasure says whose data is erased. Exactly one of BundleSID, Email and AccountSID is set.
type Erasure struct {
	// BundleSID is a bundle, which may be deleted already, with all that is about it: its assignments, channel endpoints,
	// evaluations, notices, attempts and history, and the end users and supporting documents that no other bundle has.
	BundleSID string
	// Email is an address. Each bundle that has it, as its Email or in its name, is erased as with BundleSID. So is each end user
	// and supporting document that has it in its name or attributes, and each notice that was sent to it.
	Email string
	// AccountSID is an account with all that it has, its auth tokens, its API keys and its Primary included.
	AccountSID string

	DryRun bool // only count
	By     trust.Origin
}

// eraseStep is how many idempotency keys are deleted in one transaction.
const eraseStep = 400

// errDryRun rolls a transaction back that has only counted.
var errDryRun = errors.New("dry run")

// Erase deletes what e names, with the answers that are kept for repeated requests, and returns how many rows of each table that
// were. It uses one transaction for each bundle and each object, so that others can write meanwhile. If it is interrupted, the
// same call erases the rest. What is stored about a customer while it runs may be left. It returns trust.ErrPrimary for a Primary
// Customer Profile, which is erased with its account.
//
// Other bundles lose the objects that are erased, whatever their status is, and their histories say so. They keep the SIDs.
//
// On SQLite, call Scrub after it.
func (s *Store) Erase(ctx context.Context, e Erasure) (map[string]int64, error) {
	if b, err := s.Bundle(ctx, e.BundleSID); err == nil && b.IsPrimary() {
		return nil, trust.ErrPrimary
	} else if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	x := &eraser{s, ctx, e, map[string]int64{}, map[string]bool{}, map[string]bool{}}
	for _, table := range tables() {
		x.counts[table.name] = 0
	}
	err := x.erase()
	if ctx.Err() != nil { // the drivers have many errors for that
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, s.classify(err)
	}
	return x.counts, nil
}

func (x *eraser) erase() error {
	if x.of.AccountSID != "" { // first, so that its requests are refused from now on
		if err := x.eraseAccount(); err != nil {
			return err
		}
	}
	found, err := x.find()
	if err != nil {
		return err
	}
	for sid := range found.all() {
		x.erased[sid] = true
	}
	for _, step := range []func(eraseTargets) error{x.eraseKeys, x.eraseObjects, x.eraseBundles, x.eraseNotices, x.sweep} {
		if err := step(found); err != nil {
			return err
		}
	}
	if x.of.DryRun {
		return nil
	}
	return x.eraseKeys(found) // those that were stored meanwhile
}

// eraser is a call of Erase.
type eraser struct {
	*Store

	ctx         context.Context //nolint:containedctx // it lives as long as one call
	of          Erasure
	counts      map[string]int64 // by table
	erased      map[string]bool  // SIDs of bundles, end users and supporting documents
	assignments map[string]bool  // SIDs; a dry run finds an assignment with its bundle and with its object
}

// write runs fn in a transaction, which a dry run rolls back, and adds what it counts.
func (x *eraser) write(fn func(tx session, count func(table string, rows int64)) error) error {
	var counts map[string]int64
	err := x.Store.write(x.ctx, func(tx session) error {
		counts = map[string]int64{}
		if err := fn(tx, func(table string, rows int64) { counts[table] += rows }); err != nil {
			return err
		}
		if x.of.DryRun {
			return errDryRun
		}
		return nil
	})
	if err != nil && !errors.Is(err, errDryRun) {
		return err
	}
	for table, rows := range counts {
		x.counts[table] += rows
	}
	return nil
}

// eraseAccount deletes the account with its API keys. AddAPIKey locks the account, so none is added between the two statements.
func (x *eraser) eraseAccount() error {
	err := x.write(func(tx session, count func(string, int64)) error {
		rows, err := tx.exec(`DELETE FROM accounts WHERE sid = $1`, x.of.AccountSID)
		if err != nil {
			return err
		}
		count(accounts.name, rows)
		rows, err = tx.exec(`DELETE FROM api_keys WHERE account_sid = $1`, x.of.AccountSID)
		count(apiKeys.name, rows)
		return err
	})
	x.version.Add(1)
	return err
}

// eraseKeys deletes idempotency keys that have, in themselves or in their answers, one of the erased SIDs or the address.
func (x *eraser) eraseKeys(eraseTargets) error {
	if x.of.AccountSID != "" {
		return x.eraseKeysOfAccount()
	}
	keys, err := x.findKeys()
	if err != nil {
		return err
	}
	for part := range slices.Chunk(keys, eraseStep) {
		err := x.write(func(tx session, count func(string, int64)) error {
			for _, k := range part {
				rows, err := tx.exec(`DELETE FROM idempotency_keys WHERE account_sid = $1 AND idempotency_key = $2`,
					k.accountSID, k.key)
				if err != nil {
					return err
				}
				count(savedAnswers.name, rows)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (x *eraser) eraseKeysOfAccount() error {
	if x.of.DryRun {
		return nil // sweep counts them
	}
	for {
		var some int64
		err := x.write(func(tx session, count func(string, int64)) (err error) {
			some, err = tx.exec(`DELETE FROM idempotency_keys WHERE (account_sid, idempotency_key) IN (
				SELECT account_sid, idempotency_key FROM idempotency_keys WHERE account_sid = $1 LIMIT $2)`,
				x.of.AccountSID, eraseStep)
			count(savedAnswers.name, some)
			return err
		})
		if err != nil || some == 0 {
			return err
		}
	}
}

// eraseObjects comes before eraseBundles: the assignments say which objects are to be erased after an interruption.
func (x *eraser) eraseObjects(found eraseTargets) error {
	for _, sid := range found.endUsers {
		if err := eraseRow(x, x.EndUsers, sid, nil); err != nil {
			return err
		}
	}
	for _, sid := range found.documents {
		if err := eraseRow(x, x.Documents, sid, nil); err != nil {
			return err
		}
	}
	return nil
}

func (x *eraser) eraseBundles(found eraseTargets) error {
	for _, sid := range found.bundles {
		if err := eraseRow(x, x.Bundles, sid, x.eraseContents); err != nil {
			return err
		}
	}
	return nil
}

// eraseRow deletes the row with a SID, its assignments, and more. The row may be missing.
func eraseRow[Row any](
	x *eraser, r *Resource[Row], sid string, more func(tx session, sid string, count func(string, int64)) error,
) error {
	const tries = 5
	var err error
	for range tries {
		var ended []string
		err = x.write(func(tx session, count func(string, int64)) error {
			_, _, err := r.lockWithBundles(tx, nil, sid)
			if err != nil && !errors.Is(x.classify(err), ErrNotFound) {
				return err
			}
			if ended, err = x.unassign(tx, sid); err != nil {
				return err
			}
			if more != nil {
				if err := more(tx, sid, count); err != nil {
					return err
				}
			}
			rows, err := tx.exec(`DELETE FROM `+r.table.name+` WHERE sid = $1`, sid)
			count(r.table.name, rows)
			return err
		})
		if err == nil {
			for _, sid := range ended {
				x.assignments[sid] = true
			}
			x.counts[assignments.name] = int64(len(x.assignments))
		}
		if !errors.Is(err, errAssignedMeanwhile) {
			return err
		}
	}
	return errors.Join(ErrUnavailable, err)
}

// unassign deletes the assignments of and to a row, which is locked with its bundles, and returns their SIDs. The histories of
// bundles that stay have an event.
func (x *eraser) unassign(tx session, sid string) (ended []string, err error) {
	holders, err := queryAll(tx, scanString, `SELECT bundle_sid FROM assignments WHERE object_sid = $1 ORDER BY bundle_sid`, sid)
	if err != nil {
		return nil, err
	}
	for _, holder := range holders {
		if x.erased[holder] {
			continue
		}
		if err := addEventTo(tx, holder, trust.Event{Origin: x.of.By, Type: trust.EventUnassigned, ObjectSID: sid}); err != nil {
			return nil, err
		}
	}
	return queryAll(tx, scanString, `DELETE FROM assignments WHERE object_sid = $1 OR bundle_sid = $1 RETURNING sid`, sid)
}

// eraseContents deletes the rows of all tables that belong to a bundle.
func (x *eraser) eraseContents(tx session, sid string, count func(string, int64)) error {
	rows, err := tx.exec(`DELETE FROM attempts WHERE notice_id IN (SELECT id FROM notices WHERE bundle_sid = $1)`, sid)
	if err != nil {
		return err
	}
	count(attemptRows.name, rows)
	for _, table := range tables() {
		if !slices.Contains(table.columns, "bundle_sid") || table.name == assignments.name {
			continue
		}
		rows, err := tx.exec(`DELETE FROM `+table.name+` WHERE bundle_sid = $1`, sid)
		if err != nil {
			return fmt.Errorf("%s: %w", table.name, err)
		}
		count(table.name, rows)
	}
	return nil
}

// eraseNotices deletes notices to the address of bundles that stay. The next notice of the bundle takes the place of an open one.
func (x *eraser) eraseNotices(found eraseTargets) error {
	for _, id := range found.notices {
		err := x.write(func(tx session, count func(string, int64)) error {
			n, err := x.lockNotice(tx, id, `TRUE`)
			if errors.Is(x.classify(err), ErrNotFound) || x.erased[n.BundleSID] { // it has been erased, or counted
				return nil
			}
			if err != nil {
				return err
			}
			attempts, err := tx.exec(`DELETE FROM attempts WHERE notice_id = $1`, id)
			if err != nil {
				return err
			}
			count(attemptRows.name, attempts)
			count(noticeRows.name, 1)
			if err := noticeRows.delete(tx, id); err != nil {
				return err
			}
			list, err := json.Marshal([]reported{{BundleSID: n.BundleSID, Channel: n.Channel}})
			if err == nil {
				_, err = x.arrange(tx, string(list), x.of.By.At)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// sweep deletes what else has the SID of the account, from all tables that name accounts.
func (x *eraser) sweep(eraseTargets) error {
	if x.of.AccountSID == "" {
		return nil
	}
	for _, table := range tables() {
		if !slices.Contains(table.columns, "account_sid") || (x.of.DryRun && x.counted(table)) {
			continue
		}
		var some bool // without the lock of a write: there may be no index
		where := ` FROM ` + table.name + ` WHERE account_sid = $1`
		if err := x.read(x.ctx).row(`SELECT EXISTS (SELECT 1`+where+`)`, x.of.AccountSID).Scan(&some); err != nil || !some {
			if err != nil {
				return err
			}
			continue
		}
		err := x.write(func(tx session, count func(string, int64)) error {
			rows, err := tx.exec(`DELETE`+where, x.of.AccountSID)
			count(table.name, rows)
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", table.name, err)
		}
	}
	return nil
}

// counted reports whether a dry run has counted the rows of a table with those of the account, of bundles and of objects.
func (x *eraser) counted(table layout) bool {
	return slices.Contains(table.columns, "bundle_sid") ||
		slices.Contains([]string{apiKeys.name, bundles.name, endUsers.name, documents.name}, table.name)
}

// sortedKeys returns the keys of a set.
func sortedKeys(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }

// hasAddress reports whether a text has an e-mail address as a word, in whichever case: "Ada <ada@acme.example>" has
// ada@acme.example, and canada@acme.example has not.
func hasAddress(text, address string) bool {
	words := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n,;:<>()[]\"'", r) })
	return slices.ContainsFunc(words, func(word string) bool { return strings.EqualFold(strings.Trim(word, "."), address) })
}
