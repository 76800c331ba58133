package client_test

import (
	"errors"
	"maps"
	"net/http"
	"testing"

	"github.com/opentrusthub/trusthub/api/client"
)

// TestEnvironment checks which URL a client calls, and with which user name, without a network.
func TestEnvironment(t *testing.T) {
	none := map[string]string{}
	credentials := map[string]string{"TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "token1"}
	with := func(extra map[string]string) map[string]string {
		merged := map[string]string{}
		for _, m := range []map[string]string{credentials, extra} {
			maps.Copy(merged, m)
		}
		return merged
	}
	explicit := []client.Option{client.WithBaseURL("http://x.example/prefix"), client.WithCredentials("AC2", "token2")}
	for _, test := range []struct {
		name      string
		env       map[string]string
		options   []client.Option
		url, user string // both empty: New fails
	}{
		{"the real service", credentials, nil, "https://trusthub.twilio.com/v1/TrustProducts", "AC1"},
		{
			"an edge", with(map[string]string{"TWILIO_EDGE": "sydney"}), nil,
			"https://trusthub.sydney.us1.twilio.com/v1/TrustProducts", "AC1",
		},
		{"a region", with(map[string]string{"TWILIO_REGION": "au1"}), nil, "https://trusthub.au1.twilio.com/v1/TrustProducts", "AC1"},
		{
			"both", with(map[string]string{"TWILIO_EDGE": "sydney", "TWILIO_REGION": "au1"}), nil,
			"https://trusthub.sydney.au1.twilio.com/v1/TrustProducts", "AC1",
		},
		{
			"an API key goes first", with(map[string]string{"TWILIO_API_KEY": "SK1", "TWILIO_API_SECRET": "s"}), nil,
			"https://trusthub.twilio.com/v1/TrustProducts", "SK1",
		},
		{
			"half an API key is ignored", with(map[string]string{"TWILIO_API_KEY": "SK1"}), nil,
			"https://trusthub.twilio.com/v1/TrustProducts", "AC1",
		},
		{"options override the environment", with(map[string]string{"TWILIO_EDGE": "sydney"}), explicit, "http://x.example/prefix/v1/TrustProducts", "AC2"},
		{"no credentials", none, nil, "", ""},
		{"no token", map[string]string{"TWILIO_ACCOUNT_SID": "AC1"}, nil, "", ""},
		{
			"a region by option", with(map[string]string{"TWILIO_EDGE": "sydney", "TWILIO_REGION": "us2"}),
			[]client.Option{client.WithRegion("au1")},
			"https://trusthub.sydney.au1.twilio.com/v1/TrustProducts", "AC1",
		},
		{
			"neither, by option", with(map[string]string{"TWILIO_EDGE": "sydney", "TWILIO_REGION": "us2"}),
			[]client.Option{client.WithRegion(""), client.WithEdge("")},
			"https://trusthub.twilio.com/v1/TrustProducts", "AC1",
		},
		{"an edge that changes the host", with(map[string]string{"TWILIO_EDGE": "x.example/"}), nil, "", ""},
		{"empty credentials by option", credentials, []client.Option{client.WithCredentials("", "")}, "", ""},
		{"half the credentials by option", credentials, []client.Option{client.WithCredentials("AC2", "")}, "", ""},
		{"a colon in the user name", none, []client.Option{client.WithCredentials("AC:2", "x")}, "", ""},
		{"an empty base URL by option", credentials, []client.Option{client.WithBaseURL("")}, "", ""},
		{"a base URL with a user", credentials, []client.Option{client.WithBaseURL("http://me:secret@x.example")}, "", ""},
		{"a base URL with a query", credentials, []client.Option{client.WithBaseURL("http://x.example?a=b")}, "", ""},
		{"a user agent with a line break", credentials, []client.Option{client.WithUserAgent("a\nb")}, "", ""},
		{"no logger", credentials, []client.Option{client.WithLogger(nil)}, "", ""},
		{"a relative base URL", credentials, []client.Option{client.WithBaseURL("localhost:8080")}, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, name := range []string{
				"TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_API_KEY", "TWILIO_API_SECRET", "TWILIO_REGION", "TWILIO_EDGE",
			} {
				t.Setenv(name, test.env[name])
			}
			seen := &recorder{}
			c, err := client.New(append(test.options, client.WithHTTPClient(&http.Client{Transport: seen}),
				client.WithRetries(client.RetryPolicy{MaxAttempts: 1}))...)
			if err != nil {
				if test.url != "" {
					t.Fatal(err)
				}
				return
			}
			if _, err := c.CreateTrustProduct(t.Context(), client.CreateTrustProductRequest{}); !errors.Is(err, errOffline) {
				t.Fatalf("got %v", err)
			}
			if seen.url != test.url || seen.user != test.user {
				t.Errorf("called %s as %s, want %s as %s", seen.url, seen.user, test.url, test.user)
			}
		})
	}
}

var errOffline = errors.New("offline")

// recorder is a transport that records requests instead of sending them.
type recorder struct{ url, user string }

func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	r.url = request.URL.String()
	r.user, _, _ = request.BasicAuth()
	return nil, errOffline
}
