// Package baretest has what the server is compared with in benchmarks: a net/http handler written by hand for one operation.
package baretest

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/opentrusthub/trusthub/gen"
)

const productSID = "BU00000000000000000000000000000000"

var policySID = regexp.MustCompile(`^RN[0-9a-fA-F]{32}$`)

// Handler returns a handler of POST /v1/TrustProducts that authenticates, reads and validates the form and responds with a
// product in JSON, and keeps nothing.
func Handler(account, token string) http.Handler {
	want := sha256.Sum256([]byte(token))
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/TrustProducts", func(w http.ResponseWriter, r *http.Request) {
		username, password, _ := r.BasicAuth()
		got := sha256.Sum256([]byte(password))
		if username != account || subtle.ConstantTimeCompare(got[:], want[:]) == 0 {
			http.Error(w, "Authenticate", http.StatusUnauthorized)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
		if err != nil {
			http.Error(w, "body", http.StatusBadRequest)
			return
		}
		form, err := url.ParseQuery(string(body))
		if err != nil || form.Get("FriendlyName") == "" || !isOneLine(form.Get("Email")) ||
			!policySID.MatchString(form.Get("PolicySid")) {
			http.Error(w, "invalid", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(product(account, form, "http://"+r.Host))
	})
	return mux
}

func product(account string, form url.Values, base string) gen.TrustProduct {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	url := base + "/v1/TrustProducts/" + productSID
	return gen.TrustProduct{
		SID: productSID, AccountSID: account, PolicySID: form.Get("PolicySid"), FriendlyName: form.Get("FriendlyName"),
		Email: form.Get("Email"), Status: gen.BundleStatusDraft, DateCreated: at, DateUpdated: at, URL: url,
		Links: gen.TrustProductLinks{
			TrustProductsEntityAssignments:         url + "/EntityAssignments",
			TrustProductsEvaluations:               url + "/Evaluations",
			TrustProductsChannelEndpointAssignment: url + "/ChannelEndpointAssignments",
		},
	}
}

// isOneLine reports whether text is a valid Email in the contract.
func isOneLine(text string) bool {
	length := utf8.RuneCountInString(text)
	return utf8.ValidString(text) && length >= 1 && length <= 254 && !strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp)
	})
}
