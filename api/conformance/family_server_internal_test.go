package conformance

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/test/kit/contracttest"
)

// familyServer implements testdata/family.yaml in memory, with a defect if it has one.
type familyServer struct {
	router routers.Router
	defect string

	mu   sync.Mutex
	made int
	rows []familyRow // the newest first
}

type familyRow struct {
	number     int    // of its creation
	account    string // empty for a resource of all accounts
	collection string
	object     object
}

func newFamilyServer(contract *contracttest.Contract, defect string) *familyServer {
	router, err := gorillamux.NewRouter(contract.Document())
	if err != nil {
		panic(err)
	}
	s := &familyServer{router: router, defect: defect}
	for i := range 5 {
		s.add("", "/v1/Things", "OY", object{"machine_name": "thing_" + strconv.Itoa(i)})
	}
	return s
}

func (s *familyServer) add(account, collection, prefix string, o object) object {
	s.made++
	o["sid"] = fmt.Sprintf("%s%032x", prefix, s.made)
	o["url"] = "http://family.example" + collection + "/" + o.sid()
	s.rows = slices.Insert(s.rows, 0, familyRow{s.made, account, collection, o})
	return o
}

// refusal is an error response.
type refusal struct{ status, code int }

func (s *familyServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Twilio-Request-Id", "RQ"+strings.Repeat("0", 32))
	for name, value := range map[string]string{
		"Origin": "*", "Methods": "GET, POST, DELETE", "Headers": "Authorization", "Credentials": "false",
	} {
		w.Header().Set("Access-Control-Allow-"+name, value)
	}
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	status, body, refused := s.answer(r)
	if refused != (refusal{}) {
		if refused.status == http.StatusUnauthorized && !fromBrowser(r) {
			w.Header().Set("WWW-Authenticate", "Basic realm=family")
		}
		status, body = refused.status, gen.Error{
			Code: refused.code, Message: "One of these, or another: FriendlyName, Type, Attributes, ObjectSid, ObjectType, PageSize, Page, PageToken", Status: refused.status,
			MoreInfo: "https://www.twilio.com/docs/errors/" + strconv.Itoa(refused.code),
		}
	}
	w.WriteHeader(status)
	if body != nil {
		_ = json.NewEncoder(w).Encode(body)
	}
}

func fromBrowser(r *http.Request) bool {
	return r.Header.Get("Sec-Fetch-Site") != "" || strings.HasPrefix(r.UserAgent(), "Mozilla") ||
		strings.Contains(r.Header.Get("Accept"), "text/html")
}

func (s *familyServer) answer(r *http.Request) (status int, body any, refused refusal) {
	if s.defect == "things can be posted" && r.URL.Path == "/v1/Things" {
		r.Method = http.MethodGet
	}
	route, params, err := s.router.FindRoute(r)
	switch {
	case errors.Is(err, routers.ErrMethodNotAllowed):
		return 0, nil, refusal{http.StatusMethodNotAllowed, 20004}
	case err != nil:
		return 0, nil, refusal{http.StatusNotFound, 20404}
	}
	mode := r.Header.Get("Sec-Fetch-Mode")
	if r.Method != http.MethodGet && (mode == "navigate" || mode == "no-cors") {
		return 0, nil, refusal{http.StatusForbidden, 20403}
	}
	account, password, _ := r.BasicAuth()
	if password != "token" || (account != familyAccount && account != familyOther) {
		return 0, nil, refusal{http.StatusUnauthorized, 20003}
	}
	if !s.valid(r, route, params) {
		return 0, nil, refusal{http.StatusBadRequest, 20001}
	}
	if parent := params["GroupSid"]; parent != "" && s.find(account, "/v1/Groups/"+parent) < 0 {
		return 0, nil, refusal{http.StatusNotFound, 20404}
	}
	if params["Sid"] == "" {
		return s.onCollection(account, r)
	}
	return s.onItem(account, r)
}

// valid reports whether the contract allows a request. It leaves the form in r.PostForm.
func (s *familyServer) valid(r *http.Request, route *routers.Route, params map[string]string) bool {
	input := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: route, Options: &openapi3filter.Options{ExcludeRequestBody: true},
	}
	if openapi3filter.ValidateRequest(r.Context(), input) != nil || len(r.URL.Query()["PageSize"]) > 1 {
		return false
	}
	if route.Operation.RequestBody == nil {
		return true
	}
	contentType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if (contentType != formType && r.ContentLength > 0) || r.ParseForm() != nil || (len(r.URL.Query()) > 0) {
		return false
	}
	schema := route.Operation.RequestBody.Value.Content.Get(formType).Schema.Value
	value := map[string]any{}
	for name, values := range r.PostForm {
		if len(values) != 1 || !utf8.ValidString(values[0]) {
			return false
		}
		value[name] = values[0]
		if p := schema.Properties[name]; p != nil && p.Value.Type.Is("object") {
			var decoded any
			_ = json.Unmarshal([]byte(values[0]), &decoded) // null if it is not JSON, which the schema excludes
			if len(values[0]) > 100 && s.defect != "objects have no limit" {
				decoded = nil
			}
			value[name] = decoded
		}
	}
	if s.defect == "enumerations are not checked" && r.PostForm.Get("Type") == "nonsense" {
		return true
	}
	return schema.VisitJSON(value) == nil
}

