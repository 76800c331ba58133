package apitest

import (
	"net/http"
	"strings"
)

// credentialCases are about who may call.
func credentialCases() []conformanceCase {
	return []conformanceCase{
		{name: "without credentials nothing is answered", run: func(s *suite) {
			for _, one := range everyOperation(unknownSID) {
				one.header = map[string]string{"Authorization": ""}
				s.do(one).refused(http.StatusUnauthorized, 20003)
			}
		}},
		{name: "a wrong password is refused", run: func(s *suite) {
			for _, one := range everyOperation(unknownSID) {
				one.password = "wrong" + s.target.Password
				s.do(one).refused(http.StatusUnauthorized, 20003)
			}
		}},
		{name: "an unknown account is refused", run: func(s *suite) {
			s.do(request{method: http.MethodGet, path: productsPath, username: "ACffffffffffffffffffffffffffffffff"}).
				refused(http.StatusUnauthorized, 20003)
		}},
		{name: "credentials come before everything else", needs: needStandIn, run: func(s *suite) {
			a := s.do(request{
				method: http.MethodPost, path: productsPath + "/BU0?Status=x", body: "FriendlyName=%ff", password: "wrong",
			})
			a.refused(http.StatusUnauthorized, 20003)
			if !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Basic ") {
				s.Error("it does not say how to authenticate")
			}
		}},
		{name: "a browser is not asked for credentials, which it would remember", needs: needStandIn, run: browsersAreNotAsked},
		{name: "a web page's form changes nothing", needs: needStandIn, run: formsChangeNothing},
		{name: "another account's product does not exist", needs: needOther, run: func(s *suite) {
			p := s.create(nil)
			for _, one := range everyOperation(p.SID)[2:] {
				one.username, one.password = s.target.OtherUsername, s.target.OtherPassword
				s.do(one).refused(http.StatusNotFound, 20404)
			}
			list := s.do(request{
				method: http.MethodGet, path: productsPath + "?" + form{"FriendlyName": p.FriendlyName}.encode(),
				username: s.target.OtherUsername, password: s.target.OtherPassword,
			}).page()
			if len(list.Results) != 0 {
				s.Error("another account's list holds it")
			}
			s.same("after the other account tried", p, s.fetch(p.SID))
		}},
	}
}

func browsersAreNotAsked(s *suite) {
	for name, value := range map[string]string{
		"Sec-Fetch-Site": "none", "User-Agent": "Mozilla/5.0", "Accept": "text/html,*/*;q=0.8",
	} {
		header := map[string]string{"Authorization": "", name: value}
		a := s.do(request{method: http.MethodGet, path: productsPath, header: header}).expect(http.StatusUnauthorized)
		if asked := a.header.Get("WWW-Authenticate"); asked != "" {
			s.Errorf("%s: %s: it is asked for %s", name, value, asked)
		}
	}
}

func formsChangeNothing(s *suite) {
	p := s.create(nil)
	for _, mode := range []string{"navigate", "no-cors"} {
		for _, one := range everyOperation(p.SID) {
			if one.method == http.MethodGet {
				continue
			}
			one.header = map[string]string{"Sec-Fetch-Mode": mode}
			s.do(one).refused(http.StatusForbidden, 20403)
		}
	}
	s.same("after the forms", p, s.fetch(p.SID))
}

// pathCases are about what can be called.
func pathCases() []conformanceCase {
	return []conformanceCase{
		{name: "an unknown path is not found", run: func(s *suite) {
			s.do(request{method: http.MethodGet, path: "/v1/Nothing"}).refused(http.StatusNotFound, 20404)
		}},
		{name: "paths are case-sensitive", run: func(s *suite) {
			s.do(request{method: http.MethodPost, path: strings.ToLower(productsPath), form: s.draft()}).
				refused(http.StatusNotFound, 20404)
		}},
		{name: "another method is not allowed", run: func(s *suite) {
			s.do(request{method: http.MethodPut, path: productsPath, form: s.draft()}).refused(http.StatusMethodNotAllowed, 20004)
		}},
		{name: "a SID off its pattern is an invalid parameter", needs: needStandIn, run: func(s *suite) {
			for _, one := range everyOperation("BU123")[2:] {
				s.do(one).refused(http.StatusBadRequest, 20001)
			}
		}},
	}
}

// headerCases are about what every answer carries.
func headerCases() []conformanceCase {
	return []conformanceCase{
		{name: "every answer has an id", needs: needStandIn, run: func(s *suite) {
			for _, one := range everyOperation(unknownSID) {
				id, rest, _ := strings.Cut(s.do(one).header.Get("Twilio-Request-Id"), "RQ")
				if id != "" || len(rest) != 32 {
					s.Errorf("%s %s: the id is not RQ and 32 digits", one.method, one.path)
				}
			}
		}},
		{name: "scripts of any origin may read every answer", needs: needStandIn, run: corsOnEveryAnswer},
		{name: "a browser may ask first", needs: needStandIn, run: func(s *suite) {
			for _, path := range []string{productsPath, productsPath + "/" + unknownSID} {
				a := s.do(request{method: http.MethodOptions, path: path, header: map[string]string{
					"Authorization": "", "Origin": "https://app.example", "Access-Control-Request-Method": "POST",
					"Access-Control-Request-Headers": "authorization",
				}}).expect(http.StatusNoContent)
				if !strings.Contains(strings.ToLower(a.header.Get("Access-Control-Allow-Headers")), "authorization") {
					s.Errorf("%s: the browser may not send credentials", path)
				}
			}
		}},
	}
}

// everyOperation is a request for each operation of the contract, those for one product last.
func everyOperation(sid string) []request {
	return []request{
		{method: http.MethodPost, path: productsPath, form: form{"FriendlyName": "Acme"}},
		{method: http.MethodGet, path: productsPath},
		{method: http.MethodGet, path: productsPath + "/" + sid},
		{method: http.MethodPost, path: productsPath + "/" + sid, form: form{"FriendlyName": "Acme"}},
		{method: http.MethodDelete, path: productsPath + "/" + sid},
	}
}

func corsOnEveryAnswer(s *suite) {
	for _, one := range everyOperation(unknownSID) {
		for _, password := range []string{s.target.Password, "wrong"} {
			one.password = password
			a := s.do(one)
			if origin := a.header.Get("Access-Control-Allow-Origin"); origin != "*" {
				s.Errorf("%s, status %d: the allowed origin is %q", a.title, a.status, origin)
			}
			if !strings.Contains(a.header.Get("Access-Control-Allow-Methods"), one.method) {
				s.Errorf("%s, status %d: the method is not among the allowed", a.title, a.status)
			}
			// With "*", a browser would refuse true.
			if a.header.Get("Access-Control-Allow-Credentials") != "false" {
				s.Errorf("%s, status %d: a browser might add credentials of its own", a.title, a.status)
			}
		}
	}
}
