package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
	"unicode"

	operatorapi "github.com/opentrusthub/trusthub/gen/operator"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// hostile contains what a terminal would obey: ESC, CSI as one character, DEL, and an override of the direction of text.
const hostile = "Acme\x1b[2J\u009b2J\x7f\u202e"

// wantInert fails the test if text contains something that a terminal obeys, or lacks the harmless rest of hostile.
func wantInert(t *testing.T, what, text string) {
	t.Helper()
	if strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && r != '\t' && (unicode.IsControl(r) || r == '\u202e') }) {
		t.Errorf("%s: printed %q", what, text)
	}
	if !strings.Contains(text, `[2J\u009b2J`) {
		t.Errorf("%s: printed %q, without the harmless part", what, text)
	}
}

// TestServersCannotControlATerminal calls a server that returns hostile text.
func TestServersCannotControlATerminal(t *testing.T) {
	t.Setenv("TWILIO_ACCOUNT_SID", testAccountSID)
	t.Setenv("TWILIO_AUTH_TOKEN", testAuthToken)
	product := map[string]any{"sid": watchedSID, "friendly_name": hostile, "email": hostile, "status": "twilio-approved" + hostile}
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		var answer any = product
		switch {
		case status != http.StatusOK:
			answer = map[string]any{"code": 20001, "message": hostile, "status": status}
		case strings.HasSuffix(r.URL.Path, "/TrustProducts"):
			answer = map[string]any{"results": []any{product}, "meta": map[string]any{"key": "results", "next_page_url": nil}}
		}
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	trusthub := func(args ...string) string {
		var out, errs bytes.Buffer
		run(t.Context(), append(args, "--base-url", server.URL), &out, &errs)
		return out.String() + errs.String()
	}
	wantInert(t, "get", trusthub("get", watchedSID))
	wantInert(t, "list", trusthub("list"))
	var watched bytes.Buffer
	if err := printWatched(streams{out: escaper{&watched}}, bundle{Status: hostile}); err != nil {
		t.Fatal(err)
	}
	wantInert(t, "watch", watched.String())
	wantInert(t, "the table of bundles", table(func(w *tabwriter.Writer) { bundleTable(w, []bundle{{FriendlyName: hostile}}) }))
	status = http.StatusBadRequest
	failed := trusthub("delete", watchedSID)
	if strings.ContainsAny(failed, "\x1b\u009b") {
		t.Errorf("an error: printed %q", failed)
	}
}

// TestReceiversCannotControlATerminal lists a notice to a hostile target that responded with hostile text.
func TestReceiversCannotControlATerminal(t *testing.T) {
	name := storetest.Names()["sqlite"](t)
	db := storetest.Open(t, name)
	p := trust.Bundle{SID: watchedSID, AccountSID: testAccountSID, FriendlyName: hostile, Status: trust.PendingReview, Updated: time.Now()}
	if err := db.Bundles.Create(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	_, err := db.ReviewBundle(t.Context(), watchedSID, func(p trust.Bundle) (trust.Outcome, error) {
		notice := trust.Notice{Channel: trust.Email, Target: hostile, BundleSID: p.SID, Created: time.Now()}
		return trust.Outcome{Bundle: p, Changed: true, Notices: []trust.Notice{notice}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"reviews", "deliveries", "messages"} {
		var out bytes.Buffer
		if code := run(t.Context(), []string{command, "--db", name}, &out, io.Discard); code != 0 {
			t.Errorf("%s: status %d", command, code)
		}
		wantInert(t, command, out.String())
	}
	row := deliveryRow{Target: hostile, Attempts: []attemptRow{{Answer: hostile}}}
	wantInert(t, "the table of deliveries", table(func(w *tabwriter.Writer) { deliveryTable(w, []deliveryRow{row}) }))
	wantInert(t, "the table of messages", table(func(w *tabwriter.Writer) {
		messageTable(w, []operatorapi.MessageSummary{{To: hostile, Subject: hostile}})
	}))
	wantInert(t, "a message", table(func(w *tabwriter.Writer) {
		printText(w, operatorapi.Message{From: hostile, To: hostile, Subject: hostile, Reason: new(hostile), Text: hostile})
	}))
	wantInert(t, "the table of events", table(func(w *tabwriter.Writer) {
		eventTable(w, []eventRow{{Actor: hostile, Type: hostile, Fields: []string{hostile}, ObjectSID: hostile, RequestID: hostile}})
	}))
	wantInert(t, "the table of requests", table(func(w *tabwriter.Writer) {
		requestTable(w, operatorapi.Request{
			Path: hostile, Message: new(hostile), Parameters: []operatorapi.RequestParameter{{Name: hostile, Value: hostile}},
		})
	}))
	wantInert(t, "the table of reviews", table(func(w *tabwriter.Writer) { reviewTable(w, reviewRow{FriendlyName: hostile}) }))
}

// table returns what is written to a terminal.
func table(print func(*tabwriter.Writer)) string {
	var out bytes.Buffer
	w := tabwriter.NewWriter(escaper{&out}, 0, 0, 2, ' ', 0)
	print(w)
	_ = w.Flush() // writing to a buffer does not fail
	return out.String()
}

// TestCallersCannotControlATerminal sends a callback with hostile text to `trusthub listen`.
func TestCallersCannotControlATerminal(t *testing.T) {
	var out bytes.Buffer
	listen := listenCmd{AuthTokens: []string{testAuthToken}, Answer: http.StatusNoContent}
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(url.Values{"Status": {hostile}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	listen.receive(t.Context(), httptest.NewRecorder(), r, escaper{&out})
	wantInert(t, "listen", out.String())
	var callback received
	if err := json.Unmarshal(out.Bytes(), &callback); err != nil || callback.Form["Status"] != hostile {
		t.Errorf("as JSON it is %q, %v", callback.Form["Status"], err)
	}
}

// TestEscape checks that escaped JSON means the same, and that invalid UTF-8 cannot control a terminal either.
func TestEscape(t *testing.T) {
	for text, want := range map[string]string{
		"Füße\tund\n日本 👩‍👩‍👧": "Füße\tund\n日本 👩‍👩‍👧",
		"a\rb\x00":            `a\u000db\u0000`,
		"a\x7fb":              `a\u007fb`,
		"\x9b2J":              "\ufffd2J",
		"\u2066x":             `\u2066x`,
	} {
		if got := string(escape([]byte(text))); got != want {
			t.Errorf("escape(%q) = %q, want %q", text, got, want)
		}
	}
}
