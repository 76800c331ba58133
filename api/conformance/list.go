package conformance

import (
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/opentrusthub/trusthub/gen"
)

// page is a page of a list.
type page struct {
	items []object
	meta  gen.PageMeta
}

// page expects the response to be a page.
func (a answer) page(d *description) page {
	a.s.Helper()
	a.expect(http.StatusOK)
	parts, err := decode[map[string]any](a.body)
	if err != nil {
		a.s.Fatalf("%s: %v", a.title, err)
	}
	meta, err := decode[struct{ Meta gen.PageMeta }](a.body)
	if err != nil || meta.Meta.Key != d.array {
		a.s.Fatalf("%s: meta is %+v, want key %s: %v", a.title, meta.Meta, d.array, err)
	}
	items, ok := parts[d.array].([]any)
	if !ok {
		a.s.Fatalf("%s: %s is not an array", a.title, d.array)
	}
	p := page{meta: meta.Meta}
	for _, item := range items {
		p.items = append(p.items, item.(map[string]any)) // the contract has been checked
	}
	return p
}

// page returns the first page of the list with these parameters.
func (s *suite) page(query form) page {
	s.Helper()
	p := s.do(request{method: http.MethodGet, path: s.collection() + "?" + query.encode()}).page(s.description)
	if size, asked := query["PageSize"]; asked && size != strconv.Itoa(p.meta.PageSize) {
		s.Errorf("a page of %s says that its size is %d", size, p.meta.PageSize)
	}
	return p
}

// list returns the items of all pages of the list with these parameters.
func (s *suite) list(query form) []object {
	s.Helper()
	if query["PageSize"] == "" {
		query = query.with(form{"PageSize": "1000"})
	}
	first := s.page(query)
	all := first.items
	for _, page := range s.follow(first, next) {
		all = append(all, page.items...)
	}
	return all
}

// own returns the filter that finds only what this form creates, empty if the list has no such filter.
func (s *suite) own(f form) form {
	if s.unique == "" || s.filterSchemas()[s.unique] == nil {
		return form{}
	}
	return form{s.unique: f[s.unique]}
}

// watch returns a function that returns the SIDs which the form has added to the list since the call of watch.
func (s *suite) watch(f form) func() []string {
	s.Helper()
	before := sids(s.list(s.own(f)))
	return func() []string {
		s.Helper()
		return slices.DeleteFunc(sids(s.list(s.own(f))), func(sid string) bool { return slices.Contains(before, sid) })
	}
}

// series is a number of resources that a case has created in order to list them.
type series struct {
	s     *suite
	draft form
	made  []string // SIDs, the oldest first
}

// five creates five resources from the same draft.
func (s *suite) five() *series {
	s.Helper()
	made := &series{s: s, draft: s.draft()}
	for range 5 {
		made.add()
	}
	return made
}

// add creates one more.
func (m *series) add() {
	m.s.Helper()
	differs := form{}
	if m.s.unique != "" {
		differs[m.s.unique] = m.draft[m.s.unique]
	}
	m.made = append(m.made, m.s.create(differs).sid())
}

// only returns the SIDs in a list that belong to the series. If there is a filter for the series, all must belong to it.
func (m *series) only(listed []string) []string {
	if len(m.s.own(m.draft)) > 0 {
		return listed
	}
	return slices.DeleteFunc(slices.Clone(listed), func(sid string) bool { return !slices.Contains(m.made, sid) })
}

// pages returns the list in pages of two.
func (m *series) pages(more form, between func()) [][]string {
	m.s.Helper()
	return m.s.walk(m.s.page(m.s.own(m.draft).with(form{"PageSize": "2"}).with(more)), between)
}

// walk goes from the first page to the last and back, and returns the SIDs on each page of the way there. Pages may be short or
// empty, so only the SIDs of all pages together must be the same on the way back. If between is not nil, walk calls it after the
// first page, and does not go back.
func (s *suite) walk(first page, between func()) (pages [][]string) {
	s.Helper()
	if between != nil {
		between()
	}
	there := append([]page{first}, s.follow(first, next)...)
	for _, p := range there {
		pages = append(pages, sids(p.items))
	}
	if between != nil {
		return pages
	}
	s.checkMeta(there)
	last := there[len(there)-1]
	back := [][]string{sids(last.items)}
	for _, p := range s.follow(last, previous) {
		back = append(back, sids(p.items))
	}
	slices.Reverse(back)
	if !slices.Equal(slices.Concat(back...), slices.Concat(pages...)) {
		s.Errorf("the pages had %v, and on the way back %v", pages, back)
	}
	return pages
}

// checkMeta expects that each page of a list has the size of the first and the number after the one before, and leads to itself
// and to the first.
func (s *suite) checkMeta(pages []page) {
	s.Helper()
	first := pages[0]
	for i, p := range pages {
		if m := p.meta; m.PageSize != first.meta.PageSize || (m.Page != first.meta.Page+i && m.Page != math.MaxInt) {
			s.Errorf("page %d says of itself %+v", i, m)
		}
		self, start := sids(s.turn(p.meta.URL).items), sids(s.turn(p.meta.FirstPageURL).items)
		if !slices.Equal(self, sids(p.items)) || !slices.Equal(start, sids(first.items)) {
			s.Errorf("page %d does not lead to itself and to the first: %+v", i, p.meta)
		}
	}
}

func next(m gen.PageMeta) *string     { return m.NextPageURL }
func previous(m gen.PageMeta) *string { return m.PreviousPageURL }

// follow returns the pages that the links of a page lead to, one after the other.
func (s *suite) follow(p page, link func(gen.PageMeta) *string) (pages []page) {
	s.Helper()
	for link(p.meta) != nil {
		if len(pages) == maxPages {
			s.Fatalf("more than %d pages", maxPages)
		}
		p = s.turn(*link(p.meta))
		pages = append(pages, p)
	}
	return pages
}

// turn fetches the page with a URL, from the target whatever the URL's host is.
func (s *suite) turn(pageURL string) page {
	s.Helper()
	_, query, ok := strings.Cut(pageURL, s.collection()+"?")
	if !ok || !strings.Contains(pageURL, "://") {
		s.Fatalf("the page's URL is %s", pageURL)
	}
	return s.do(request{method: http.MethodGet, path: s.collection() + "?" + query}).page(s.description)
}

// longest returns the number of items on the longest page.
func longest(pages [][]string) (most int) {
	for _, page := range pages {
		most = max(most, len(page))
	}
	return most
}

func sids(objects []object) []string {
	all := make([]string, len(objects))
	for i, o := range objects {
		all[i] = o.sid()
	}
	return all
}

func sorted(s []string) []string { return slices.Sorted(slices.Values(s)) }
