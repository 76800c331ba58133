package conformance

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// credentialCases are about authentication.
func credentialCases() []testCase {
	return []testCase{
		{name: "a request without credentials is refused", run: func(s *suite) {
			for _, one := range s.everyOperation(s.unknownSID) {
				one.header = map[string]string{"Authorization": ""}
				s.do(one).refused(http.StatusUnauthorized, 20003)
			}
		}},
		{name: "a wrong password is refused", run: func(s *suite) {
			for _, one := range s.everyOperation(s.unknownSID) {
				one.password = "wrong" + s.target.Password
				s.do(one).refused(http.StatusUnauthorized, 20003)
			}
		}},
		{name: "an unknown account is refused", run: func(s *suite) {
			s.do(request{method: http.MethodGet, path: s.collection(), username: "ACffffffffffffffffffffffffffffffff"}).
				refused(http.StatusUnauthorized, 20003)
		}},
		{name: "credentials come before everything else", needs: needStandIn, run: credentialsFirst},
		{name: "a browser is not asked for credentials, which it would remember", needs: needStandIn, run: browsersAreNotAsked},
		{name: "a web page's form changes nothing", uses: createVerb | fetchVerb, needs: needStandIn, run: formsChangeNothing},
		{
			name: "another account's resource does not exist", uses: createVerb | fetchVerb | listVerb, needs: needOther,
			run: othersAreHidden,
		},
		{name: "another parent's resource does not exist", uses: createVerb | listVerb, child: true, run: func(s *suite) {
			o, elsewhere := s.create(nil), s.of(s.resource)
			for _, one := range elsewhere.operationsOn(o.sid()) {
				s.do(one).refused(http.StatusNotFound, 20404)
			}
			elsewhere.expectListed(o, form{}, false)
			s.expectListed(o, form{}, true)
		}},
	}
}

func credentialsFirst(s *suite) {
	for _, one := range s.everyOperation("0") {
		one.path += "?Status=x&PageSize=x"
		one.password = "wrong"
		if one.method == http.MethodPost {
			one.body = "FriendlyName=%ff"
		}
		a := s.do(one)
		a.refused(http.StatusUnauthorized, 20003)
		if !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Basic ") {
			s.Errorf("%s: no WWW-Authenticate header", a.title)
		}
	}
}

func browsersAreNotAsked(s *suite) {
	for name, value := range map[string]string{
		"Sec-Fetch-Site": "none", "User-Agent": "Mozilla/5.0", "Accept": "text/html,*/*;q=0.8",
	} {
		header := map[string]string{"Authorization": "", name: value}
		a := s.do(request{method: http.MethodGet, path: s.collection(), header: header}).expect(http.StatusUnauthorized)
		if asked := a.header.Get("WWW-Authenticate"); asked != "" {
			s.Errorf("%s: %s: WWW-Authenticate is %s", name, value, asked)
		}
	}
}

func formsChangeNothing(s *suite) {
	o := s.create(nil)
	for _, mode := range []string{"navigate", "no-cors"} {
		for _, one := range s.everyOperation(o.sid()) {
			if one.method == http.MethodGet {
				continue
			}
			one.header = map[string]string{"Sec-Fetch-Mode": mode}
			s.do(one).refused(http.StatusForbidden, 20403)
		}
	}
	s.same("after the forms", o, s.fetch(o.sid()))
}

func othersAreHidden(s *suite) {
	draft := s.draft()
	o := s.create(draft)
	for _, one := range s.operationsOn(o.sid()) {
		s.do(one.by(s.target)).refused(http.StatusNotFound, 20404)
	}
	list := request{method: http.MethodGet, path: s.collection() + "?" + s.own(draft).encode()}.by(s.target)
	switch a := s.do(list); {
	case s.parent != nil:
		a.refused(http.StatusNotFound, 20404)
	case len(a.page(s.description).items) != 0:
		s.Error("another account's list has it")
	}
	s.same("after the other account tried", o, s.fetch(o.sid()))
}

