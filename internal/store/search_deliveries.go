package store

import "context"

// FoundDeliveries is a page of a search.
type FoundDeliveries struct {
	Deliveries []Delivery
	Next       string // the id that the next page begins after; empty on the last page. Others may have few rows
}

// SearchDeliveries is Deliveries for people. What it costs is bounded: it examines searchStep notices of those in the index that
// fits, however few of them match.
func (s *Store) SearchDeliveries(ctx context.Context, f DeliveryFilter) (FoundDeliveries, error) {
	if err := s.scans.Acquire(ctx, 1); err != nil {
		return FoundDeliveries{}, s.classify(err)
	}
	defer s.scans.Release(1)
	tx, err := s.reader.BeginTx(ctx, s.engine.snapshot) // so that both statements see the same rows
	if err != nil {
		return FoundDeliveries{}, s.classify(err)
	}
	defer tx.Rollback() //nolint:errcheck // it has only read
	q := session{ctx, tx}
	list := f.searchList(f.Limit + 1)
	all, err := s.scanDeliveries(q, withAttempts(list.text), list.args)
	if err != nil {
		return FoundDeliveries{}, err
	}
	if len(all) > f.Limit {
		return FoundDeliveries{all[:f.Limit], all[f.Limit-1].Notice.ID}, nil
	}
	end := f.searchEnd()
	ends, err := queryAll(q, scanString, end.text, end.args...)
	if err != nil {
		return FoundDeliveries{}, s.classify(err)
	}
	found := FoundDeliveries{Deliveries: all}
	if len(ends) == 2 { // the last notice of the step, and one behind it
		found.Next = ends[0]
	}
	return found, nil
}

// searchStep adds the conditions of the notices to examine.
func (f DeliveryFilter) searchStep(s *statement) {
	s.add(` FROM notices WHERE TRUE`)
	f.addIndexed(s)
	s.add(` ORDER BY id DESC`)
}

func (f DeliveryFilter) searchEnd() (end statement) {
	end.add(`SELECT id`)
	f.searchStep(&end)
	end.add(` LIMIT 2 OFFSET ` + end.arg(searchStep-1))
	return end
}

// searchList selects the matching notices of a step. The inner LIMIT forces the planner to read along an index.
func (f DeliveryFilter) searchList(limit int) (list statement) {
	list.add(`SELECT ` + noticeRows.list + ` FROM (SELECT ` + noticeRows.list)
	f.searchStep(&list)
	list.add(` LIMIT ` + list.arg(searchStep) + `) AS step WHERE TRUE`)
	f.addOthers(&list)
	list.add(` ORDER BY id DESC LIMIT ` + list.arg(limit))
	return list
}
