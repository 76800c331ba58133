package client_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/opentrusthub/trusthub/api/client"
)

// TestNoSecretsInLogsAndErrors: log lines and errors contain nothing that identifies or authenticates anyone.
func TestNoSecretsInLogsAndErrors(t *testing.T) {
	const name, email, callbackURL, key = "secret-name", "secret@mail.example", "https://secret.example/?token=1", "secret-key"
	for _, end := range []reply{
		{status: 201}, {status: 200}, {status: 401}, {status: 429}, {status: 503, retryAfter: "1"}, {err: errors.New("secret in the failure")},
	} {
		synctest.Test(t, func(t *testing.T) {
			var log bytes.Buffer
			c := (&script{replies: []reply{end}}).client(t, client.WithUserAgent("test"),
				client.WithLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
			_, err := c.CreateTrustProduct(t.Context(), client.CreateTrustProductRequest{
				FriendlyName: name, Email: email, PolicySID: "RN1", StatusCallback: new(callbackURL),
			}, client.WithIdempotencyKey(key))
			text := fmt.Sprintf("%v %+v", err, err)
			for _, err = range c.ListTrustProduct(t.Context(), client.ListTrustProductRequest{FriendlyName: new(name)}) {
				text += fmt.Sprintf("%v %+v", err, err)
			}
			text = strings.ReplaceAll(text, "secret in the failure", "") // the transport's error, which is wrapped
			for _, secret := range []string{"secret", token, "Basic", "QUNh", "FriendlyName"} {
				if strings.Contains(log.String(), secret) || strings.Contains(text, secret) {
					t.Errorf("%+v: %q is in the log or error:\n%s\n%s", end, secret, log.String(), text)
				}
			}
		})
	}
	c, err := client.New(client.WithCredentials(account, token))
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprintf("%v %+v", c, c); strings.Contains(text, token) {
		t.Error("printing a client shows its token")
	}
	for _, option := range []client.Option{
		client.WithBaseURL("http://me:secret@%zz"), client.WithBaseURL("http://me:secret@x.example"), client.WithCredentials("AC:secret", "secret"),
	} {
		if _, err := client.New(client.WithCredentials(account, "secret"), option); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("the error is %v", err)
		}
	}
}

func TestLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		c := (&script{replies: []reply{{status: 429, retryAfter: "1"}, {status: 201}}}).client(t,
			client.WithLogger(slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
		if err := create(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		for i, want := range []struct {
			level  string
			status float64
		}{{"WARN", 429}, {"DEBUG", 201}} {
			var got map[string]any
			if err := json.Unmarshal([]byte(lines[i]), &got); err != nil {
				t.Fatal(err)
			}
			if got["level"] != want.level || got["status"] != want.status || got["attempt"] != float64(i+1) ||
				got["method"] != http.MethodPost || got["path"] != "/v1/TrustProducts" || got["duration"] == nil || got["request_id"] == nil {
				t.Errorf("line %d is %s", i+1, lines[i])
			}
		}
	})
}
