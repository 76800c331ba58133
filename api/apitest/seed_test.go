package apitest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

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
