package api

import (
	"testing"

	"pgregory.net/rapid"
)

// TestPlainHosts: each host that is accepted without parsing would also be accepted with it.
func TestPlainHosts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		host := rapid.OneOf(
			rapid.StringMatching(`[-.a-zA-Z0-9]{0,5}(:[0-9]{0,6})?`), rapid.StringMatching(`[a.:0-9%@/_\[\] -]{0,8}`), rapid.String(),
		).Draw(t, "host")
		if isPlainHost(host) && !isHost("http://"+host, host) {
			t.Fatalf("%q is not a host", host)
		}
	})
	for _, host := range []string{"localhost", "127.0.0.1:8080", "trusthub.example:65535", "a-b.example"} {
		if !isPlainHost(host) {
			t.Errorf("%q is parsed", host)
		}
	}
}
