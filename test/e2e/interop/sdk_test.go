package interop

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/twilio/twilio-go/client"
	trusthub "github.com/twilio/twilio-go/rest/trusthub/v1"
)

const (
	policySID = "RN7a97559effdf62d00f4298208492a5ea"
	email     = "compliance@acme.example"
	callback  = "https://acme.example/trust-product-status?a=1&b=2"
)

var productSID = regexp.MustCompile(`^BU[0-9a-fA-F]{32}$`)

var errOtherHost = errors.New("the SDK called a host that is not Trust Hub's")

// toServer sends requests for the real service to the server. The SDK has no base URL, so this is what a user must add. URLs
// that the server returns, such as those of next pages, need no change.
type toServer struct {
	server    *url.URL
	transport http.RoundTripper
}

func (s toServer) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme == s.server.Scheme && r.URL.Host == s.server.Host {
		return s.transport.RoundTrip(r)
	}
	if r.URL.Scheme != "https" || r.URL.Host != "trusthub.twilio.com" {
		if r.Body != nil {
			_ = r.Body.Close() // a RoundTripper must, even if it fails
		}
		return nil, fmt.Errorf("%w: %s://%s", errOtherHost, r.URL.Scheme, r.URL.Host)
	}
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host, r.Host = s.server.Scheme, s.server.Host, s.server.Host
	return s.transport.RoundTrip(r)
}

// newService returns what twilio.NewRestClientWithParams has as TrusthubV1, for ClientParams with a Client. It does not use the
// SDK's root package, which would also build all of Twilio's other products.
func newService(t *testing.T, server *url.URL, token string) *trusthub.ApiService {
	t.Helper()
	return newServiceOf(t, server, accountSID, token)
}

func newServiceOf(t *testing.T, server *url.URL, sid, token string) *trusthub.ApiService {
	t.Helper()
	return newServiceWith(t, server, client.NewCredentials(sid, token), sid)
}

// newServiceWith is newService for ClientParams with a Username, which may be the SID of an API key, a Password and an AccountSid.
func newServiceWith(t *testing.T, server *url.URL, credentials *client.Credentials, sid string) *trusthub.ApiService {
	t.Helper()
	transport := &http.Transport{} // without a proxy: nothing leaves the loopback interface
	t.Cleanup(transport.CloseIdleConnections)
	sdk := &client.Client{
		Credentials: credentials,
		HTTPClient:  &http.Client{Transport: toServer{server, transport}, Timeout: 30 * time.Second},
	}
	sdk.SetAccountSid(sid)
	// A literal, because NewRequestHandler reads the edge and the region from the environment.
	return trusthub.NewApiService(&client.RequestHandler{Client: sdk})
}

func createParams() *trusthub.CreateTrustProductParams {
	return new(trusthub.CreateTrustProductParams).SetFriendlyName("Café & Sons + Co").SetEmail(email).SetPolicySid(policySID)
}

func create(t *testing.T, service *trusthub.ApiService) *trusthub.TrusthubV1TrustProduct {
	t.Helper()
	product, err := service.CreateTrustProduct(createParams().SetStatusCallback(callback))
	if err != nil {
		t.Fatal(err)
	}
	if product.Sid == nil || !productSID.MatchString(*product.Sid) {
		t.Fatalf("sid is %s, want %s", show(product.Sid), productSID)
	}
	return product
}

func TestCreate(t *testing.T) {
	t.Parallel()
	onEachEngine(t, testCreate)
}

func testCreate(t *testing.T, server *url.URL) {
	t.Helper()
	before := time.Now().Truncate(time.Second)
	product := create(t, newService(t, server, authToken))

	productURL := server.String() + "/v1/TrustProducts/" + *product.Sid
	equal(t, "account_sid", product.AccountSid, accountSID)
	equal(t, "policy_sid", product.PolicySid, policySID)
	equal(t, "friendly_name", product.FriendlyName, "Café & Sons + Co")
	equal(t, "status", product.Status, "draft")
	equal(t, "email", product.Email, email)
	equal(t, "status_callback", product.StatusCallback, callback)
	equal(t, "url", product.Url, productURL)
	if product.ValidUntil != nil || product.Errors != nil {
		t.Errorf("valid_until is %s and errors %s, want null for both", show(product.ValidUntil), show(product.Errors))
	}
	links := map[string]any{
		"trust_products_entity_assignments":          productURL + "/EntityAssignments",
		"trust_products_evaluations":                 productURL + "/Evaluations",
		"trust_products_channel_endpoint_assignment": productURL + "/ChannelEndpointAssignments",
	}
	if product.Links == nil || !reflect.DeepEqual(*product.Links, links) {
		t.Errorf("links is %s, want %v", show(product.Links), links)
	}
	checkDate(t, "date_created", product.DateCreated, before)
	checkDate(t, "date_updated", product.DateUpdated, before)
}

func TestCreateWithoutStatusCallback(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, server *url.URL) {
		product, err := newService(t, server, authToken).CreateTrustProduct(createParams())
		if err != nil {
			t.Fatal(err)
		}
		if product.StatusCallback != nil {
			t.Errorf("status_callback is %q, want null", *product.StatusCallback)
		}
	})
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	onEachEngine(t, testUpdate)
}

