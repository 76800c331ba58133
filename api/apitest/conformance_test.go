package apitest_test

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/api/apitest"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// TestConformance runs the suite against this project's own server on every database engine.
func TestConformance(t *testing.T) {
	t.Parallel()
	for engine, database := range storetest.Names() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			apitest.Conformance(t, apitest.New(t, apitest.WithDatabase(database(t))).Target())
		})
	}
}

// TestConformanceWithoutPromises runs what is left for a target that promises nothing but the contract.
func TestConformanceWithoutPromises(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	apitest.Conformance(t, apitest.Target{BaseURL: s.BaseURL + "/", Username: s.AccountSID, Password: s.AuthToken})
}

// defect breaks a server in one place, and names the case that must notice.
type defect struct {
	notices string
	spoil   apitest.Fault
}

func defects() map[string]defect {
	return map[string]defect{
		"anybody may call": {"access/without_credentials_nothing_is_answered", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			r.SetBasicAuth(defectSID, defectToken)
			next.ServeHTTP(w, r)
		}},
		"times have fractions": {"create/a_new_product_is_a_draft", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			answer := httptest.NewRecorder()
			next.ServeHTTP(answer, r)
			maps.Copy(w.Header(), answer.Header())
			w.WriteHeader(answer.Code)
			_, _ = io.WriteString(w, strings.ReplaceAll(answer.Body.String(), `Z"`, `.5Z"`))
		}},
		"there is one page": {"list/pages_hold_each_product_once,_there_and_back", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
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
		"a delete deletes nothing": {"delete/a_deleted_product_is_gone", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Method == http.MethodDelete {
				w.WriteHeader(http.StatusNoContent)
				return
			}
			next.ServeHTTP(w, r)
		}},
		"keys are ignored": {"idempotency/repeats_at_once_make_one_product", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			r.Header.Del("Idempotency-Key")
			next.ServeHTTP(w, r)
		}},
	}
}

const (
	defectVariable = "APITEST_DEFECT"
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
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestDefectiveServer$/^"+group+"$/^"+one+"$")
			child.Env = append(os.Environ(), defectVariable+"="+name)
			output, err := child.CombinedOutput()
			if want := "--- FAIL: TestDefectiveServer/" + defect.notices; err == nil || !strings.Contains(string(output), want) {
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
	apitest.Conformance(t, s.Target())
}
