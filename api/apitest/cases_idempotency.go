package apitest

import (
	"crypto/rand"
	"errors"
	"net/http"
	"sync"
)

func idempotencyCases() []conformanceCase {
	return []conformanceCase{
		{name: "a repeat gets the first answer", needs: needIdempotency, run: func(s *suite) {
			once := s.keyed(rand.Text(), s.draft())
			p := s.do(once).product(http.StatusCreated)
			s.deleteAfterwards(p.SID)
			s.update(p.SID, form{"FriendlyName": "Other"}).expect(http.StatusOK)
			s.same("repeated", p, s.do(once).product(http.StatusCreated))
			if list := s.list(form{"FriendlyName": p.FriendlyName}); len(list) != 0 {
				s.Error("the repeat made another product")
			}
		}},
		{name: "repeats at once make one product", needs: needIdempotency, run: func(s *suite) {
			once := s.keyed(rand.Text(), s.draft())
			answers, errs := make([]answer, concurrent), make([]error, concurrent)
			var group sync.WaitGroup
			for i := range concurrent {
				group.Go(func() { answers[i], errs[i] = s.try(once) })
			}
			group.Wait()
			if err := errors.Join(errs...); err != nil {
				s.Fatal(err)
			}
			p := answers[0].product(http.StatusCreated)
			s.deleteAfterwards(p.SID)
			for _, other := range answers {
				s.same("another answer", p, other.product(http.StatusCreated))
			}
			if list := s.list(form{"FriendlyName": p.FriendlyName}); len(list) != 1 {
				s.Errorf("%d products were made", len(list))
			}
		}},
		{name: "the key with another body is refused", needs: needIdempotency, run: func(s *suite) {
			key, draft := rand.Text(), s.draft()
			s.deleteAfterwards(s.do(s.keyed(key, draft)).product(http.StatusCreated).SID)
			s.do(s.keyed(key, draft.with(form{"Email": "other@example.com"}))).refused(http.StatusConflict, 20409)
		}},
		{name: "another account's key is another key", needs: needIdempotency | needOther, run: func(s *suite) {
			once := s.keyed(rand.Text(), s.draft())
			s.deleteAfterwards(s.do(once).product(http.StatusCreated).SID)
			once.username, once.password = s.target.OtherUsername, s.target.OtherPassword
			theirs := s.do(once).product(http.StatusCreated)
			if theirs.AccountSID == s.target.AccountSID {
				s.Error("the other account got this account's answer")
			}
			s.do(request{
				method: http.MethodDelete, path: productsPath + "/" + theirs.SID,
				username: s.target.OtherUsername, password: s.target.OtherPassword,
			}).expect(http.StatusNoContent)
		}},
		{name: "a key that is none is refused", needs: needIdempotency | needStandIn, run: func(s *suite) {
			s.do(s.keyed("with a space", s.draft())).refused(http.StatusBadRequest, 20001)
		}},
	}
}

// keyed is a create that can be repeated.
func (s *suite) keyed(key string, f form) request {
	return request{method: http.MethodPost, path: productsPath, form: f, header: map[string]string{"Idempotency-Key": key}}
}
