// Package client calls the Trust Products API: Twilio's own, or a stand-in started with `trusthub serve`.
//
//	c, err := client.New(client.WithBaseURL("http://127.0.0.1:8080")) // credentials from TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN
//	product, err := c.CreateTrustProduct(ctx, client.CreateTrustProductRequest{
//		FriendlyName: "Acme, Inc.", Email: "compliance@acme.example", PolicySID: "RN7a97559effdf62d00f4298208492a5ea",
//	})
//	product, err = c.UpdateTrustProduct(ctx, product.SID, client.UpdateTrustProductRequest{
//		Status: new(client.StatusPendingReview),
//	})
//
// Every answer that is not 2xx is an *Error, an HTML page of a proxy included; what it reads is bounded; redirects are not
// followed. A Client is safe for concurrent use. It does not retry and sets no time limit of its own: the context does.
package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/opentrusthub/trusthub/gen"
)

type (
	// TrustProduct is the resource as the API answers it.
	TrustProduct = gen.TrustProduct
	// TrustProductStatus is where a Trust Product stands.
	TrustProductStatus = gen.TrustProductStatus
	// CreateTrustProductRequest is what CreateTrustProduct sends. A nil StatusCallback is none.
	CreateTrustProductRequest = gen.CreateTrustProductRequest
	// UpdateTrustProductRequest is what UpdateTrustProduct sends: nil leaves a field as it is, new("x") sets it.
	UpdateTrustProductRequest = gen.UpdateTrustProductRequest
)

// The five statuses of a Trust Product.
const (
	StatusDraft          = gen.TrustProductStatusDraft
	StatusPendingReview  = gen.TrustProductStatusPendingReview
	StatusInReview       = gen.TrustProductStatusInReview
	StatusTwilioRejected = gen.TrustProductStatusTwilioRejected
	StatusTwilioApproved = gen.TrustProductStatusTwilioApproved
)

// Client calls the API for one account.
type Client struct {
	api *gen.ClientWithResponses
}

type settings struct {
	baseURL            string
	username, password string
	httpClient         *http.Client
}

// Option sets something that New would otherwise take from the environment.
type Option func(*settings)

// WithBaseURL sets the URL that the API is reached at, for example http://127.0.0.1:8080.
func WithBaseURL(url string) Option { return func(s *settings) { s.baseURL = url } }

// WithCredentials sets an account SID and its auth token, or an API key's SID and secret.
func WithCredentials(username, password string) Option {
	return func(s *settings) { s.username, s.password = username, password }
}

// WithHTTPClient sets the client that sends the requests. Its CheckRedirect is not used: a redirect is an *Error.
func WithHTTPClient(c *http.Client) Option { return func(s *settings) { s.httpClient = c } }

// New returns a client. Without options it reads the environment as the official SDKs do: TWILIO_API_KEY and
// TWILIO_API_SECRET, else TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN; TWILIO_EDGE and TWILIO_REGION choose Twilio's host. It
// fails where a credential is missing or the base URL is not absolute.
func New(options ...Option) (*Client, error) {
	s := settings{httpClient: http.DefaultClient}
	for _, option := range options {
		option(&s)
	}
	if s.baseURL == "" {
		s.baseURL = twilioURL(os.Getenv("TWILIO_EDGE"), os.Getenv("TWILIO_REGION"))
	}
	base, err := url.Parse(s.baseURL)
	if err != nil || (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" {
		return nil, errors.New("client: the base URL must be absolute http or https")
	}
	if s.username == "" && s.password == "" {
		s.username, s.password = environmentCredentials()
	}
	if s.username == "" || s.password == "" {
		return nil, errors.New(
			"client: credentials are missing: set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, or use WithCredentials")
	}
	httpClient := *s.httpClient
	httpClient.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	generated, err := gen.NewClientWithResponses(s.baseURL,
		gen.WithHTTPClient(doer{&httpClient}),
		gen.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
			r.SetBasicAuth(s.username, s.password)
			r.Header.Set("Accept", "application/json")
			return nil
		}))
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	return &Client{api: generated}, nil
}

func environmentCredentials() (username, password string) {
	if key, secret := os.Getenv("TWILIO_API_KEY"), os.Getenv("TWILIO_API_SECRET"); key != "" && secret != "" {
		return key, secret
	}
	return os.Getenv("TWILIO_ACCOUNT_SID"), os.Getenv("TWILIO_AUTH_TOKEN")
}

// twilioURL is the real service's, as the official SDKs build it.
func twilioURL(edge, region string) string {
	if edge != "" && region == "" {
		region = "us1"
	}
	parts := slices.DeleteFunc([]string{"trusthub", edge, region, "twilio.com"}, func(s string) bool { return s == "" })
	return "https://" + strings.Join(parts, ".")
}

// CreateTrustProduct creates a Trust Product in status draft.
func (c *Client) CreateTrustProduct(ctx context.Context, r CreateTrustProductRequest) (*TrustProduct, error) {
	response, err := c.api.CreateTrustProductWithFormdataBodyWithResponse(ctx, nil, r)
	if err != nil {
		return nil, err
	}
	return decoded(response.JSON201, response.HTTPResponse)
}

// UpdateTrustProduct changes the fields of r that are not nil. An empty StatusCallback removes the callback.
func (c *Client) UpdateTrustProduct(ctx context.Context, sid string, r UpdateTrustProductRequest) (*TrustProduct, error) {
	if err := checkSID(sid); err != nil {
		return nil, err
	}
	response, err := c.api.UpdateTrustProductWithFormdataBodyWithResponse(ctx, sid, r)
	if err != nil {
		return nil, err
	}
	return decoded(response.JSON200, response.HTTPResponse)
}

// checkSID keeps a SID that is none from changing which URL is called. Whether it exists is for the server to say.
func checkSID(sid string) error {
	for _, r := range sid {
		if (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') {
			return errors.New("client: a SID consists of letters and digits")
		}
	}
	if sid == "" {
		return errors.New("client: the SID is empty")
	}
	return nil
}
