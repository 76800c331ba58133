package store

import (
	"context"
	"strings"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// searchStep is how many bundles a search examines for one page.
const searchStep = 5000

// BundleFilter chooses bundles of all accounts. Empty fields choose all.
type BundleFilter struct {
	Text       string // a part of the name or of the e-mail address; ASCII letters match in either case
	SID        string
	AccountSID string
	PolicySID  string
	Kind       trust.Kind
	Status     trust.Status
}

// FoundBundles is a page of a search.
type FoundBundles struct {
	Bundles []trust.Bundle
	Next    string // the SID that the next page begins after; empty on the last page. Others may have few rows or no rows
}

// SearchBundles returns up to limit bundles behind a SID that match the filter, the newest first. What it costs is bounded: it
// examines searchStep bundles, however few of them match.
func (s *Store) SearchBundles(ctx context.Context, f BundleFilter, after string, limit int) (FoundBundles, error) {
	if err := s.scans.Acquire(ctx, 1); err != nil {
		return FoundBundles{}, s.classify(err)
	}
	defer s.scans.Release(1)
	tx, err := s.reader.BeginTx(ctx, s.engine.snapshot) // so that both statements see the same rows
	if err != nil {
		return FoundBundles{}, s.classify(err)
	}
	defer tx.Rollback() //nolint:errcheck // it has only read
	q, search := session{ctx, tx}, bundleSearch{f, after}
	list := search.list(limit + 1)
	rows, err := queryAll(q, bundles.scan, list.text, list.args...)
	if err != nil {
		return FoundBundles{}, s.classify(err)
	}
	if len(rows) > limit {
		return FoundBundles{rows[:limit], rows[limit-1].SID}, nil
	}
	end := search.stepEnd()
	ends, err := queryAll(q, scanString, end.text, end.args...)
	if err != nil {
		return FoundBundles{}, s.classify(err)
	}
	found := FoundBundles{Bundles: rows}
	if len(ends) == 2 { // the last bundle of the step, and one behind it
		found.Next = ends[0]
	}
	return found, nil
}

// bundleSearch is the SQL of a search.
type bundleSearch struct {
	filter BundleFilter
	after  string
}

// step adds the conditions of the bundles to examine. The key is the SID, of which there is an index.
func (b bundleSearch) step(s *statement) {
	s.add(` FROM bundles WHERE TRUE`)
	if b.after != "" {
		s.add(` AND sid < ` + s.arg(b.after))
	}
	if b.filter.SID != "" {
		s.add(` AND sid = ` + s.arg(b.filter.SID))
	}
	s.add(` ORDER BY sid DESC`)
}

func (b bundleSearch) stepEnd() (end statement) {
	end.add(`SELECT sid`)
	b.step(&end)
	end.add(` LIMIT 2 OFFSET ` + end.arg(searchStep-1))
	return end
}

// list selects the matching bundles of a step. The inner LIMIT forces the planner to read along the key.
func (b bundleSearch) list(limit int) (list statement) {
	list.add(`SELECT ` + bundles.list + ` FROM (SELECT ` + bundles.list)
	b.step(&list)
	list.add(` LIMIT ` + list.arg(searchStep) + `) AS step WHERE TRUE`)
	for _, c := range []struct{ column, value string }{
		{`account_sid`, b.filter.AccountSID},
		{`policy_sid`, b.filter.PolicySID},
		{`kind`, string(b.filter.Kind)},
		{`status`, string(b.filter.Status)},
	} {
		if c.value != "" {
			list.add(` AND ` + c.column + ` = ` + list.arg(c.value))
		}
	}
	if b.filter.Text != "" {
		pattern := list.arg(`%` + escapeLike.Replace(b.filter.Text) + `%`)
		list.add(` AND (LOWER(friendly_name) LIKE LOWER(` + pattern + `) ESCAPE '!'
			OR LOWER(email) LIKE LOWER(` + pattern + `) ESCAPE '!')`)
	}
	list.add(` ORDER BY sid DESC LIMIT ` + list.arg(limit))
	return list
}

// escapeLike escapes what LIKE would not take literally.
var escapeLike = strings.NewReplacer(`!`, `!!`, `%`, `!%`, `_`, `!_`)
