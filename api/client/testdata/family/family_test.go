// Package family_test tests the methods that are generated from openapi.yaml and the additions in this folder. It is compiled
// only by TestNewOperations of package client.
package family_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/api/client"
)

// request is a request as the server received it.
type request struct{ line, form, key, reason string }

// newServer responds to every request with a status and a JSON body, and records the request.
func newServer(t *testing.T, answer func(*http.Request) (int, string)) (*client.Client, *[]request) {
	t.Helper()
	got := new([]request)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		*got = append(*got, request{
			r.Method + " " + r.URL.RequestURI(), string(body), r.Header.Get("Idempotency-Key"), r.Header.Get("X-Twilio-Reason"),
		})
		status, text := answer(r)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(server.Close)
	c, err := client.New(client.WithBaseURL(server.URL), client.WithCredentials("AC1", "token"),
		client.WithRetries(client.RetryPolicy{BaseWait: time.Nanosecond}))
	if err != nil {
		t.Fatal(err)
	}
	return c, got
}

func answer(status int, text string) func(*http.Request) (int, string) {
	return func(*http.Request) (int, string) { return status, text }
}

func check(t *testing.T, got []request, want ...request) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d requests, want %d: %q", len(got), len(want), got)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("request %d:\ngot  %q\nwant %q", i, got[i], want[i])
		}
	}
}

// TestCreateWithAttributes: an object is sent as JSON in the form and returned as an object. A create is retried with the
// same key.
func TestCreateWithAttributes(t *testing.T) {
	failures := 1
	c, got := newServer(t, func(*http.Request) (int, string) {
		if failures--; failures >= 0 {
			return http.StatusBadGateway, "{}"
		}
		return http.StatusCreated, `{"sid":"IT1","attributes":{"email":"a@b.example","n":{"x":1}}}`
	})
	gadget, err := c.CreateGadget(t.Context(), client.CreateGadgetRequest{
		FriendlyName: `"quoted" & <b>`, Attributes: map[string]any{"email": "a@b.example", "n": map[string]any{"x": 1}},
	}, client.WithIdempotencyKey("key"))
	if err != nil || gadget.Attributes["email"] != "a@b.example" {
		t.Fatalf("got %v, %v", gadget, err)
	}
	want := request{
		"POST /v1/Gadgets",
		"Attributes=%7B%22email%22%3A%22a%40b.example%22%2C%22n%22%3A%7B%22x%22%3A1%7D%7D&FriendlyName=%22quoted%22+%26+%3Cb%3E", "key", "",
	}
	check(t, *got, want, want)

	*got = nil
	if _, err = c.CreateGadget(t.Context(), client.CreateGadgetRequest{}); err != nil || (*got)[0].form != "FriendlyName=" ||
		(*got)[0].key == "" {
		t.Errorf("sent %q, error %v", *got, err)
	}
}

// TestListTypes: the array of a page may have any name.
func TestListTypes(t *testing.T) {
	c, got := newServer(t, func(r *http.Request) (int, string) {
		if r.FormValue("PageToken") == "" {
			return http.StatusOK, `{"gadget_types":[{"machine_name":"a"},{"machine_name":"b"}],` +
				`"meta":{"next_page_url":"https://other.example/?PageToken=t&Page=1"}}`
		}
		return http.StatusOK, `{"gadget_types":[{"machine_name":"c"}],"meta":{"next_page_url":null}}`
	})
	names := ""
	for item, err := range c.ListGadgetType(t.Context(), client.ListGadgetTypeRequest{PageSize: new(int64(2))}) {
		if err != nil {
			t.Fatal(err)
		}
		names += item.MachineName
	}
	if names != "abc" {
		t.Errorf("listed %q", names)
	}
	check(t, *got, request{line: "GET /v1/GadgetTypes?PageSize=2"}, request{line: "GET /v1/GadgetTypes?PageSize=2&Page=1&PageToken=t"})
}

