package client_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"

	"github.com/opentrusthub/trusthub/api/client"
)

// standIn serves as much of the API as the examples need: it creates, updates and fetches one product, rejects it if it is
// submitted, creates an end user, assigns it, and evaluates. For the whole API, use `trusthub serve`.
func standIn() *httptest.Server {
	var mu sync.Mutex
	var product *client.TrustProduct
	keys := map[string]int{}
	answer := func(w http.ResponseWriter, status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/TrustProducts", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		key := r.Header.Get("Idempotency-Key")
		if keys[key] == 0 {
			keys[key] = len(keys) + 1
		}
		product = &client.TrustProduct{
			SID: fmt.Sprintf("BU%032d", keys[key]), FriendlyName: r.FormValue("FriendlyName"), Email: r.FormValue("Email"),
			PolicySID: r.FormValue("PolicySid"), Status: client.BundleStatusDraft,
		}
		if r.PostForm.Has("StatusCallback") {
			product.StatusCallback = new(r.FormValue("StatusCallback"))
		}
		answer(w, http.StatusCreated, product)
	})
	mux.HandleFunc("POST /v1/EndUsers", func(w http.ResponseWriter, r *http.Request) {
		answer(w, http.StatusCreated, client.EndUser{
			SID: fmt.Sprintf("IT%032d", 1), FriendlyName: r.FormValue("FriendlyName"), Type: r.FormValue("Type"),
			Attributes: json.RawMessage(r.FormValue("Attributes")),
		})
	})
	mux.HandleFunc("POST /v1/TrustProducts/{sid}/EntityAssignments", func(w http.ResponseWriter, r *http.Request) {
		answer(w, http.StatusCreated, client.TrustProductEntityAssignment{
			SID: fmt.Sprintf("BV%032d", 1), TrustProductSID: r.PathValue("sid"), ObjectSID: r.FormValue("ObjectSid"),
		})
	})
	mux.HandleFunc("POST /v1/TrustProducts/{sid}/Evaluations", func(w http.ResponseWriter, r *http.Request) {
		answer(w, http.StatusCreated, client.TrustProductEvaluation{
			SID: fmt.Sprintf("EL%032d", 1), TrustProductSID: r.PathValue("sid"), PolicySID: r.FormValue("PolicySid"),
			Status: client.EvaluationStatusNoncompliant,
			Results: []client.EvaluationResult{
				{ObjectType: "cnam_information", Passed: true},
				{
					ObjectType: "secondary_customer_profile_type_business", ErrorCode: new(22216),
					FailureReason: new("Secondary customer profile bundle is null"),
				},
			},
		})
	})
	mux.HandleFunc("/v1/TrustProducts/{sid}", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if product == nil || product.SID != r.PathValue("sid") {
			answer(w, http.StatusNotFound, map[string]any{
				"code": 20404, "message": "The requested resource " + r.URL.Path + " was not found", "status": 404,
				"more_info": "https://www.twilio.com/docs/errors/20404",
			})
			return
		}
		if name := r.FormValue("FriendlyName"); name != "" {
			product.FriendlyName = name
		}
		if callback := r.FormValue("StatusCallback"); callback != "" {
			product.StatusCallback = &callback
		} else if r.PostForm.Has("StatusCallback") {
			product.StatusCallback = nil
		}
		if r.FormValue("Status") == string(client.BundleStatusPendingReview) {
			product.Status = client.BundleStatusTwilioRejected
			product.Errors = append(product.Errors, client.BundleError{Code: 18601})
		}
		answer(w, http.StatusOK, product)
	})
	return httptest.NewServer(mux)
}
