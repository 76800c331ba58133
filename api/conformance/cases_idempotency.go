package conformance

import (
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"sync"
)

func idempotencyCases() []testCase {
	const uses = createVerb | fetchVerb | listVerb
	return []testCase{
		{name: "a repeated create returns the first response", uses: uses, needs: needIdempotency, run: func(s *suite) {
			draft := s.draft()
			added := s.watch(draft)
			once := s.keyed(rand.Text(), draft)
			o := s.created(s.do(once))
			if s.can(updateVerb) {
				s.update(o.sid(), s.edit()).expect(http.StatusOK)
			}
			s.same("repeated", o, s.do(once).object(http.StatusCreated))
			if got := added(); !slices.Equal(got, []string{o.sid()}) {
				s.Errorf("created %v", got)
			}
		}},
		{name: "concurrent repeats create one resource", uses: uses, needs: needIdempotency, run: repeatsAtOnce},
		{name: "a key with another body is refused", uses: uses, needs: needIdempotency, run: func(s *suite) {
			key, draft := rand.Text(), s.draft()
			s.created(s.do(s.keyed(key, draft)))
			name := s.required()
			for _, other := range s.operations[createVerb].form.Required {
				if other != name {
					name = other
				}
			}
			s.do(s.keyed(key, draft.with(form{name: s.values(s)[name][1]}))).refused(http.StatusConflict, 20409)
		}},
		{name: "keys of two accounts are independent", uses: uses, needs: needIdempotency | needOther, run: otherAccountsKey},
		{name: "an invalid key is refused", uses: uses, needs: needIdempotency | needStandIn, run: func(s *suite) {
			s.do(s.keyed("with a space", s.draft())).refused(http.StatusBadRequest, 20001)
		}},
	}
}

func repeatsAtOnce(s *suite) {
	draft := s.draft()
	added := s.watch(draft)
	once := s.keyed(rand.Text(), draft)
	answers, errs := make([]answer, concurrent), make([]error, concurrent)
	var group sync.WaitGroup
	for i := range concurrent {
		group.Go(func() { answers[i], errs[i] = s.try(once) })
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		s.Fatal(err)
	}
	o := s.created(answers[0])
	for _, other := range answers {
		s.same("another answer", o, other.object(http.StatusCreated))
	}
	if got := added(); !slices.Equal(got, []string{o.sid()}) {
		s.Errorf("created %v", got)
	}
}

func otherAccountsKey(s *suite) {
	if s.parent != nil {
		s.Skip("another account cannot create below this account's parent")
	}
	once := s.keyed(rand.Text(), s.draft())
	o := s.created(s.do(once))
	theirs := s.do(once.by(s.target)).object(http.StatusCreated)
	if theirs.sid() == o.sid() || theirs.text("account_sid") == s.target.AccountSID {
		s.Error("the other account got this account's response")
	}
	if s.can(deleteVerb) {
		s.do(request{method: http.MethodDelete, path: s.item(theirs.sid())}.by(s.target)).expect(http.StatusNoContent)
	}
}

// keyed returns a create with an Idempotency-Key.
func (s *suite) keyed(key string, f form) request {
	return request{method: http.MethodPost, path: s.collection(), form: f, header: map[string]string{"Idempotency-Key": key}}
}