// TestListParts: a nested path, with a filter.
func TestListParts(t *testing.T) {
	c, got := newServer(t, answer(http.StatusOK, `{"results":[{"sid":"P1","gadget_sid":"IT1"}],"meta":{"next_page_url":null}}`))
	n := 0
	for part, err := range c.ListGadgetPart(t.Context(), "IT1", client.ListGadgetPartRequest{ObjectType: new("a b")}) {
		if n++; err != nil || part.SID != "P1" || part.GadgetSID != "IT1" {
			t.Errorf("got %v, %v", part, err)
		}
	}
	check(t, *got, request{line: "GET /v1/Gadgets/IT1/Parts?ObjectType=a+b"})
	for _, err := range c.ListGadgetPart(t.Context(), "../x", client.ListGadgetPartRequest{}) {
		if n++; err == nil || err.Error() != "client: invalid GadgetSid: it must consist of letters, digits, hyphens and underscores" {
			t.Errorf("error %v", err)
		}
	}
	if n != 2 || len(*got) != 1 {
		t.Errorf("%d iterations, %d requests, want one iteration of each list and one request", n, len(*got))
	}
}

// TestPart: two SIDs in the path, and parameters in the header and in the body.
func TestPart(t *testing.T) {
	c, got := newServer(t, func(r *http.Request) (int, string) {
		if r.Method == http.MethodDelete {
			return http.StatusNoContent, ""
		}
		return http.StatusOK, `{"sid":"P1","gadget_sid":"IT1"}`
	})
	if part, err := c.FetchGadgetPart(t.Context(), "IT1", "some_machine_name"); err != nil || part.SID != "P1" {
		t.Errorf("got %v, %v", part, err)
	}
	part, err := c.UpdateGadgetPart(t.Context(), "IT1", "P1", client.UpdateGadgetPartRequest{
		Fragile: new(false), Count: new(0), Due: new(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)), Kind: new(client.GadgetKindSmall),
		Attributes: map[string]any{},
	}, client.UpdateGadgetPartParams{XTwilioReason: new("why")}, client.WithIdempotencyKey("key"))
	if err != nil || part.SID != "P1" {
		t.Errorf("got %v, %v", part, err)
	}
	if _, err = c.UpdateGadgetPart(t.Context(), "IT1", "P1", client.UpdateGadgetPartRequest{},
		client.UpdateGadgetPartParams{IdempotencyKey: new("other")}); err != nil {
		t.Error(err)
	}
	if err = c.DeleteGadgetPart(t.Context(), "IT1", "P1", client.DeleteGadgetPartRequest{XTwilioReason: new("why")}); err != nil {
		t.Error(err)
	}
	check(
		t, *got, request{line: "GET /v1/Gadgets/IT1/Parts/some_machine_name"},
		request{
			"POST /v1/Gadgets/IT1/Parts/P1",
			"Attributes=%7B%7D&Count=0&Due=2026-01-02T03%3A04%3A05Z&Fragile=false&Kind=small", "key", "why",
		},
		request{line: "POST /v1/Gadgets/IT1/Parts/P1", key: "other"},
		request{line: "DELETE /v1/Gadgets/IT1/Parts/P1", reason: "why"},
	)
	for _, sids := range [][2]string{{"IT1", ""}, {"", "P1"}, {"IT1", ".."}} {
		_, err := c.FetchGadgetPart(t.Context(), sids[0], sids[1])
		if deleted := c.DeleteGadgetPart(t.Context(), sids[0], sids[1], client.DeleteGadgetPartRequest{}); err == nil || deleted == nil {
			t.Errorf("%q: errors %v, %v", sids, err, deleted)
		}
	}
	if _, err = c.FetchGadgetPart(t.Context(), "IT1", "P1", client.WithIdempotencyKey("key")); err == nil {
		t.Error("a fetch accepts an idempotency key")
	}
	if len(*got) != 4 {
		t.Errorf("%d requests, want 4", len(*got))
	}
}

func TestErrors(t *testing.T) {
	c, _ := newServer(t, answer(http.StatusNotFound, `{"code":20404,"message":"no","more_info":"","status":404}`))
	_, err := c.FetchGadgetPart(t.Context(), "IT1", "P1")
	for _, err := range []error{err, c.DeleteGadgetPart(t.Context(), "IT1", "P1", client.DeleteGadgetPartRequest{})} {
		if failure, ok := err.(*client.Error); !ok || failure.Code != 20404 { //nolint:errorlint // exactly it
			t.Errorf("error %v", err)
		}
	}
}
