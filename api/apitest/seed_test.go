package apitest_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/api/apitest"
)

// TestSeedFile seeds a file and a text, which gives the same SIDs for every account.
func TestSeedFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "seed.yaml")
	check(t, os.WriteFile(name, []byte("end_users: [{key: ada, type: t, friendly_name: Ada}]"), 0o600))
	const another = "supporting_documents: [{key: proof, type: t, friendly_name: Proof}]"
	s := apitest.New(t, apitest.WithSeedFile(name), apitest.WithSeed(another))
	for key, prefix := range map[string]string{"ada": "IT00", "proof": "RD00"} {
		if sid := s.SID(key); !strings.HasPrefix(sid, prefix) || len(sid) != 34 {
			t.Errorf("%s has SID %s", key, sid)
		}
	}
	if other := apitest.New(t, apitest.WithSeed(another)); other.SID("proof") != s.SID("proof") {
		t.Error("the same seed gives another SID")
	}
}

// TestSeedFails: what is wrong with a seed fails the test that starts the server.
func TestSeedFails(t *testing.T) {
	for want, start := range map[string]func(tb testing.TB){
		"apitest: seed:1: end_users must be a list": func(tb testing.TB) { apitest.New(tb, apitest.WithSeed("end_users: 1")) },
		"no such file":                 func(tb testing.TB) { apitest.New(tb, apitest.WithSeedFile(filepath.Join(t.TempDir(), "none"))) },
		"apitest: no seed has the key": func(tb testing.TB) { apitest.New(tb).SID("ada") },
	} {
		tb := &failing{TB: t}
		done := make(chan struct{})
		go func() {
			defer close(done)
			start(tb)
		}()
		<-done
		if !strings.Contains(tb.failure, want) {
			t.Errorf("the failure is %q, want %q", tb.failure, want)
		}
	}
}

// TestReset resets a server that has a seed: what was seeded is there as it was, and nothing else.
func TestReset(t *testing.T) {
	s := apitest.New(t, apitest.WithSeed(`
trust_products:
  - key: reviewed
    policy_sid: RN7a97559effdf62d00f4298208492a5ea
    friendly_name: Acme
    email: compliance@acme.example
    status_callback: https://acme.example/status
    status: in-review
`))
	c := newCaller(t, s)
	sid := s.SID("reviewed")
	s.Advance(time.Hour)
	c.create("b@acme.example", "")
	if p := c.fetch(sid); p.Status != "twilio-approved" || len(s.Callbacks()) != 1 || len(s.Mails()) != 1 {
		t.Fatalf("before: %s, %v, %v", p.Status, s.Callbacks(), s.Mails())
	}
	s.Inject(1, apitest.Unavailable(0))
	s.Reset()
	if p := c.fetch(sid); p.Status != "in-review" || s.SID("reviewed") != sid {
		t.Errorf("the seeded product is %s", p.Status)
	}
	if n := c.list(url.Values{}); n != 1 {
		t.Errorf("%d products", n)
	}
	if len(s.Callbacks()) != 0 || len(s.Mails()) != 0 || s.Injected() != 0 {
		t.Errorf("left: %v, %v, %d faults", s.Callbacks(), s.Mails(), s.Injected())
	}
	s.Advance(time.Hour) // the review ends again
	if p := c.fetch(sid); p.Status != "twilio-approved" || len(s.Callbacks()) != 1 {
		t.Errorf("after the second review: %s, %v", p.Status, s.Callbacks())
	}
}
