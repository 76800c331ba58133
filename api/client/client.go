package client

import (
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/opentrusthub/trusthub/gen"
)

// Client calls the API for one account. Create it with New; it is safe for concurrent use.
type Client struct {
	api       *gen.Client
	sendsKeys bool // whether creates carry an Idempotency-Key
}

type settings struct {
	baseURL      *string // nil means not set, here and below
	region, edge *string
	credentials  *[2]string // user name and password
	httpClient   *http.Client
	userAgent    string
	logger       *slog.Logger
	retries      RetryPolicy
}

// Option overrides a setting that New would otherwise take from the environment or a default.
type Option func(*settings)

// WithBaseURL sets the absolute http or https URL of the API, for example http://127.0.0.1:8080. A path is kept as a prefix.
// The default is the real service.
func WithBaseURL(url string) Option { return func(s *settings) { s.baseURL = &url } }

// WithRegion sets the region of the real service, for example au1, instead of TWILIO_REGION; "" is the default region.
func WithRegion(region string) Option { return func(s *settings) { s.region = &region } }

// WithEdge sets the edge of the real service, for example sydney, instead of TWILIO_EDGE; "" is the default edge.
func WithEdge(edge string) Option { return func(s *settings) { s.edge = &edge } }

// WithCredentials sets an account SID and its auth token, or an API key's SID and secret.
func WithCredentials(username, password string) Option {
	return func(s *settings) { s.credentials = &[2]string{username, password} }
}

// WithHTTPClient sets the client that sends the requests, instead of http.DefaultClient; its Timeout applies to each attempt.
// It is copied, and its CheckRedirect is not used: a redirect is an *Error.
func WithHTTPClient(c *http.Client) Option { return func(s *settings) { s.httpClient = c } }

// WithUserAgent sets the User-Agent header, instead of trusthub-go.
func WithUserAgent(name string) Option { return func(s *settings) { s.userAgent = name } }

// WithLogger logs each attempt: its method, path, status or kind of failure, number, duration and request id. The level is warn
// if the call will be retried, and debug otherwise. By default nothing is logged.
func WithLogger(l *slog.Logger) Option { return func(s *settings) { s.logger = l } }

// WithRetries sets how often calls are retried, and how long to wait in between. RetryPolicy{MaxAttempts: 1} never retries.
func WithRetries(p RetryPolicy) Option { return func(s *settings) { s.retries = p } }

// New returns a client. Without options it reads the environment as the official SDKs do: the credentials are TWILIO_API_KEY
// and TWILIO_API_SECRET, or TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN if either is missing; TWILIO_EDGE and TWILIO_REGION select
// Twilio's host. An option overrides the environment even if its value is empty. New returns an error if a credential is
// missing or a setting is invalid. It makes no request.
func New(options ...Option) (*Client, error) {
	s := settings{httpClient: http.DefaultClient, userAgent: "trusthub-go", logger: slog.New(slog.DiscardHandler)}
	for _, option := range options {
		option(&s)
	}
	if s.httpClient == nil || s.logger == nil {
		return nil, errors.New("client: the HTTP client and the logger must not be nil")
	}
	if !printable(s.userAgent) {
		return nil, errors.New("client: the user agent must consist of printable ASCII")
	}
	base, err := s.base()
	if err != nil {
		return nil, err
	}
	username, password, err := s.account()
	if err != nil {
		return nil, err
	}
	retries, err := s.retries.withDefaults()
	if err != nil {
		return nil, err
	}
	httpClient := *s.httpClient
	httpClient.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	generated, err := gen.NewClient(base.String(), gen.WithHTTPClient(&retrier{
		policy: retries, jitter: fullJitter, logger: s.logger,
		sender: sender{
			httpClient:    &httpClient,
			authorization: []string{"Basic " + base64.StdEncoding.EncodeToString([]byte(username+":"+password))},
			accept:        []string{"application/json"},
			userAgent:     []string{s.userAgent},
		},
	}))
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	return &Client{api: generated, sendsKeys: !isTwilio(base.Hostname())}, nil
}

func (s *settings) base() (*url.URL, error) {
	if s.baseURL == nil {
		return twilioURL(given(s.edge, "TWILIO_EDGE"), given(s.region, "TWILIO_REGION"))
	}
	base, err := url.Parse(*s.baseURL)
	if err != nil || !absolute(base) {
		return nil, errors.New("client: the base URL must be an absolute http or https URL") // err would repeat it
	}
	if base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, errors.New("client: the base URL must have no user name, query or fragment")
	}
	return base, nil
}

func (s *settings) account() (username, password string, err error) {
	if s.credentials != nil {
		username, password = s.credentials[0], s.credentials[1]
	} else if username, password = os.Getenv("TWILIO_API_KEY"), os.Getenv("TWILIO_API_SECRET"); username == "" || password == "" {
		username, password = os.Getenv("TWILIO_ACCOUNT_SID"), os.Getenv("TWILIO_AUTH_TOKEN")
	}
	if username == "" || password == "" {
		return "", "", errors.New(
			"client: credentials are missing: set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, or use WithCredentials")
	}
	if strings.Contains(username, ":") {
		return "", "", errors.New("client: the account or API key SID must not contain a colon")
	}
	return username, password, nil
}

func given(option *string, variable string) string {
	if option != nil {
		return *option
	}
	return os.Getenv(variable)
}

// twilioURL returns the base URL of the real service, built as the official SDKs build it.
func twilioURL(edge, region string) (*url.URL, error) {
	if edge != "" && region == "" {
		region = "us1"
	}
	labels := []string{"trusthub"}
	for _, part := range []string{edge, region} {
		// Any other character could change the host, which would then receive the credentials.
		if strings.Trim(part, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return nil, errors.New("client: the region and the edge must consist of lowercase letters, digits and hyphens")
		}
		if part != "" {
			labels = append(labels, part)
		}
	}
	return &url.URL{Scheme: "https", Host: strings.Join(append(labels, "twilio", "com"), ".")}, nil
}

func absolute(u *url.URL) bool { return (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" }

func isTwilio(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	return host == "twilio.com" || strings.HasSuffix(host, ".twilio.com")
}

func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}
