package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/opentrusthub/trusthub/api/client"
)

const (
	exampleAccount = "AC0123456789abcdef0123456789abcdef"
	examplePolicy  = "RN7a97559effdf62d00f4298208492a5ea" // SHAKEN/STIR
	exampleToken   = "12345"
)

// newExample returns a client of a stand-in. A program would have its credentials in the environment.
func newExample() (*client.Client, func()) {
	server := standIn()
	c, err := client.New(client.WithBaseURL(server.URL), client.WithCredentials(exampleAccount, exampleToken))
	if err != nil {
		log.Fatal(err)
	}
	return c, server.Close
}

// Create a Trust Product and submit it for review.
func Example() {
	server := standIn() // or the real service, without WithBaseURL
	defer server.Close()

	c, err := client.New(client.WithBaseURL(server.URL), client.WithCredentials(exampleAccount, exampleToken))
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	product, err := c.CreateTrustProduct(ctx, client.CreateTrustProductRequest{
		FriendlyName: "Acme, Inc.", Email: "compliance@acme.example", PolicySID: examplePolicy,
		StatusCallback: new("https://acme.example/trust-product-status"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(product.FriendlyName, "is a", product.Status)

	_, err = c.UpdateTrustProduct(ctx, product.SID, client.UpdateTrustProductRequest{Status: new(client.BundleStatusPendingReview)})
	fmt.Println("submitted:", err == nil)
	// Output:
	// Acme, Inc. is a draft
	// submitted: true
}

// Without credentials New returns an error, rather than the first call a status of 401.
func ExampleNew_missingCredentials() {
	_, err := client.New(client.WithCredentials(exampleAccount, "")) // from a variable that is not set
	fmt.Println(err)
	// Output: client: credentials are missing: set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, or use WithCredentials
}

// A rejection is not an error: the call succeeds, and the product has the status twilio-rejected.
func ExampleClient_FetchTrustProduct_rejectionIsNoError() {
	c, closeServer := newExample()
	defer closeServer()
	ctx := context.Background()

	product, err := c.CreateTrustProduct(ctx, client.CreateTrustProductRequest{
		FriendlyName: "Acme", Email: "a@acme.example", PolicySID: examplePolicy,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	submit := client.UpdateTrustProductRequest{Status: new(client.BundleStatusPendingReview)}
	if _, err := c.UpdateTrustProduct(ctx, product.SID, submit); err != nil {
		fmt.Println(err)
		return
	}

	product, err = c.FetchTrustProduct(ctx, product.SID)
	if err == nil {
		fmt.Println("approved? not if the status is ignored")
	}
	switch product.Status {
	case client.BundleStatusTwilioApproved:
		fmt.Println("approved")
	case client.BundleStatusTwilioRejected:
		fmt.Println("rejected, code", product.Errors[0].Code)
	default:
		fmt.Println("not decided yet")
	}
	// Output:
	// approved? not if the status is ignored
	// rejected, code 18601
}

// A nil field stays unchanged, new sets one, and an empty StatusCallback removes it.
func ExampleClient_UpdateTrustProduct() {
	c, closeServer := newExample()
	defer closeServer()
	ctx := context.Background()

	product, err := c.CreateTrustProduct(ctx, client.CreateTrustProductRequest{
		FriendlyName: "Acme", Email: "a@acme.example", PolicySID: examplePolicy,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, change := range []client.UpdateTrustProductRequest{
		{StatusCallback: new("https://acme.example/status")}, // set
		{FriendlyName: new("Acme Telecom")},                  // StatusCallback stays unchanged
		{StatusCallback: new("")},                            // cleared
	} {
		product, err = c.UpdateTrustProduct(ctx, product.SID, change)
		if err != nil {
			fmt.Println(err)
			return
		}
		if product.StatusCallback == nil {
			fmt.Println(product.FriendlyName, "has no callback")
		} else {
			fmt.Println(product.FriendlyName, "calls", *product.StatusCallback)
		}
	}
	// Output:
	// Acme calls https://acme.example/status
	// Acme Telecom calls https://acme.example/status
	// Acme Telecom has no callback
}

// Test for the kind of a failure with errors.Is, and get the details from the *Error.
func ExampleError() {
	c, closeServer := newExample()
	defer closeServer()

	_, err := c.FetchTrustProduct(context.Background(), "BU00000000000000000000000000000000")
	if errors.Is(err, client.ErrNotFound) {
		fmt.Println("Trust Product not found")
	}
	if failure, ok := errors.AsType[*client.Error](err); ok {
		fmt.Println(failure.Status, failure.Code, failure.MoreInfo)
	}
	// Output:
	// Trust Product not found
	// 404 20404 https://www.twilio.com/docs/errors/20404
}

// Attributes are made of a map, or of a struct with JSON tags.
func ExampleClient_CreateEndUser() {
	c, closeServer := newExample()
	defer closeServer()

	representative, err := c.CreateEndUser(context.Background(), client.CreateEndUserRequest{
		FriendlyName: "First representative", Type: "authorized_representative_1",
		Attributes: client.MustJSON(map[string]any{"first_name": "Ada", "job_position": "CEO"}),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	var attributes struct {
		JobPosition string `json:"job_position"`
	}
	if err := json.Unmarshal(representative.Attributes, &attributes); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(representative.FriendlyName, "is", attributes.JobPosition)
	// Output: First representative is CEO
}

// Assign what a policy requires, and ask what is missing. A noncompliant evaluation is no error: its results tell what to do.
func ExampleClient_CreateTrustProductEvaluation() {
	c, closeServer := newExample()
	defer closeServer()
	ctx := context.Background()
	const policy = "RNf3db3cd1fe25fcfd3c3ded065c8fea53" // CNAM

	evaluate := func() (*client.TrustProductEvaluation, error) {
		product, err := c.CreateTrustProduct(ctx, client.CreateTrustProductRequest{
			FriendlyName: "Acme", Email: "a@acme.example", PolicySID: policy,
		})
		if err != nil {
			return nil, err
		}
		caller, err := c.CreateEndUser(ctx, client.CreateEndUserRequest{
			FriendlyName: "Caller", Type: "cnam_information", Attributes: client.MustJSON(map[string]any{"cnam_display_name": "Acme"}),
		})
		if err != nil {
			return nil, err
		}
		_, err = c.CreateTrustProductEntityAssignment(ctx, product.SID,
			client.CreateTrustProductEntityAssignmentRequest{ObjectSID: caller.SID})
		if err != nil {
			return nil, err
		}
		return c.CreateTrustProductEvaluation(ctx, product.SID, client.CreateTrustProductEvaluationRequest{PolicySID: policy})
	}

	evaluation, err := evaluate()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(evaluation.Status)
	for _, result := range evaluation.Results {
		if result.Passed {
			fmt.Println("+", result.ObjectType)
		} else {
			fmt.Println("-", result.ObjectType, *result.ErrorCode, *result.FailureReason)
		}
	}
	// Output:
	// noncompliant
	// + cnam_information
	// - secondary_customer_profile_type_business 22216 Secondary customer profile bundle is null
}

// With a key of its own, a program can repeat a create safely even after a restart.
func ExampleWithIdempotencyKey() {
	c, closeServer := newExample()
	defer closeServer()

	request := client.CreateTrustProductRequest{FriendlyName: "Acme", Email: "a@acme.example", PolicySID: examplePolicy}
	first, err := c.CreateTrustProduct(context.Background(), request, client.WithIdempotencyKey("onboarding-4711"))
	if err != nil {
		fmt.Println(err)
		return
	}
	second, err := c.CreateTrustProduct(context.Background(), request, client.WithIdempotencyKey("onboarding-4711"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(first.SID == second.SID)
	// Output: true
}

// A receiver behind a proxy: the service calls https://acme.example, and the receiver listens on another host and port.
func ExampleParseCallback() {
	receiver := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		callback, err := client.ParseCallback(r, exampleToken, client.WithPublicURL("https://acme.example"))
		switch {
		case errors.Is(err, client.ErrSignature):
			http.Error(w, "invalid signature", http.StatusForbidden)
		case err != nil:
			http.Error(w, "not a callback", http.StatusBadRequest)
		default:
			fmt.Println(callback.BundleSID, "is now", callback.Status)
		}
	})

	// A request as the service would send it:
	form := url.Values{
		"AccountSid": {exampleAccount}, "BundleSid": {"BU0190b5b2c1d07e3f9a44c0de5ab1e5ed"}, "Status": {"twilio-approved"},
	}
	r := httptest.NewRequest(http.MethodPost, "/status", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Twilio-Signature", exampleSignature)
	receiver.ServeHTTP(httptest.NewRecorder(), r)

	// A request that anyone else might send:
	form.Set("Status", "twilio-rejected")
	r = httptest.NewRequest(http.MethodPost, "/status", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Twilio-Signature", exampleSignature)
	answer := httptest.NewRecorder()
	receiver.ServeHTTP(answer, r)
	fmt.Print(answer.Code, " ", answer.Body)
	// Output:
	// BU0190b5b2c1d07e3f9a44c0de5ab1e5ed is now twilio-approved
	// 403 invalid signature
}

const exampleSignature = "jYSPV7HjVVUp5mqlhjVs7EAPaI4="