// pathCases are about paths and methods.
func pathCases() []testCase {
	return []testCase{
		{name: "an unknown path is not found", run: func(s *suite) {
			s.do(request{method: http.MethodGet, path: s.collection() + "Nothing"}).refused(http.StatusNotFound, 20404)
		}},
		{name: "paths are case-sensitive", run: func(s *suite) {
			path := s.collection()
			last := strings.LastIndex(path, "/")
			s.do(request{method: http.MethodGet, path: path[:last] + strings.ToLower(path[last:])}).
				refused(http.StatusNotFound, 20404)
		}},
		{name: "an operation that is not implemented returns 501", run: func(s *suite) {
			if !slices.ContainsFunc(slices.Collect(maps.Keys(s.operations)), func(v verbs) bool { return !s.can(v) }) {
				s.Skip("the target implements every operation")
			}
			for verb := range s.operations {
				if s.can(verb) {
					continue
				}
				one := s.request(verb, s.unknownSID)
				if verb == createVerb {
					one.form = s.draft()
				}
				s.do(one).refused(http.StatusNotImplemented, 20501)
			}
		}},
		{name: "another method is not allowed", run: func(s *suite) {
			methods := []string{http.MethodPut}
			if !s.has(createVerb) {
				methods = append(methods, http.MethodPost)
			}
			for _, method := range methods {
				s.do(request{method: method, path: s.collection(), form: form{"FriendlyName": "Acme"}}).
					refused(http.StatusMethodNotAllowed, 20004)
			}
		}},
		{name: "a SID that does not match its pattern is an invalid parameter", needs: needStandIn, run: func(s *suite) {
			if s.sidPattern == nil {
				s.Skip("the contract allows any text as a SID")
			}
			for _, sid := range []string{s.unknownSID[:5], s.unknownSID + "f", "XX" + s.unknownSID[2:]} {
				for _, one := range s.operationsOn(sid) {
					s.do(one).refused(http.StatusBadRequest, 20001)
				}
			}
		}},
	}
}

// headerCases are about the headers of every response.
func headerCases() []testCase {
	return []testCase{
		{name: "every response has an id", needs: needStandIn, run: func(s *suite) {
			for _, a := range s.everyResponse() {
				if id, ok := strings.CutPrefix(a.header.Get("Twilio-Request-Id"), "RQ"); !ok || len(id) != 32 {
					s.Errorf("%s, status %d: the id is not RQ and 32 digits", a.title, a.status)
				}
			}
		}},
		{name: "scripts of any origin may read every response", needs: needStandIn, run: corsOnEveryResponse},
		{name: "a preflight request is allowed", needs: needStandIn, run: func(s *suite) {
			for _, path := range []string{s.collection(), s.item(s.unknownSID)} {
				a := s.do(request{method: http.MethodOptions, path: path, header: map[string]string{
					"Authorization": "", "Origin": "https://app.example", "Access-Control-Request-Method": "POST",
					"Access-Control-Request-Headers": "authorization",
				}}).expect(http.StatusNoContent)
				if !strings.Contains(strings.ToLower(a.header.Get("Access-Control-Allow-Headers")), "authorization") {
					s.Errorf("%s: Authorization is not among the allowed headers", path)
				}
			}
		}},
	}
}

// everyResponse returns the responses of every operation: refused, failed and, if the target can create and fetch, successful.
func (s *suite) everyResponse() (all []answer) {
	s.Helper()
	for _, one := range s.everyOperation(s.unknownSID) {
		all = append(all, s.do(one))
		one.password = "wrong"
		all = append(all, s.do(one))
	}
	if s.can(createVerb | fetchVerb) {
		created := s.do(request{method: http.MethodPost, path: s.collection(), form: s.draft()})
		all = append(all, created)
		for _, one := range s.operationsOn(s.created(created).sid()) {
			all = append(all, s.do(one))
		}
	}
	return all
}

func corsOnEveryResponse(s *suite) {
	for _, a := range s.everyResponse() {
		if origin := a.header.Get("Access-Control-Allow-Origin"); origin != "*" {
			s.Errorf("%s, status %d: the allowed origin is %q", a.title, a.status, origin)
		}
		method, _, _ := strings.Cut(a.title, " ")
		if !strings.Contains(a.header.Get("Access-Control-Allow-Methods"), method) {
			s.Errorf("%s, status %d: the method is not among the allowed methods", a.title, a.status)
		}
		// With the origin "*", browsers refuse the value true.
		if a.header.Get("Access-Control-Allow-Credentials") != "false" {
			s.Errorf("%s, status %d: Access-Control-Allow-Credentials is set", a.title, a.status)
		}
	}
}
