package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/opentrusthub/trusthub/internal/trust"
)

var evaluations = newTable(
	layout{name: "evaluations", scope: []string{"bundle_sid"}},
	fixed(text("sid", func(e *trust.Evaluation) *string { return &e.SID })),
	fixed(text("account_sid", func(e *trust.Evaluation) *string { return &e.AccountSID })),
	fixed(text("bundle_sid", func(e *trust.Evaluation) *string { return &e.BundleSID })),
	fixed(text("policy_sid", func(e *trust.Evaluation) *string { return &e.PolicySID })),
	fixed(text("status", func(e *trust.Evaluation) *trust.Compliance { return &e.Status })),
	fixed(results("results", func(e *trust.Evaluation) *[]trust.Result { return &e.Results })),
	fixed(moment("created_at", func(e *trust.Evaluation) *time.Time { return &e.Created })),
)

// results is a column for the results of an evaluation, as JSON.
func results[Row any](name string, field func(*Row) *[]trust.Result) column[Row] {
	keep := func(all []trust.Result) string {
		text, err := json.Marshal(all)
		if err != nil {
			panic(err) // texts and numbers
		}
		return string(text)
	}
	c := converted(name, field, `''`, keep, func(s string) (all []trust.Result, err error) {
		return all, json.Unmarshal([]byte(s), &all)
	})
	c.text = func(r *Row) string { return keep(*field(r)) }
	return c
}

// KeptEvaluations is how many evaluations of a bundle are kept, the newest.
const KeptEvaluations = 100

// Evaluate stores an evaluation of a bundle. evaluate gets the bundle and what is assigned to it at that moment, and
// completes the evaluation. request is as in Assign. Evaluate returns ErrNotFound if there is no such bundle.
func (s *Store) Evaluate(
	ctx context.Context, of Scope, request *Request, e trust.Evaluation, by trust.Origin,
	evaluate func(e *trust.Evaluation, b trust.Bundle, assigned trust.Assigned),
) (trust.Evaluation, error) {
	return s.Evaluations.save(ctx, request, e, func(tx session, e *trust.Evaluation) error {
		b, err := bundles.fetch(tx, of, e.BundleSID, s.engine.lockRow)
		if err != nil {
			return err
		}
		if err := s.evaluate(tx, e, b, evaluate); err != nil {
			return err
		}
		return addEvents(tx, &b, trust.Event{Origin: by, Type: trust.EventEvaluated, ObjectSID: e.SID})
	})
}

// evaluate completes the evaluation of a locked bundle and removes old ones.
func (s *Store) evaluate(
	tx session, e *trust.Evaluation, b trust.Bundle, evaluate func(e *trust.Evaluation, b trust.Bundle, assigned trust.Assigned),
) error {
	assigned, err := assignedTo(tx, b.SID)
	if err != nil {
		return err
	}
	evaluate(e, b, assigned)
	return makeRoom(tx, b.SID)
}

// insertEvaluation stores an evaluation of a locked bundle and removes old ones. It does nothing if e is nil.
func insertEvaluation(tx session, e *trust.Evaluation) error {
	if e == nil {
		return nil
	}
	if err := makeRoom(tx, e.BundleSID); err != nil {
		return err
	}
	return evaluations.insert(tx, *e)
}

// makeRoom removes old evaluations of a bundle, so that there is room for one more.
func makeRoom(tx session, bundleSID string) error {
	_, err := tx.exec(`DELETE FROM evaluations WHERE bundle_sid = $1 AND sid <= (
		SELECT sid FROM evaluations WHERE bundle_sid = $1 ORDER BY sid DESC LIMIT 1 OFFSET $2)`, bundleSID, KeptEvaluations-1)
	return err
}

// assignedTo reads what is assigned to a bundle.
func assignedTo(q session, bundleSID string) (assigned trust.Assigned, err error) {
	const those = ` WHERE sid IN (SELECT object_sid FROM assignments WHERE bundle_sid = $1) ORDER BY sid`
	if assigned.EndUsers, err = queryAll(q, endUsers.scan,
		`SELECT `+endUsers.list+` FROM end_users`+those, bundleSID); err != nil {
		return assigned, err
	}
	if assigned.Documents, err = queryAll(q, documents.scan,
		`SELECT `+documents.list+` FROM supporting_documents`+those, bundleSID); err != nil {
		return assigned, err
	}
	assigned.Bundles, err = queryAll(q, bundles.scan, `SELECT `+bundles.list+` FROM bundles`+those, bundleSID)
	return assigned, err
}

// AssignedTo returns what is assigned to a bundle, as it is at one moment, or ErrNotFound.
func (s *Store) AssignedTo(ctx context.Context, of Scope, bundleSID string) (b trust.Bundle, assigned trust.Assigned, err error) {
	tx, err := s.reader.BeginTx(ctx, s.engine.snapshot)
	if err != nil {
		return b, assigned, s.classify(err)
	}
	defer tx.Rollback() //nolint:errcheck // it has only read
	if b, err = bundles.fetch(session{ctx, tx}, of, bundleSID, ""); err == nil {
		assigned, err = assignedTo(session{ctx, tx}, bundleSID)
	}
	return b, assigned, s.classify(err)
}
