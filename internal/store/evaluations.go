package store

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
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

// Evaluate stores an evaluation of a bundle. evaluate gets what is assigned to the bundle at that moment, see AssignedTo, and
// completes the evaluation. request is as in Assign. Evaluate returns ErrNotFound if there is no such bundle.
func (s *Store) Evaluate(
	ctx context.Context, of Scope, request *Request, e trust.Evaluation, by trust.Origin,
	evaluate func(e *trust.Evaluation, assigned trust.Assigned),
) (trust.Evaluation, error) {
	return s.Evaluations.save(ctx, request, e, func(tx session, e *trust.Evaluation) error {
		b, err := bundleStates.fetch(tx, of, e.BundleSID, s.engine.lockRow)
		if err != nil {
			return err
		}
		if err := completeEvaluation(tx, e, evaluate); err != nil {
			return err
		}
		return addEvents(tx, &b, trust.Event{Origin: by, Type: trust.EventEvaluated, ObjectSID: e.SID})
	})
}

// completeEvaluation completes an evaluation of a locked bundle and removes old ones.
func completeEvaluation(
	tx session, e *trust.Evaluation, evaluate func(e *trust.Evaluation, assigned trust.Assigned),
) error {
	assigned, err := assignedTo(tx, e.BundleSID)
	if err != nil {
		return err
	}
	evaluate(e, assigned)
	return makeRoom(tx, e.BundleSID)
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

// assignedObjects finds the objects of all kinds that a bundle has: a query for each kind takes twice as long on SQLite.
const assignedObjects = `SELECT o.sid, friendly_name, type, attributes, ''
		FROM assignments JOIN end_users o ON o.sid = object_sid WHERE bundle_sid = $1
	UNION ALL SELECT o.sid, friendly_name, type, attributes, ''
		FROM assignments JOIN supporting_documents o ON o.sid = object_sid WHERE bundle_sid = $1
	UNION ALL SELECT o.sid, friendly_name, kind, policy_sid, status
		FROM assignments JOIN bundles o ON o.sid = object_sid WHERE bundle_sid = $1`

// assignedTo reads what is assigned to a bundle, as AssignedTo.
func assignedTo(q session, bundleSID string) (assigned trust.Assigned, err error) {
	type object struct{ sid, name, kind, content, status string } // content is attributes, or the SID of a policy
	objects, err := queryAll(q, func(row scanner) (o object, err error) {
		return o, row.Scan(&o.sid, &o.name, &o.kind, &o.content, &o.status)
	}, assignedObjects, bundleSID)
	slices.SortFunc(objects, func(a, b object) int { return cmp.Compare(a.sid, b.sid) })
	for _, o := range objects {
		user := trust.EndUser{SID: o.sid, FriendlyName: o.name, Type: o.kind, Attributes: json.RawMessage(o.content)}
		switch {
		case strings.HasPrefix(o.sid, trust.EndUserPrefix):
			assigned.EndUsers = append(assigned.EndUsers, user)
		case strings.HasPrefix(o.sid, trust.SupportingDocumentPrefix):
			assigned.Documents = append(assigned.Documents, trust.SupportingDocument(user))
		default:
			assigned.Bundles = append(assigned.Bundles, trust.Bundle{
				SID: o.sid, FriendlyName: o.name, Kind: trust.Kind(o.kind), PolicySID: o.content, Status: trust.Status(o.status),
			})
		}
	}
	return assigned, err
}

// AssignedTo returns what is assigned to a bundle, as it is at one moment, ordered by SID, or ErrNotFound. Of the objects it has
// what an evaluation reads, and their names: the SID, the type and the attributes of an end user or a document, and the SID, the
// kind, the policy and the status of a bundle.
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
