package interop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"sync/atomic"
	"testing"

	"github.com/twilio/twilio-go/client"

	"github.com/opentrusthub/trusthub/test/kit/programtest"
)

// environment is a server with two accounts, and a receiver of their callbacks.
type environment struct {
	server     *url.URL
	receiver   *receiver
	published  published
	primarySID string  // the Primary Customer Profile of the parent, the account of every server
	sub        account // another, with the role of the parent's sub-account
	numbers    atomic.Int64
}

// account is what `trusthub accounts add` prints.
type account struct {
	SID        string `json:"account_sid"`
	AuthToken  string `json:"auth_token"`
	PrimarySID string `json:"primary_customer_profile_sid"`
}

func newEnvironment(t *testing.T, database string, flags ...string) *environment {
	t.Helper()
	e := &environment{published: readPublished(t), server: programtest.Serve(t, program, database, flags...)}
	runJSON(t, &e.sub, "accounts", "add", "--db", database)
	var all []account
	runJSON(t, &all, "accounts", "list", "--db", database)
	for _, a := range all {
		if a.SID == accountSID {
			e.primarySID = a.PrimarySID
		}
	}
	e.receiver = newReceiver(t, map[string]string{accountSID: authToken, e.sub.SID: e.sub.AuthToken})
	return e
}

// runJSON runs a command of the program and decodes what it prints.
func runJSON(t *testing.T, into any, args ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program, args...).Output()
	if err != nil {
		t.Fatal(args, err)
	}
	if err := json.Unmarshal(out, into); err != nil {
		t.Fatalf("%s: %v\n%s", args, err, out)
	}
}

// newWalk returns a walk in the parent account, without the named object if there is one.
func (e *environment) newWalk(t *testing.T, without string) *walk {
	t.Helper()
	w := &walk{environment: e, t: t, without: without}
	w.use(accountSID, authToken)
	return w
}

// use makes the calls that follow those of an account.
func (w *walk) use(sid, token string) {
	w.t.Helper()
	w.accountSID, w.service = sid, newServiceOf(w.t, w.server, sid, token)
	sdk := w.service.RequestHandler().Client.(*client.Client) //nolint:forcetypeassert // newServiceOf made it
	w.wire = &wire{next: sdk.HTTPClient.Transport}
	sdk.HTTPClient.Transport = w.wire
}

func (w *walk) useSubAccount() {
	w.t.Helper()
	w.use(w.sub.SID, w.sub.AuthToken)
}

// newNumbers returns SIDs of phone numbers that no other walk has.
func (e *environment) newNumbers(count int) []string {
	sids := make([]string, count)
	for i := range sids {
		sids[i] = fmt.Sprintf("PN%032x", e.numbers.Add(1))
	}
	return sids
}

// wire keeps the last answer as it was sent: the SDK drops what it does not know, and does not distinguish null from a missing field.
type wire struct {
	next http.RoundTripper
	body []byte
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := w.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // all of it is read
	if w.body, err = io.ReadAll(response.Body); err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(w.body))
	return response, nil
}

// answer returns the last answer.
func (w *walk) answer() map[string]any {
	w.t.Helper()
	var answer map[string]any
	if err := json.Unmarshal(w.wire.body, &answer); err != nil {
		w.t.Fatal(err)
	}
	return answer
}
