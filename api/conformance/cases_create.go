package conformance

import (
	"crypto/rand"
	"maps"
	"net/http"
	"slices"
	"strings"
)

func createCases() []testCase {
	const uses = createVerb | fetchVerb
	return []testCase{
		{name: "a create returns the values it was given", uses: uses, run: createReturnsValues},
		{name: "a create accepts all parameters", uses: uses, run: func(s *suite) {
			for i := range 2 {
				given := s.draft()
				for name, values := range s.values(s) {
					if name != s.unique {
						given[name] = values[i]
					} else if i == 1 { // a value with all kinds of characters
						given[name] = values[i] + rand.Text()
					}
				}
				s.expectGiven(s.create(given), given)
			}
		}},
		{name: "a repeated create creates another resource", uses: uses, run: func(s *suite) {
			if s.unique == "" {
				s.Skip("two of these cannot be the same, or the resource has a case of its own for it")
			}
			draft := s.draft()
			if first, second := s.create(draft), s.create(draft); first.sid() == second.sid() {
				s.Error("two creates returned the same resource")
			}
		}},
		{name: "unknown parameters are ignored", uses: uses, run: func(s *suite) {
			draft := s.draft()
			s.expectGiven(s.create(draft.with(form{"Nonsense": "1"})), draft)
		}},
		{name: "a content type may have a charset", uses: uses, run: func(s *suite) {
			s.created(s.do(request{
				method: http.MethodPost, path: s.collection(), form: s.draft(),
				header: map[string]string{"Content-Type": formType + "; charset=utf-8"},
			}))
		}},
		{name: "a missing required parameter is refused", uses: uses, run: func(s *suite) {
			for _, name := range s.operations[createVerb].form.Required {
				a := s.do(request{method: http.MethodPost, path: s.collection(), form: s.draft().without(name)})
				a.refused(http.StatusBadRequest, 20001)
				if s.target.StandIn && !strings.Contains(string(a.body), name) {
					s.Errorf("without %s the message does not name the parameter: %s", name, a.body)
				}
			}
		}},
		{name: "what the contract excludes is refused", uses: uses | listVerb, needs: needStandIn, run: createRefusals},
	}
}

func createReturnsValues(s *suite) {
	given := s.draft()
	o := s.create(given)
	s.expectGiven(o, given)
	if s.properties["account_sid"] != nil && o.text("account_sid") != s.target.AccountSID {
		s.Errorf("account_sid is %s", o.text("account_sid"))
	}
	if s.properties["date_created"] != nil && o.time("date_created").IsZero() {
		s.Error("date_created is missing")
	}
	if s.properties["date_updated"] != nil && o.text("date_updated") != o.text("date_created") {
		s.Errorf("created at %s, updated at %s", o.text("date_created"), o.text("date_updated"))
	}
	if !strings.HasSuffix(o.text("url"), s.item(o.sid())) {
		s.Errorf("url is %s", o.text("url"))
	}
	for name := range s.operations[createVerb].form.Properties {
		p := s.properties[property(name)]
		if _, ok := given[name]; ok || p == nil || !p.Value.Nullable {
			continue
		}
		if got := o.text(property(name)); got != "null" && got != "{}" { // an object may be empty instead
			s.Errorf("%s is %s, but was not given", property(name), got)
		}
	}
}

// expectGiven expects the properties to have the values of the form.
func (s *suite) expectGiven(o object, given form) {
	s.Helper()
	for name, value := range given {
		if s.properties[property(name)] != nil && !o.holds(property(name), value) {
			s.Errorf("%s is %s, want %s", property(name), o.text(property(name)), value)
		}
	}
}

func createRefusals(s *suite) {
	draft := s.draft()
	added := s.watch(draft)
	name, path := s.required(), s.collection()
	last := slices.Max(slices.Collect(maps.Keys(s.operations[createVerb].form.Properties)))
	post := request{method: http.MethodPost, path: path}
	post.body = draft.encode() + "&" + name + "=Twice"
	s.do(post).invalid("twice", name, "Twice")
	post.body = draft.without(last).encode() + "&" + last + "=%zz"
	s.do(post).invalid("a broken escape", last, "")
	post.body, post.header = draft.encode(), map[string]string{"Content-Type": "application/json"}
	s.do(post).invalid("another content type", "", "")
	s.refuses(createVerb, path, name, draft)
	if created := added(); len(created) != 0 {
		s.Errorf("%d resources were created by refused requests", len(created))
	}
}

func fetchCases() []testCase {
	return []testCase{
		{name: "fetch returns what create returned", uses: createVerb | fetchVerb, run: func(s *suite) {
			o := s.create(nil)
			s.same("fetched", o, s.fetch(o.sid()))
		}},
		{name: "fetch returns what the list has", uses: fetchVerb | listVerb, run: func(s *suite) {
			if s.can(createVerb) {
				s.create(nil)
			}
			page := s.page(form{"PageSize": "20"})
			if len(page.items) == 0 && !s.can(createVerb) {
				s.Error("the list is empty")
			}
			for _, o := range page.items {
				s.same("fetched", o, s.fetch(o.sid()))
			}
		}},
		{name: "an unknown SID is not found", uses: fetchVerb, run: func(s *suite) {
			s.do(request{method: http.MethodGet, path: s.item(s.unknownSID)}).refused(http.StatusNotFound, 20404)
		}},
	}
}

func deleteCases() []testCase {
	const uses = createVerb | fetchVerb | deleteVerb
	return []testCase{
		{name: "a deleted resource does not exist", uses: uses | listVerb, run: func(s *suite) {
			draft := s.draft()
			o := s.create(draft)
			other := s.create(nil)
			if a := s.delete(o.sid()).expect(http.StatusNoContent); len(a.body) != 0 {
				s.Errorf("status 204 has the body %q", a.body)
			}
			for _, one := range s.operationsOn(o.sid()) {
				s.do(one).refused(http.StatusNotFound, 20404)
			}
			if slices.Contains(sids(s.list(s.own(draft))), o.sid()) {
				s.Error("the list still has it")
			}
			s.same("the other one", other, s.fetch(other.sid()))
		}},
		{name: "an unknown SID is not found", uses: deleteVerb, run: func(s *suite) {
			s.delete(s.unknownSID).refused(http.StatusNotFound, 20404)
		}},
	}
}
