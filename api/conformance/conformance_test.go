package conformance_test

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/api/apitest"
	"github.com/opentrusthub/trusthub/api/conformance"
	"github.com/opentrusthub/trusthub/gen/server"
	"github.com/opentrusthub/trusthub/internal/hub"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// TestConformance runs the suite against this project's own server on every database engine.
func TestConformance(t *testing.T) {
	t.Parallel()
	for engine, database := range storetest.Names() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			conformance.Run(t, target(apitest.New(t, apitest.WithDatabase(database(t)))))
		})
	}
}

// target returns a server as a target that promises everything.
func target(s *apitest.Server) conformance.Target {
	otherSID, otherToken := s.AddAccount()
	return conformance.Target{
		BaseURL: s.BaseURL, Username: s.AccountSID, Password: s.AuthToken,
		OtherUsername: otherSID, OtherPassword: otherToken,
		StandIn: true, Idempotency: true, Lifecycle: true, Advance: s.Advance,
	}
}

// TestConformanceWithoutPromises runs the cases for a target that promises nothing beyond the contract.
func TestConformanceWithoutPromises(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	conformance.Run(t, conformance.Target{BaseURL: s.BaseURL + "/", Username: s.AccountSID, Password: s.AuthToken})
}

// family returns the names of all resources but Trust Products.
func family() []string {
	return []string{
		"TrustProductEntityAssignment", "TrustProductChannelEndpointAssignment", "TrustProductEvaluation",
		"CustomerProfile", "CustomerProfileEntityAssignment", "CustomerProfileChannelEndpointAssignment", "CustomerProfileEvaluation",
		"EndUser", "SupportingDocument", "EndUserType", "SupportingDocumentType", "Policies",
	}
}

// partial implements two operations.
type partial struct {
	server.Unimplemented
	hub *hub.Hub
}

func (p partial) CreateTrustProduct(
	ctx context.Context, r server.CreateTrustProductRequestObject,
) (server.CreateTrustProductResponseObject, error) {
	return p.hub.CreateTrustProduct(ctx, r)
}

func (p partial) FetchTrustProduct(
	ctx context.Context, r server.FetchTrustProductRequestObject,
) (server.FetchTrustProductResponseObject, error) {
	return p.hub.FetchTrustProduct(ctx, r)
}

// TestConformanceOfTwoOperations runs the cases for a target that implements two operations.
func TestConformanceOfTwoOperations(t *testing.T) {
	t.Parallel()
	const sid, token = "AC0123456789abcdef0123456789abcdef", "token"
	backend := httptest.NewServer(newBackend(t, sid, token, func(h *hub.Hub) server.StrictServerInterface { return partial{hub: h} }))
	t.Cleanup(backend.Close)
	conformance.Run(t, conformance.Target{
		BaseURL: backend.URL, Username: sid, Password: token, StandIn: true, Idempotency: true, Lifecycle: true,
		Unimplemented: append(family(), "ListTrustProduct", "UpdateTrustProduct", "DeleteTrustProduct"),
	})
}

// defect breaks a server in one place, and names the case that must fail.
type defect struct {
	notices string
	spoil   apitest.Fault
}

