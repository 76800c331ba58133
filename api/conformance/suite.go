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
	profile    *suite // the channel endpoints of the profile that assignableNumber has created, or nil
}

// request is a request to send. Without a username it is sent with the target's own credentials.
type request struct {
	method, path string
	form         form
	body         string            // instead of a form, byte by byte
	header       map[string]string // an empty value removes the header
	username     string
	password     string
}

// by returns the request as sent by the other account.
func (r request) by(t Target) request {
	r.username, r.password = t.OtherUsername, t.OtherPassword
	return r
}

// form has the parameters to send, by name. Nil means no body.
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

// try is like do, but returns an error, so that any goroutine may call it.
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
	routed, err := http.NewRequestWithContext(ctx, r.method, "http://target"+r.path, http.NoBody)
	if err != nil {
		return answer{}, err
	}
	a := answer{s, r.method + " " + r.path, response.StatusCode, response.Header, received}
	return a, errors.Join(s.contract.Check(routed, a.status, a.header, a.body), a.checkError())
}

// checkError returns an error if an error response is inconsistent.
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

// expect ends the case if the response has another status.
func (a answer) expect(status int) answer {
	a.s.Helper()
	if a.status != status {
		a.s.Fatalf("%s: status %d, want %d; the response is %s", a.title, a.status, status, a.body)
	}
	return a
}

// refused expects an error with this status and, from a stand-in, this code.
func (a answer) refused(status, code int) {
	a.s.Helper()
	a.expect(status)
	if failure, err := decode[gen.Error](a.body); err != nil || (a.s.target.StandIn && failure.Code != code) {
		a.s.Errorf("%s: want code %d; the response is %s", a.title, code, a.body)
	}
}

// invalid expects the error for an invalid parameter. It does not end the case. A stand-in names the parameter, and does
// not repeat its value, which may be private; a very short one can be in the message by chance.
func (a answer) invalid(what, name, value string) {
	a.s.Helper()
	if a.status != http.StatusBadRequest {
		a.s.Errorf("%s: %s: status %d, want 400; the response is %s", name, what, a.status, a.body)
		return
	}
	a.refused(http.StatusBadRequest, 20001)
	failure, _ := decode[gen.Error](a.body) // refused has looked at it
	repeated := len(value) > 3 && strings.Contains(failure.Message, value)
	if a.s.target.StandIn && (repeated || !strings.Contains(failure.Message, name)) {
		a.s.Errorf("%s: %s: the message must have the name and not the value: %s", name, what, failure.Message)
	}
}

// object expects this status and a resource.
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
		panic(err) // it was decoded from JSON
	}
	return string(encoded)
}

// holds reports whether a property has the value of a parameter. For a property that is not a string, the value is JSON.
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

// but returns a copy of the object with these properties of another.
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

// collection returns the path of the list. In each case, a resource with a parent gets a parent of its own.
func (s *suite) collection() string {
	s.Helper()
	if s.parent != nil && s.parentPath == "" {
		above := s.of(s.parent)
		s.parentPath = above.item(above.any())
	}
	path := s.operations[listVerb].path
	return s.parentPath + path[strings.LastIndex(path, "}")+1:]
}

// item returns the path of a resource.
func (s *suite) item(sid string) string {
	s.Helper()
	return s.collection() + "/" + sid
}

// can reports whether the resource has these operations and the target implements them.
func (s *suite) can(v verbs) bool { return s.has(v) && s.unimplemented(v, s.target) == "" }

// everyOperation returns a request for each operation, those on the collection first. The create has no parameters, so it
// creates nothing.
func (s *suite) everyOperation(sid string) []request {
	s.Helper()
	return append(s.requests(sid, createVerb, listVerb), s.operationsOn(sid)...)
}

// operationsOn returns a request for each operation on a SID. An update changes something.
func (s *suite) operationsOn(sid string) []request {
	s.Helper()
	return s.requests(sid, fetchVerb, updateVerb, deleteVerb)
}

func (s *suite) requests(sid string, of ...verbs) (all []request) {
	s.Helper()
	for _, verb := range of {
		if s.can(verb) {
			all = append(all, s.request(verb, sid))
		}
	}
	return all
}

func (s *suite) request(verb verbs, sid string) request {
	s.Helper()
	one := request{method: s.operations[verb].method, path: s.collection()}
	if verb&(fetchVerb|updateVerb|deleteVerb) != 0 {
		one.path = s.item(sid)
	}
	if verb == updateVerb {
		one.form = s.edit()
	}
	return one
}

// draft returns a form with the required parameters of a create.
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

// edit returns a form that changes a parameter, if possible not the unique one.
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

// required returns a required parameter of a create, if possible a free text.
func (s *suite) required() string {
	return cmp.Or(s.unique, s.operations[createVerb].form.Required[0])
}

// create creates a resource from the draft with these differences, and deletes it at the end of the case.
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

// created expects the response to a create, and deletes the resource at the end of the case.
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

// same expects the two objects to be equal.
func (s *suite) same(what string, want, got object) {
	s.Helper()
	if !reflect.DeepEqual(want, got) {
		s.Errorf("%s: got\n%s\nwant\n%s", what, object{"it": got}.text("it"), object{"it": want}.text("it"))
	}
}