// find returns the index of an item, -1 if the account has no such item.
func (s *familyServer) find(account, path string) int {
	return slices.IndexFunc(s.rows, func(row familyRow) bool {
		return row.collection+"/"+row.object.sid() == path && (row.account == account || row.account == "")
	})
}

var camel = regexp.MustCompile("([a-z])([A-Z])")

// set sets the properties of an object from a form.
func (s *familyServer) set(o object, f url.Values) {
	for name := range f {
		switch key := strings.ToLower(camel.ReplaceAllString(name, "${1}_$2")); {
		case name == "Nonsense", s.defect == "attributes are lost" && name == "Attributes":
		case name == "Attributes":
			var value any
			if json.Unmarshal([]byte(f.Get(name)), &value) == nil {
				o[key] = value
			}
		default:
			o[key] = f.Get(name)
		}
	}
}

func (s *familyServer) onCollection(account string, r *http.Request) (int, any, refusal) {
	if r.Method == http.MethodGet {
		return http.StatusOK, s.page(account, r), refusal{}
	}
	const now = "2026-01-02T03:04:05Z"
	o, prefix := object{"account_sid": account, "date_created": now}, "ME"
	if strings.HasSuffix(r.URL.Path, "/Groups") {
		o["date_updated"], o["attributes"], prefix = now, nil, "GR"
	}
	s.set(o, r.PostForm)
	return http.StatusCreated, s.add(account, r.URL.Path, prefix, o), refusal{}
}

func (s *familyServer) onItem(account string, r *http.Request) (int, any, refusal) {
	at := s.find(account, r.URL.Path)
	if at < 0 {
		return 0, nil, refusal{http.StatusNotFound, 20404}
	}
	switch r.Method {
	case http.MethodDelete:
		s.rows = slices.Delete(s.rows, at, at+1)
		return http.StatusNoContent, nil, refusal{}
	case http.MethodPost:
		if s.defect == "attributes cannot be changed" {
			r.PostForm.Del("Attributes")
		}
		s.set(s.rows[at].object, r.PostForm)
	}
	return http.StatusOK, s.rows[at].object, refusal{}
}

// page returns a page of a list. A token is the number of the row after which it begins, or before which it ends.
func (s *familyServer) page(account string, r *http.Request) any {
	query := r.URL.Query()
	size, err := strconv.Atoi(query.Get("PageSize"))
	if err != nil {
		size = 50
	}
	var rows []familyRow
	for _, row := range s.rows {
		inside := row.collection == r.URL.Path
		if s.defect == "a parent's children are all" {
			inside = inside || (strings.HasSuffix(r.URL.Path, "/Members") && strings.HasSuffix(row.collection, "/Members"))
		}
		stranger := query.Get("ObjectType") == "stranger" && s.defect != "the filter is ignored"
		if inside && !stranger && (row.account == account || row.account == "") {
			rows = append(rows, row)
		}
	}
	from := 0
	switch kind, text, _ := strings.Cut(query.Get("PageToken"), "-"); kind {
	case "after":
		number, _ := strconv.Atoi(text)
		from = slices.IndexFunc(rows, func(row familyRow) bool { return row.number < number })
	case "before":
		number, _ := strconv.Atoi(text)
		from = max(slices.IndexFunc(rows, func(row familyRow) bool { return row.number <= number })-size, 0)
	}
	from = max(from, 0)
	if s.defect == "pages overlap" && from > 0 {
		from--
	}
	to := min(from+size, len(rows))
	key := "results"
	if r.URL.Path == "/v1/Things" {
		key = "things"
	}
	items := []object{}
	for _, row := range rows[from:to] {
		if items = append(items, row.object); s.defect == "the list has another's" {
			items[0] = items[0].but(object{"machine_name": "other"}, "machine_name")
		}
	}
	number, _ := strconv.Atoi(query.Get("Page"))
	link := func(number int, token string) any {
		query := url.Values{"PageToken": {token}, "Page": {strconv.Itoa(number)}, "PageSize": {strconv.Itoa(size)}}
		return "http://family.example" + r.URL.Path + "?" + query.Encode()
	}
	meta := object{
		"key": key, "page": number, "page_size": size, "url": "http://family.example" + r.URL.RequestURI(),
		"first_page_url": link(0, "first"), "next_page_url": nil, "previous_page_url": nil,
	}
	if to < len(rows) {
		meta["next_page_url"] = link(min(number, math.MaxInt-1)+1, fmt.Sprintf("after-%d", rows[to-1].number))
	}
	if from > 0 {
		meta["previous_page_url"] = link(number-1, fmt.Sprintf("before-%d", rows[from].number))
	}
	return object{key: items, "meta": meta}
}
