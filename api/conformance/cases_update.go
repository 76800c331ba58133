package conformance

import (
	"cmp"
	"net/http"
)

func updateCases() []testCase {
	const uses = createVerb | fetchVerb | updateVerb
	return []testCase{
		{name: "an update changes only the given fields", uses: uses, run: updateOneByOne},
		{name: "an update without new values changes nothing", uses: uses, needs: needStandIn, run: func(s *suite) {
			o := s.create(nil)
			current := form{}
			for name := range s.operations[updateVerb].form.Properties {
				if o[property(name)] != nil {
					current[name] = o.text(property(name))
				}
			}
			for _, nothing := range []form{nil, current, {"Nonsense": "1"}} {
				s.same("returned", o, s.update(o.sid(), nothing).object(http.StatusOK))
			}
			s.same("fetched", o, s.fetch(o.sid()))
		}},
		{name: "an update with an unknown value changes nothing", uses: uses, run: func(s *suite) {
			o := s.create(nil)
			enums := 0
			for name, schema := range s.operations[updateVerb].form.Properties {
				if len(schema.Value.Enum) > 0 {
					s.update(o.sid(), s.edit().with(form{name: "nonsense"})).refused(http.StatusBadRequest, 20001)
					enums++
				}
			}
			if enums == 0 {
				s.Skip("no parameter has an enumeration")
			}
			s.same("after the refusal", o, s.fetch(o.sid()))
		}},
		{name: "what the contract excludes is refused", uses: uses, needs: needStandIn, run: updateRefusals},
		{name: "an unknown SID is not found", uses: uses, run: func(s *suite) {
			s.update(s.unknownSID, s.edit()).refused(http.StatusNotFound, 20404)
		}},
	}
}

func updateOneByOne(s *suite) {
	all := s.draft()
	values := s.values(s)
	for name := range values {
		if name != s.unique {
			all[name] = values[name][0]
		}
	}
	o := s.create(all)
	for _, name := range s.changeable() {
		change := form{name: values[name][1]}
		got := s.update(o.sid(), change).object(http.StatusOK)
		if got.time("date_updated").Before(o.time("date_updated")) {
			s.Errorf("%s: date_updated is %s, and was %s", name, got.text("date_updated"), o.text("date_updated"))
		}
		s.expectGiven(got, change)
		s.same("after "+name, o.but(got, "date_updated", property(name)), got)
		s.same("fetched after "+name, got, s.fetch(o.sid()))
		o = got
	}
}

func updateRefusals(s *suite) {
	o := s.create(nil)
	path, edit, name := s.item(o.sid()), form{}, s.unique
	for other, values := range s.values(s) {
		if s.operations[updateVerb].form.Properties[other] != nil {
			edit[other] = values[1] // valid, but must not be changed
			name = cmp.Or(name, other)
		}
	}
	s.do(request{method: http.MethodPost, path: path, body: edit.encode() + "&" + edit.encode()}).invalid("all twice", "", "")
	s.refuses(updateVerb, path, name, edit)
	s.same("after the refusals", o, s.fetch(o.sid()))
}

// refuses expects that an operation refuses a valid form for the named parameter's place or encoding, and for each value of any
// parameter that the contract excludes.
func (s *suite) refuses(verb verbs, path, name string, valid form) {
	s.Helper()
	s.do(request{method: http.MethodPost, path: path + "?" + name + "=x", form: valid}).invalid("in the query", name, "")
	s.do(request{method: http.MethodPost, path: path, form: valid.with(form{name: "\xff"})}).invalid("not UTF-8", name, "")
	for name, schema := range s.operations[verb].form.Properties {
		for what, value := range invalid(schema.Value) {
			s.do(request{method: http.MethodPost, path: path, form: valid.with(form{name: value})}).invalid(what, name, value)
		}
	}
}