func testUpdate(t *testing.T, server *url.URL) {
	t.Helper()
	service := newService(t, server, authToken)
	created := create(t, service)
	updated, err := service.UpdateTrustProduct(*created.Sid, new(trusthub.UpdateTrustProductParams).
		SetFriendlyName("Acme Telecom, Inc.").SetEmail("legal@acme.example").SetStatusCallback("http://www.example.com").
		SetStatus("draft"))
	if err != nil {
		t.Fatal(err)
	}
	want := *created
	want.FriendlyName, want.Email = new("Acme Telecom, Inc."), new("legal@acme.example")
	want.StatusCallback = new("http://www.example.com")
	checkDate(t, "date_updated", updated.DateUpdated, *created.DateUpdated)
	want.DateUpdated = updated.DateUpdated
	if !reflect.DeepEqual(*updated, want) {
		t.Errorf("the product is\n%s\nwant\n%s", show(updated), show(&want))
	}
}

func TestSubmit(t *testing.T) {
	t.Parallel()
	onEachEngine(t, testSubmit)
}

func testSubmit(t *testing.T, server *url.URL) {
	t.Helper()
	service := newService(t, server, authToken)
	created, err := service.CreateTrustProduct(createParams()) // without StatusCallback, which the server would call
	if err != nil {
		t.Fatal(err)
	}
	submitted, err := service.UpdateTrustProduct(*created.Sid,
		new(trusthub.UpdateTrustProductParams).SetStatus("pending-review"))
	if err != nil {
		t.Fatal(err)
	}
	// The review may have begun before the response: Twilio's examples show both statuses.
	if submitted.Status == nil || !slices.Contains([]string{"pending-review", "in-review"}, *submitted.Status) {
		t.Errorf("status is %s, want pending-review or in-review", show(submitted.Status))
	}
	equal(t, "sid", submitted.Sid, *created.Sid)
	equal(t, "friendly_name", submitted.FriendlyName, *created.FriendlyName)
}

func TestErrors(t *testing.T) {
	t.Parallel()
	onEachEngine(t, testErrors)
}

func testErrors(t *testing.T, server *url.URL) {
	t.Helper()
	service, stranger := newService(t, server, authToken), newService(t, server, "0000000000000000000000000000000x")
	sid, unknown := *create(t, service).Sid, "BU00000000000000000000000000000000"
	setStatus := func(sid, status string) error {
		_, err := service.UpdateTrustProduct(sid, new(trusthub.UpdateTrustProductParams).SetStatus(status))
		return err
	}
	createWith := func(service *trusthub.ApiService, params *trusthub.CreateTrustProductParams) error {
		_, err := service.CreateTrustProduct(params)
		return err
	}
	noName := createParams()
	noName.FriendlyName = nil

	for _, test := range []struct {
		name         string
		err          error
		status, code int // code 0 means that the real service's code is unknown
		message      string
	}{
		{"no FriendlyName", createWith(service, noName), 400, 20001, "Missing required parameter FriendlyName in the post body"},
		{"unknown sid", setStatus(unknown, "draft"), 404, 20404, "The requested resource /v1/TrustProducts/" + unknown + " was not found"},
		{"wrong token", createWith(stranger, createParams()), 401, 20003, "Authenticate"},
		{"illegal status", setStatus(sid, "twilio-approved"), 400, 0, "User cannot perform this status update"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, ok := errors.AsType[*client.TwilioRestError](test.err)
			if !ok {
				t.Fatalf("the error is a %T (%v), want the SDK's own", test.err, test.err)
			}
			if got.Status != test.status || got.Message != test.message || test.code != 0 && got.Code != test.code {
				t.Errorf("got status %d, code %d, %q; want %d, %d, %q",
					got.Status, got.Code, got.Message, test.status, test.code, test.message)
			}
			if want := "https://www.twilio.com/docs/errors/" + strconv.Itoa(got.Code); got.MoreInfo != want {
				t.Errorf("more_info is %q, want %q", got.MoreInfo, want)
			}
		})
	}
}

// TestOtherHostIsRefused: otherwise the other tests would not notice requests to other hosts.
func TestOtherHostIsRefused(t *testing.T) {
	t.Parallel()
	service := newService(t, &url.URL{Scheme: "http", Host: "127.0.0.1:0"}, authToken)
	service.RequestHandler().Region = "ie1"
	if _, err := service.CreateTrustProduct(createParams()); !errors.Is(err, errOtherHost) {
		t.Errorf("got %v, want %v", err, errOtherHost)
	}
}

func equal[T comparable](t *testing.T, field string, got *T, want T) {
	t.Helper()
	if got == nil || *got != want {
		t.Errorf("%s is %s, want %v", field, show(got), want)
	}
}

// checkDate expects a time in GMT and whole seconds, not before the second of earliest, and not in the future.
func checkDate(t *testing.T, field string, got *time.Time, earliest time.Time) {
	t.Helper()
	if got == nil || !got.Equal(got.Truncate(time.Second)) || got.Before(earliest) || got.After(time.Now()) {
		t.Errorf("%s is %s, want whole seconds between %v and now", field, show(got), earliest)
	} else if _, offset := got.Zone(); offset != 0 {
		t.Errorf("%s is %v, want GMT", field, got)
	}
}

// show returns the value of a pointer as JSON, as in requests and responses.
func show(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
