package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const watchedSID = "BUaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

// watch runs `trusthub watch` against the test's own server.
func watch(ctx context.Context, t *testing.T, answer http.HandlerFunc) (code int, stdout, stderr string) {
	t.Helper()
	server := httptest.NewServer(answer)
	defer server.Close()
	t.Setenv("TWILIO_ACCOUNT_SID", testAccountSID)
	t.Setenv("TWILIO_AUTH_TOKEN", testAuthToken)
	var out, errs bytes.Buffer
	code = run(ctx, []string{"watch", watchedSID, "--every", "10ms", "--base-url", server.URL}, &out, &errs)
	return code, out.String(), errs.String()
}

func answerStatus(w http.ResponseWriter, status string) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"sid": %q, "status": %q}`, watchedSID, status)
}

// TestWatchSurvives checks that watch survives a server that fails for a while, as one that restarts behind a proxy does.
func TestWatchSurvives(t *testing.T) {
	calls := 0
	code, stdout, stderr := watch(t.Context(), t, func(w http.ResponseWriter, _ *http.Request) {
		switch calls++; calls {
		case 1:
			answerStatus(w, "in-review")
		case 2:
			w.WriteHeader(http.StatusServiceUnavailable)
		case 3:
			panic(http.ErrAbortHandler) // drops the connection
		default:
			answerStatus(w, "twilio-approved")
		}
	})
	if code != 0 || stderr != "" || !strings.Contains(stdout, "in-review") || !strings.Contains(stdout, "twilio-approved") {
		t.Errorf("status %d\n%s%s", code, stdout, stderr)
	}
}

// TestWatchAtFirst checks that an error of the first request is reported at once.
func TestWatchAtFirst(t *testing.T) {
	calls := 0
	code, _, stderr := watch(t.Context(), t, func(w http.ResponseWriter, _ *http.Request) {
		calls++
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	if code != 1 || calls != 1 || !strings.Contains(stderr, "503") {
		t.Errorf("status %d after %d calls: %s", code, calls, stderr)
	}
}

// TestWatchStopped stops watch as Ctrl-C does, in the worst moment: during a request.
func TestWatchStopped(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	calls := 0
	code, _, stderr := watch(ctx, t, func(w http.ResponseWriter, r *http.Request) {
		if calls++; calls == 2 {
			stop()
			<-r.Context().Done()
			return
		}
		answerStatus(w, "in-review")
	})
	if want := "trusthub: " + errStopped.Error() + "\n"; code != 1 || stderr != want {
		t.Errorf("status %d, printed %q, want %q", code, stderr, want)
	}
}
