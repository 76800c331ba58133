package store

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// Range says where in a list a part begins, and what bounds it. A list is in the order of its keys, the greatest first.
type Range struct {
	After    string // the part begins after this key; empty: at the list's end that the direction comes from
	Until    string // and ends before this one; empty: at the list's other end
	Backward bool   // towards the greater keys
	Limit    int    // rows at the most, 1 or more
	Bytes    int    // the part ends with the row that brings its text to so many bytes
	Step     int    // where no index serves a filter, the part is chosen from so many rows
}

// Part is a part of a list. One without rows need not be the last: Beyond tells.
type Part[Row any] struct {
	Rows    []Row  // in the direction of the range
	Bytes   int    // the size of their text
	Read    int    // rows that were read, at the most
	Reached string // the key of the last row that was read; may be empty if there are no rows and nothing is beyond
	Beyond  string // the key of the row that was next; empty if the list, or the range, ends here
}

// BundleQuery chooses a part of an account's bundles of a kind. The other fields choose all where they are empty.
type BundleQuery struct {
	AccountSID   string
	Kind         trust.Kind
	Status       trust.Status
	FriendlyName string
	PolicySID    string
	Range        Range
}

// ListBundles returns a part of the list of an account's bundles of a kind, whose key is the SID. What it costs is bounded,
// wherever the part begins and however many bundles there are, of this account or of others. Status has an index. A filter by
// name or policy has none, because that would make creates slower (docs/benchmarks.md): such a part ends after q.Range.Step rows.
func (s *Store) ListBundles(ctx context.Context, q BundleQuery) (Part[trust.Bundle], error) {
	if q.FriendlyName == "" && q.PolicySID == "" {
		part, err := readPart(s.read(ctx), q.Range, Part[trust.Bundle]{}, q.unfiltered())
		part.Read = len(part.Rows)
		return part, s.classify(err)
	}
	// A step keeps a processor busy for a millisecond or two. Some must be free for what is quick, of other accounts above all.
	if err := s.scans.Acquire(ctx, 1); err != nil {
		return Part[trust.Bundle]{}, s.classify(err)
	}
	defer s.scans.Release(1)
	tx, err := s.reader.BeginTx(ctx, s.engine.snapshot) // so that both statements see the same rows
	if err != nil {
		return Part[trust.Bundle]{}, s.classify(err)
	}
	defer tx.Rollback() //nolint:errcheck // it has only read
	step := q.stepEnd()
	end, err := queryAll(session{ctx, tx}, scanString, step.text, step.args...)
	if err != nil {
		return Part[trust.Bundle]{}, s.classify(err)
	}
	part := Part[trust.Bundle]{Read: q.Range.Step}
	if len(end) > 0 {
		part.Reached = end[0]
	}
	if len(end) > 1 {
		part.Beyond = end[1]
	}
	part, err = readPart(session{ctx, tx}, q.Range, part, q.filtered())
	return part, s.classify(err)
}

// unfiltered yields the rows of a part that an index serves alone, and one more, which tells what is beyond.
func (q BundleQuery) unfiltered() statement {
	var list statement
	list.add(`SELECT ` + bundleColumns + ` FROM bundles`)
	list.add(q.alongIndex(&list) + ` LIMIT ` + list.arg(q.Range.Limit+1))
	return list
}

// stepEnd yields the keys of the last row of a step and of the row beyond, as far as there are any.
func (q BundleQuery) stepEnd() statement {
	var end statement
	end.add(`SELECT sid FROM bundles`)
	end.add(q.alongIndex(&end) + ` LIMIT 2 OFFSET ` + strconv.Itoa(q.Range.Step-1))
	return end
}

// filtered yields the rows of a step that match, up to one more than asked for. The inner LIMIT leaves a planner no other way
// than along the index, whatever it expects of the filters.
func (q BundleQuery) filtered() statement {
	var list statement
	list.add(`SELECT ` + bundleColumns + ` FROM (SELECT ` + bundleColumns + ` FROM bundles`)
	order := q.alongIndex(&list)
	list.add(order + ` LIMIT ` + strconv.Itoa(q.Range.Step) + `) AS step WHERE TRUE`)
	if q.FriendlyName != "" {
		list.add(` AND friendly_name = ` + list.arg(q.FriendlyName))
	}
	if q.PolicySID != "" {
		list.add(` AND policy_sid = ` + list.arg(q.PolicySID))
	}
	list.add(order + ` LIMIT ` + list.arg(q.Range.Limit+1))
	return list
}

// alongIndex adds the conditions of a list's range and returns its order.
//
// It compares whole keys of an index instead of asking for an account and sorting by SID: then nothing but that index has the
// order. Postgres would else take the index of the SIDs alone for an account that it believes to have many bundles, and
// read all newer bundles of the others.
func (q BundleQuery) alongIndex(list *statement) (order string) {
	columns, values := []string{"account_sid", "kind"}, []any{q.AccountSID, string(q.Kind)}
	if q.Status != "" {
		columns, values = append(columns, "status"), append(values, string(q.Status))
	}
	ahead, behind, direction := ` < `, ` > `, ` DESC`
	if q.Range.Backward {
		ahead, behind, direction = behind, ahead, ``
	}
	key := append(slices.Clone(columns), "sid")
	compare := func(operator, sid string) {
		if sid == "" {
			list.add(tuple(columns) + strings.TrimRight(operator, " ") + `= ` + list.tuple(values))
			return
		}
		list.add(tuple(key) + operator + list.tuple(append(slices.Clone(values), sid)))
	}
	list.add(` WHERE `)
	compare(ahead, q.Range.After)
	list.add(` AND `)
	compare(behind, q.Range.Until)
	return ` ORDER BY ` + strings.Join(key, direction+`, `) + direction
}

// readPart adds the rows of a query to a part, until its range is full.
func readPart(q session, r Range, part Part[trust.Bundle], list statement) (Part[trust.Bundle], error) {
	full := false
	err := queryEach(q, scanBundle, func(p trust.Bundle) bool {
		if full = len(part.Rows) == r.Limit || part.Bytes >= r.Bytes; full {
			part.Beyond = p.SID
			return false
		}
		part.Rows, part.Bytes = append(part.Rows, p), part.Bytes+textSize(p)
		return true
	}, list.text, list.args...)
	if n := len(part.Rows); n > 0 && (full || part.Reached == "") {
		part.Reached = part.Rows[n-1].SID
	}
	return part, err
}

// textSize is what a bundle takes in memory, roughly.
func textSize(p trust.Bundle) int {
	const rest = 300
	return len(p.FriendlyName) + len(p.Email) + len(p.StatusCallback) + rest
}

// statement is SQL that is put together, with its arguments.
type statement struct {
	text string
	args []any
}

func (s *statement) add(text string) { s.text += text }

// arg adds an argument and returns what stands for it.
func (s *statement) arg(value any) string {
	s.args = append(s.args, value)
	return `$` + strconv.Itoa(len(s.args))
}

// tuple is arg for a row value.
func (s *statement) tuple(values []any) string {
	names := make([]string, len(values))
	for i, value := range values {
		names[i] = s.arg(value)
	}
	return tuple(names)
}

func tuple(items []string) string { return `(` + strings.Join(items, `, `) + `)` }
