package conformance

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
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/test/kit/contracttest"
)

const (
	formType    = "application/x-www-form-urlencoded"
	concurrent  = 50       // requests at once
	maxResponse = 16 << 20 // bytes: a page has at most 4 MB
	maxPages    = 1000     // of a list that a case reads
)

// suite is a running case.
type suite struct {
	*testing.T
	*description
	target     Target
	contract   *contracttest.Contract
	parentPath string // of the parent that this case has created
}

// request is a request to send. Without a username it is sent with the target's own credentials.
type request struct {
	method, path string
	form         form
	body         string            // instead of a form, byte by byte
	header       map[string]string // an empty value removes one
	username     string
	password     string
}

// by returns the request as sent by the other account.
func (r request) by(t Target) request {
	r.username, r.password = t.OtherUsername, t.OtherPassword
	return r
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

func (f form) without(name string) form {
	rest := maps.Clone(f)
	delete(rest, name)
	return rest
}

func (f form) encode() string {
	values := url.Values{}
	for name, value := range f {
		values.Set(name, value)
	}
	return values.Encode()
}

// answer is a response.
type answer struct {
	s      *suite
	title  string
	status int
	header http.Header
	body   []byte
}

// do sends a request and validates the response against the contract.
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
		sent.Header.Set("Content-Type", formType)
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
	received, err := io.ReadAll(io.LimitReader(response.Body, maxResponse))
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

// checkError reports how an error contradicts itself.
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

// expect ends the case unless the response has this status.
func (a answer) expect(status int) answer {
	a.s.Helper()
	if a.status != status {
		a.s.Fatalf("%s: status %d, want %d; the response is %s", a.title, a.status, status, a.body)
	}
	return a
}

// refused expects an error of this status and, from a stand-in, this code.
func (a answer) refused(status, code int) {
	a.s.Helper()
	a.expect(status)
	if failure, err := decode[gen.Error](a.body); err != nil || (a.s.target.StandIn && failure.Code != code) {
		a.s.Errorf("%s: want code %d; the response is %s", a.title, code, a.body)
	}
}

// invalid expects the error for a parameter that is invalid. It does not end the case.
func (a answer) invalid(what string) {
	a.s.Helper()
	if a.status != http.StatusBadRequest {
		a.s.Errorf("%s: status %d, want 400; the response is %s", what, a.status, a.body)
		return
	}
	a.refused(http.StatusBadRequest, 20001)
}

// object expects a resource.
func (a answer) object(status int) object {
	a.s.Helper()
	o, err := decode[object](a.expect(status).body)
	if err != nil {
		a.s.Fatalf("%s: %v", a.title, err)
	}
	return o
}

// object is a resource as it was received.
type object map[string]any

func (o object) sid() string { return o.text("sid") }

// text returns a property as it is written in JSON, a string without its quotes.
func (o object) text(name string) string {
	if s, ok := o[name].(string); ok {
		return s
	}
	encoded, err := json.Marshal(o[name])
	if err != nil {
		panic(err) // it has been decoded from JSON
	}
	return string(encoded)
}

// holds reports whether a property has the value of a parameter, which is text, or JSON for a property that is none.
func (o object) holds(name, value string) bool {
	if got, ok := o[name].(string); ok || o[name] == nil {
		return ok && got == value
	}
	want, err := decode[any]([]byte(value))
	return err == nil && reflect.DeepEqual(o[name], want)
}

// time returns a property that is a time, zero if it is null.
func (o object) time(name string) time.Time {
	t, err := time.Parse(time.RFC3339, o.text(name))
	if err != nil {
		return time.Time{}
	}
	return t
}

// but returns the object with these properties of another.
func (o object) but(other object, names ...string) object {
	changed := maps.Clone(o)
	for _, name := range names {
		if value, ok := other[name]; ok {
			changed[name] = value
		}
	}
	return changed
}

// of returns the suite for another resource, within the same case.
func (s *suite) of(r *resource) *suite {
	s.Helper()
	d, err := describe(s.contract.Document(), r)
	if err != nil {
		s.Fatal(err)
	}
	return &suite{T: s.T, description: d, target: s.target, contract: s.contract}
}

// collection returns the path of the list. A resource that has a parent gets one of its own in each case.
func (s *suite) collection() string {
	s.Helper()
	if s.parent != nil && s.parentPath == "" {
		above := s.of(s.parent)
		s.parentPath = above.item(above.any())
	}
	path := s.operations[listVerb].path
	return s.parentPath + path[strings.LastIndex(path, "}")+1:]
}

// item returns the path of one of them.
func (s *suite) item(sid string) string {
	s.Helper()
	return s.collection() + "/" + sid
}

// can reports whether the resource has these operations and the target implements them.
func (s *suite) can(v verbs) bool { return s.has(v) && s.unimplemented(v, s.target) == "" }

// everyOperation returns a request for each operation, those on the collection first. A create lacks what it requires, so that it
// creates nothing.
func (s *suite) everyOperation(sid string) []request {
	s.Helper()
	var all []request
	for _, verb := range []verbs{createVerb, listVerb} {
		if s.can(verb) {
			all = append(all, request{method: s.operations[verb].method, path: s.collection()})
		}
	}
	return append(all, s.operationsOn(sid)...)
}

// operationsOn returns a request for each operation on a SID. An update changes something.
func (s *suite) operationsOn(sid string) []request {
	s.Helper()
	var all []request
	for _, verb := range []verbs{fetchVerb, updateVerb, deleteVerb} {
		if s.can(verb) {
			all = append(all, request{method: s.operations[verb].method, path: s.item(sid)})
		}
		if verb == updateVerb && s.can(verb) {
			all[len(all)-1].form = s.edit()
		}
	}
	return all
}

// draft returns a form that creates one with all that is required.
func (s *suite) draft() form {
	values := s.values(s)
	draft := form{}
	for _, name := range s.operations[createVerb].form.Required {
		draft[name] = values[name][0]
	}
	if s.unique != "" {
		draft[s.unique] = values[s.unique][0] + " " + rand.Text()
	}
	return draft
}

// edit returns a form that changes something, if possible another parameter than the unique one.
func (s *suite) edit() form {
	values := s.values(s)
	for _, name := range s.changeable() {
		if name != s.unique {
			return form{name: values[name][1]}
		}
	}
	return form{s.unique: values[s.unique][1]}
}

// changeable returns the parameters of an update that have values, sorted.
func (s *suite) changeable() []string {
	names := slices.Sorted(maps.Keys(s.values(s)))
	return slices.DeleteFunc(names, func(name string) bool { return s.operations[updateVerb].form.Properties[name] == nil })
}

// required returns a parameter that a create requires, a free text if there is one.
func (s *suite) required() string {
	return cmp.Or(s.unique, s.operations[createVerb].form.Required[0])
}

// create makes one of the draft and these differences, and deletes it when the case is over.
func (s *suite) create(differs form) object {
	s.Helper()
	return s.created(s.do(request{method: http.MethodPost, path: s.collection(), form: s.draft().with(differs)}))
}

// any returns the SID of a new one, or an unknown SID where the target cannot create any.
func (s *suite) any() string {
	s.Helper()
	if !s.can(createVerb) {
		return s.unknownSID
	}
	return s.create(nil).sid()
}

// created expects the response to a create, and deletes what was created when the case is over.
func (s *suite) created(a answer) object {
	s.Helper()
	o := a.object(http.StatusCreated)
	if s.can(deleteVerb) {
		path := s.item(o.sid())
		s.Cleanup(func() { _, _ = s.try(request{method: http.MethodDelete, path: path}) })
	}
	return o
}

func (s *suite) fetch(sid string) object {
	s.Helper()
	return s.do(request{method: http.MethodGet, path: s.item(sid)}).object(http.StatusOK)
}

// update sends the form, which may be empty.
func (s *suite) update(sid string, f form) answer {
	s.Helper()
	return s.do(request{method: http.MethodPost, path: s.item(sid), form: f})
}

func (s *suite) delete(sid string) answer {
	s.Helper()
	return s.do(request{method: http.MethodDelete, path: s.item(sid)})
}

// same expects that nothing has changed.
func (s *suite) same(what string, want, got object) {
	s.Helper()
	if !reflect.DeepEqual(want, got) {
		s.Errorf("%s: it was\n%s\nand is\n%s", what, object{"it": want}.text("it"), object{"it": got}.text("it"))
	}
}
