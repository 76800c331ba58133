package conformance

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

func listCases() []testCase {
	const uses = createVerb | listVerb
	return []testCase{
		{name: "the list has what was created", uses: uses, run: func(s *suite) {
			draft := s.draft()
			o := s.create(draft)
			if m := s.page(s.own(draft)).meta; m.Page != 0 || m.PreviousPageURL != nil {
				s.Errorf("the first page's meta is %+v", m)
			}
			list := s.list(s.own(draft))
			at := slices.IndexFunc(list, func(other object) bool { return other.sid() == o.sid() })
			if at < 0 || (len(s.own(draft)) > 0 && len(list) != 1) {
				s.Fatalf("%d items, the created one at index %d", len(list), at)
			}
			s.same("listed", o, list[at])
		}},
		{name: "filters select", uses: uses, run: filters},
		{name: "pages have each item once, forward and backward", uses: listVerb, run: pagesThereAndBack},
		{name: "the newest items come first", uses: uses, needs: needStandIn, run: func(s *suite) {
			five := s.five()
			slices.Reverse(five.made)
			if got := five.only(sids(s.list(s.own(five.draft)))); !slices.Equal(got, five.made) {
				s.Errorf("the list is %v, want %v", got, five.made)
			}
		}},
		{name: "creates and deletes do not shift pages", uses: uses, needs: needStandIn, run: pagesStay},
		{name: "a page with the largest number links to the next", uses: uses, needs: needStandIn, run: func(s *suite) {
			five := s.five()
			five.expectOnce(five.pages(form{"Page": "9223372036854775807"}, nil))
		}},
		{name: "what the contract excludes is refused", uses: listVerb, needs: needStandIn, run: func(s *suite) {
			for _, p := range s.operations[listVerb].params {
				if p.Value.In != "query" {
					continue
				}
				for what, value := range invalid(p.Value.Schema.Value) {
					query := url.Values{p.Value.Name: {value}}.Encode()
					s.do(request{method: http.MethodGet, path: s.collection() + "?" + query}).invalid(what, p.Value.Name, value)
				}
			}
			s.do(request{method: http.MethodGet, path: s.collection() + "?PageSize=1&PageSize=2"}).invalid("two", "PageSize", "")
		}},
	}
}

func pagesStay(s *suite) {
	five := s.five()
	want := slices.Clone(five.made)
	slices.Reverse(want)
	pages := five.pages(nil, func() {
		five.add()
		if s.can(deleteVerb) {
			s.delete(want[0]).expect(http.StatusNoContent) // the newest, which is on the first page
		}
	})
	if got := five.only(slices.Concat(pages...)); !slices.Equal(got, want) {
		s.Errorf("the pages have %v, want %v", got, want)
	}
}

func pagesThereAndBack(s *suite) {
	if s.can(createVerb) {
		five := s.five()
		five.expectOnce(five.pages(nil, nil))
		return
	}
	all := sids(s.list(form{}))
	pages := s.walk(s.page(form{"PageSize": "2"}), nil)
	if got := slices.Concat(pages...); !slices.Equal(got, all) || longest(pages) > 2 || len(all) == 0 {
		s.Errorf("the list is %v, the pages have %v", all, pages)
	}
}

// expectOnce expects each item of the series once, on pages of at most two items.
func (m *series) expectOnce(pages [][]string) {
	m.s.Helper()
	if !slices.Equal(sorted(m.only(slices.Concat(pages...))), sorted(m.made)) || longest(pages) > 2 {
		m.s.Errorf("created %v, the pages have %v", m.made, pages)
	}
}

// filters tries each filter alone, and all the matching ones together.
func filters(s *suite) {
	draft := s.draft()
	o := s.create(draft)
	all := form{}
	for name, schema := range s.filterSchemas() {
		match, other := s.filterValues(o, name, schema.Value)
		all[name] = match
		own := s.own(draft)
		s.expectListed(o, own.with(form{name: match}), true)
		s.expectListed(o, own.with(form{name: other}), false)
		if name == s.unique && s.target.StandIn {
			s.expectListed(o, form{name: strings.ToLower(match)}, false)
			s.expectListed(o, form{name: match[:len(match)-1]}, false)
		}
	}
	s.expectListed(o, s.own(draft), true)
	s.expectListed(o, all, true)
	for name := range all {
		for _, found := range s.list(all) {
			if s.properties[property(name)] != nil && found.text(property(name)) != all[name] {
				s.Errorf("the filter %s finds %s", name, found.text(property(name)))
			}
		}
	}
}

// filterValues returns a value of the filter that finds the object and one that does not.
func (s *suite) filterValues(o object, name string, schema *openapi3.Schema) (match, other string) {
	s.Helper()
	match = o.text(property(name))
	switch given, ok := s.filters[name]; {
	case ok:
		match, other = given(o)
	case len(schema.Enum) > 0:
		others := slices.DeleteFunc(slices.Clone(schema.Enum), func(v any) bool { return v == match })
		other, _ = others[len(others)-1].(string)
	case name == s.unique:
		other = rand.Text()
	default:
		other = s.values(s)[name][1]
	}
	if match == other || other == "" {
		s.Fatalf("there is no other value for the filter %s", name)
	}
	return match, other
}

// expectListed expects the object to be in the filtered list, or not to be.
func (s *suite) expectListed(o object, filter form, want bool) {
	s.Helper()
	if held := slices.Contains(sids(s.list(filter)), o.sid()); held != want {
		s.Errorf("filter %v: in the list %v, want %v", filter, held, want)
	}
}
