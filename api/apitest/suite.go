package apitest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/test/kit/contracttest"
)

const (
	productsPath = "/v1/TrustProducts"
	unknownSID   = "BUffffffffffffffffffffffffffffffff"
	concurrent   = 50       // requests at once
	maxAnswer    = 16 << 20 // bytes of an answer: a page has at most 4 MB
	maxPages     = 1000     // of a list that a case looks through
)

// suite is a case at work.
type suite struct {
	*testing.T
	target   Target
	contract *contracttest.Contract
}

// request is one to send. Without a user it is the target's own account's.
type request struct {
	method, path string
	form         form
	body         string            // instead of a form, byte by byte
	header       map[string]string // an empty value removes one
	username     string
	password     string
}

// form is a form to send, by name. Nil sends no body.
type form map[string]string

func (f form) with(more form) form {
	all := form{}
	for _, one := range []form{f, more} {
		maps.Copy(all, one)
	}
	return all
}

func (f form) encode() string {
	values := url.Values{}
	for name, value := range f {
		values.Set(name, value)
	}
	return values.Encode()
}

// answer is what came.
type answer struct {
	s      *suite
	title  string
	status int
	header http.Header
	body   []byte
}

// do sends a request and holds the answer against the contract.
func (s *suite) do(r request) answer {
	s.Helper()
	a, err := s.try(r)
	if err != nil {
		s.Fatalf("%s %s: %v", r.method, r.path, err)
	}
	return a
}

// try is do for any goroutine.
func (s *suite) try(r request) (answer, error) {
	body := r.body
	if body == "" && r.form != nil {
		body = r.form.encode()
	}
	ctx := context.WithoutCancel(s.Context()) // a cleanup sends requests, too
	sent, err := http.NewRequestWithContext(ctx, r.method, s.target.BaseURL+r.path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	sent.SetBasicAuth(cmp.Or(r.username, s.target.Username), cmp.Or(r.password, s.target.Password))
	if body != "" {
		sent.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range r.header {
		if sent.Header.Set(name, value); value == "" {
			sent.Header.Del(name)
		}
	}
	response, err := s.target.Client.Do(sent)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close() //nolint:errcheck // all of it has been read
	received, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return answer{}, err
	}
	// The contract is routed by path, and the target's base URL may have one of its own.
	asked, err := http.NewRequestWithContext(ctx, r.method, "http://target"+r.path, http.NoBody)
	if err != nil {
		return answer{}, err
	}
	a := answer{s, r.method + " " + r.path, response.StatusCode, response.Header, received}
	return a, errors.Join(s.contract.Check(asked, a.status, a.header, a.body), a.checkError())
}

// checkError sees whether an error agrees with itself.
func (a answer) checkError() error {
	if a.status < http.StatusBadRequest || len(a.body) == 0 {
		return nil
	}
	failure, err := decode[gen.Error](a.body)
	switch {
	case err != nil:
		return err
	case failure.Status != a.status:
		return errors.New("the error says status " + strconv.Itoa(failure.Status) + " and came with " + strconv.Itoa(a.status))
	case !strings.HasSuffix(failure.MoreInfo, "/"+strconv.Itoa(failure.Code)):
		return errors.New("more_info does not lead to the code: " + failure.MoreInfo)
	}
	return nil
}

func decode[T any](body []byte) (T, error) {
	var value T
	err := json.NewDecoder(bytes.NewReader(body)).Decode(&value)
	return value, err
}

// expect ends the case unless the answer has this status.
func (a answer) expect(status int) answer {
	a.s.Helper()
	if a.status != status {
		a.s.Fatalf("%s: status %d, want %d; the answer is %s", a.title, a.status, status, a.body)
	}
	return a
}

// refused demands an error of this status, and of a stand-in also the code.
func (a answer) refused(status, code int) {
	a.s.Helper()
	a.expect(status)
	if failure, err := decode[gen.Error](a.body); err != nil || (a.s.target.StandIn && failure.Code != code) {
		a.s.Errorf("%s: want code %d; the answer is %s", a.title, code, a.body)
	}
}

func (a answer) product(status int) gen.TrustProduct {
	a.s.Helper()
	p, err := decode[gen.TrustProduct](a.expect(status).body)
	if err != nil {
		a.s.Fatalf("%s: %v", a.title, err)
	}
	return p
}

func (a answer) page() gen.TrustProductPage {
	a.s.Helper()
	p, err := decode[gen.TrustProductPage](a.expect(http.StatusOK).body)
	if err != nil {
		a.s.Fatalf("%s: %v", a.title, err)
	}
	return p
}

// draft is a form that creates a product.
func (s *suite) draft() form {
	return form{"FriendlyName": "Acme " + rand.Text(), "Email": "conformance@example.com", "PolicySid": s.target.PolicySIDs[0]}
}

// create makes a product of the draft and what is to differ from it, and deletes it when the case is over.
func (s *suite) create(differs form) gen.TrustProduct {
	s.Helper()
	p := s.do(request{method: http.MethodPost, path: productsPath, form: s.draft().with(differs)}).product(http.StatusCreated)
	s.deleteAfterwards(p.SID)
	return p
}

func (s *suite) deleteAfterwards(sid string) {
	s.Cleanup(func() { _, _ = s.try(request{method: http.MethodDelete, path: productsPath + "/" + sid}) })
}

func (s *suite) fetch(sid string) gen.TrustProduct {
	s.Helper()
	return s.do(request{method: http.MethodGet, path: productsPath + "/" + sid}).product(http.StatusOK)
}

// update sends the form, which may be empty.
func (s *suite) update(sid string, f form) answer {
	s.Helper()
	return s.do(request{method: http.MethodPost, path: productsPath + "/" + sid, form: f})
}

func (s *suite) delete(sid string) answer {
	s.Helper()
	return s.do(request{method: http.MethodDelete, path: productsPath + "/" + sid})
}

// page answers the first page of the list with these parameters.
func (s *suite) page(query form) gen.TrustProductPage {
	s.Helper()
	return s.do(request{method: http.MethodGet, path: productsPath + "?" + query.encode()}).page()
}

// list returns what all pages of the list with these parameters hold.
func (s *suite) list(query form) []gen.TrustProduct {
	s.Helper()
	first := s.page(query)
	all := first.Results
	for _, page := range s.follow(first, next) {
		all = append(all, page.Results...)
	}
	return all
}

// same demands that nothing has changed.
func (s *suite) same(what string, want, got gen.TrustProduct) {
	s.Helper()
	if !reflect.DeepEqual(want, got) {
		s.Errorf("%s: it was\n%+v\nand is\n%+v", what, want, got)
	}
}

// text is what a nullable property holds, "null" if it is null.
func text(s *string) string {
	if s == nil {
		return "null"
	}
	return *s
}
