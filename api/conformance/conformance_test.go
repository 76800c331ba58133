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

// TestConformanceWithoutPromises runs what is left for a target that promises nothing but the contract.
func TestConformanceWithoutPromises(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	conformance.Run(t, conformance.Target{BaseURL: s.BaseURL + "/", Username: s.AccountSID, Password: s.AuthToken})
}

// family returns the names of the resources around Trust Products.
func family() []string {
	return []string{
		"TrustProductEntityAssignment", "TrustProductChannelEndpointAssignment", "TrustProductEvaluation",
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

// TestConformanceOfTwoOperations runs what is left for a target with two operations.
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

// defect breaks a server in one place, and names the case that must notice.
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
		"times have fractions": {"create/a_new_one_has_what_it_was_given", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			answer := httptest.NewRecorder()
			next.ServeHTTP(answer, r)
			maps.Copy(w.Header(), answer.Header())
			w.WriteHeader(answer.Code)
			_, _ = io.WriteString(w, strings.ReplaceAll(answer.Body.String(), `Z"`, `.5Z"`))
		}},
		"there is one page": {"list/pages_hold_each_one_once,_there_and_back", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			query := r.URL.Query()
			query.Del("PageToken")
			r.URL.RawQuery = query.Encode()
			next.ServeHTTP(w, r)
		}},
		"an update is not kept": {"update/it_changes_what_it_names_and_nothing_else", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/v1/TrustProducts/") {
				r.Body = http.NoBody
			}
			next.ServeHTTP(w, r)
		}},
		"a delete deletes nothing": {"delete/a_deleted_one_is_gone", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Method == http.MethodDelete {
				w.WriteHeader(http.StatusNoContent)
				return
			}
			next.ServeHTTP(w, r)
		}},
		"filters are ignored": {"list/filters_choose", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			query := r.URL.Query()
			query.Del("PolicySid")
			r.URL.RawQuery = query.Encode()
			next.ServeHTTP(w, r)
		}},
		"an optional field is lost": {"create/everything_can_be_given", withForm(func(form url.Values) { form.Del("StatusCallback") })},
		"a missing field is made up": {"create/what_is_required_must_be_there", withForm(func(form url.Values) {
			if !form.Has("Email") {
				form.Set("Email", "made-up@example.com")
			}
		})},
		"a long name is cut": {"create/what_is_off_the_contract_is_refused", withForm(func(form url.Values) {
			form.Set("FriendlyName", form.Get("FriendlyName")[:min(len(form.Get("FriendlyName")), 100)])
		})},
		"a refused edit is half done": {
			"update/an_unknown_value_is_refused,_and_what_comes_with_it_not_done",
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
		"keys are ignored": {"idempotency/repeats_at_once_create_one", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			r.Header.Del("Idempotency-Key")
			next.ServeHTTP(w, r)
		}},
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

// TestSuiteBites runs the case that must notice it against each defective server, in a process of its own, where it must fail.
func TestSuiteBites(t *testing.T) {
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

// TestDefectiveServer is for TestSuiteBites. By itself it finds nothing to do.
func TestDefectiveServer(t *testing.T) {
	defect, ok := defects()[os.Getenv(defectVariable)] //nolint:forbidigo // it says which defect this process is for
	if !ok {
		return
	}
	s := apitest.New(t, apitest.WithAccount(defectSID, defectToken))
	s.Inject(10_000, defect.spoil)
	conformance.Run(t, target(s))
}