func defects() map[string]defect {
	return map[string]defect{
		"anybody may call": {"access/a_request_without_credentials_is_refused", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			r.SetBasicAuth(defectSID, defectToken)
			next.ServeHTTP(w, r)
		}},
		"times have fractions": {"create/a_create_returns_the_values_it_was_given", withBody(func(body string) string {
			return strings.ReplaceAll(body, `Z"`, `.5Z"`)
		})},
		"there is one page": {"list/pages_have_each_item_once,_forward_and_backward", withQuery(func(query url.Values) { query.Del("PageToken") })},
		"pages have no number": {"list/pages_have_each_item_once,_forward_and_backward", withBody(func(body string) string {
			return strings.ReplaceAll(body, `"page":1,`, `"page":0,`)
		})},
		"pages have another size": {"list/pages_have_each_item_once,_forward_and_backward", withBody(func(body string) string {
			return strings.ReplaceAll(body, `"page_size":2,`, `"page_size":50,`)
		})},
		"the first page is another": {"list/pages_have_each_item_once,_forward_and_backward", withBody(func(body string) string {
			return regexp.MustCompile(`"first_page_url":"[^?]*`).ReplaceAllString(body, "$0?Status=in-review&_=")
		})},
		"names are found in part": {"list/filters_select", func() apitest.Fault {
			var last string
			name := withForm(func(form url.Values) { last = form.Get("FriendlyName") })
			find := withQuery(func(query url.Values) {
				if given := query.Get("FriendlyName"); given != "" && strings.HasPrefix(last, given) {
					query.Set("FriendlyName", last)
				}
			})
			return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				name(w, r, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { find(w, r, next) }))
			}
		}()},
		"the last of two counts": {"list/what_the_contract_excludes_is_refused", withQuery(func(query url.Values) {
			for name, values := range query {
				query.Set(name, values[len(values)-1])
			}
		})},
		"a message repeats the value": {
			"create/what_the_contract_excludes_is_refused",
			func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				var value string
				withForm(func(form url.Values) { value = form.Get("PolicySid") })(w, r,
					http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						withBody(func(body string) string {
							return strings.Replace(body, `"message":"`, `"message":"`+url.QueryEscape(value)+` `, 1)
						})(w, r, next)
					}))
			},
		},
		"what is created cannot be read by scripts": {
			"access/scripts_of_any_origin_may_read_every_response",
			withAnswer(func(answer *httptest.ResponseRecorder) {
				if answer.Code == http.StatusCreated {
					answer.Header().Del("Access-Control-Allow-Origin")
				}
			}),
		},
		"a deletion has no id": {"access/every_response_has_an_id", withAnswer(func(answer *httptest.ResponseRecorder) {
			if answer.Code == http.StatusNoContent {
				answer.Header().Del("Twilio-Request-Id")
			}
		})},
		"an update is not kept": {"update/an_update_changes_only_the_given_fields", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/v1/TrustProducts/") {
				r.Body = http.NoBody
			}
			next.ServeHTTP(w, r)
		}},
		"a delete deletes nothing": {"delete/a_deleted_resource_does_not_exist", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Method == http.MethodDelete {
				w.WriteHeader(http.StatusNoContent)
				return
			}
			next.ServeHTTP(w, r)
		}},
		"a profile is a product, too": {
			"fetch/a_bundle_of_the_other_kind_is_not_found",
			func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				if r.Method == http.MethodDelete {
					other := r.Clone(r.Context())
					other.URL.Path = strings.Replace(r.URL.Path, "TrustProducts", "CustomerProfiles", 1)
					next.ServeHTTP(httptest.NewRecorder(), other)
				}
				next.ServeHTTP(w, r)
			},
		},
		"filters are ignored":       {"list/filters_select", withQuery(func(query url.Values) { query.Del("PolicySid") })},
		"an optional field is lost": {"create/a_create_accepts_all_parameters", withForm(func(form url.Values) { form.Del("StatusCallback") })},
		"a missing field is made up": {"create/a_missing_required_parameter_is_refused", withForm(func(form url.Values) {
			if !form.Has("Email") {
				form.Set("Email", "made-up@example.com")
			}
		})},
		"a long name is cut": {"create/what_the_contract_excludes_is_refused", withForm(func(form url.Values) {
			form.Set("FriendlyName", form.Get("FriendlyName")[:min(len(form.Get("FriendlyName")), 100)])
		})},
		"a refused edit is half done": {
			"update/an_update_with_an_unknown_value_changes_nothing",
			func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				if r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/v1/TrustProducts/") {
					first := r.Clone(r.Context())
					first.Body = io.NopCloser(strings.NewReader("Email=half@example.com"))
					first.ContentLength = -1
					next.ServeHTTP(httptest.NewRecorder(), first)
				}
				next.ServeHTTP(w, r)
			},
		},
		"keys are ignored": {"idempotency/concurrent_repeats_create_one_resource", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			r.Header.Del("Idempotency-Key")
			next.ServeHTTP(w, r)
		}},
	}
}

// withAnswer changes each response.
func withAnswer(change func(*httptest.ResponseRecorder)) apitest.Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		change(answer)
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, _ = answer.Body.WriteTo(w)
	}
}

// withBody changes the body of each response.
func withBody(change func(string) string) apitest.Fault {
	return withAnswer(func(answer *httptest.ResponseRecorder) {
		answer.Body = bytes.NewBufferString(change(answer.Body.String()))
	})
}

// withQuery changes the query of each request.
func withQuery(change func(url.Values)) apitest.Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		query := r.URL.Query()
		change(query)
		r.URL.RawQuery = query.Encode()
		next.ServeHTTP(w, r)
	}
}

// withForm changes the form of each create.
func withForm(change func(url.Values)) apitest.Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method == http.MethodPost && r.URL.Path == "/v1/TrustProducts" {
			body, _ := io.ReadAll(r.Body)
			if form, err := url.ParseQuery(string(body)); err == nil {
				change(form)
				body = []byte(form.Encode())
			}
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		}
		next.ServeHTTP(w, r)
	}
}

const (
	defectVariable = "CONFORMANCE_DEFECT"
	defectSID      = "AC0123456789abcdef0123456789abcdef"
	defectToken    = "secret"
)

// TestSuiteFindsDefects runs the suite against a server with each defect, in a separate process. The defect's case must fail.
func TestSuiteFindsDefects(t *testing.T) {
	t.Parallel()
	for name, defect := range defects() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			group, one, _ := strings.Cut(defect.notices, "/")
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestDefectiveServer$/^TrustProduct$/^"+group+"$/^"+one+"$")
			child.Env = append(os.Environ(), defectVariable+"="+name)
			output, err := child.CombinedOutput()
			if want := "--- FAIL: TestDefectiveServer/TrustProduct/" + defect.notices; err == nil || !strings.Contains(string(output), want) {
				t.Errorf("%v, and no %q in\n%s", err, want, output)
			}
		})
	}
}

// TestDefectiveServer is run by TestSuiteFindsDefects, and does nothing otherwise.
func TestDefectiveServer(t *testing.T) {
	defect, ok := defects()[os.Getenv(defectVariable)] //nolint:forbidigo // set by TestSuiteFindsDefects
	if !ok {
		return
	}
	s := apitest.New(t, apitest.WithAccount(defectSID, defectToken))
	s.Inject(10_000, defect.spoil)
	conformance.Run(t, target(s))
}
