package main

import (
	"net/netip"
	"testing"
)

func TestOpensLoopback(t *testing.T) {
	for allowed, want := range map[string]bool{
		"127.0.0.0/8": true, "127.9.0.0/16": true, "0.0.0.0/0": true, "0.0.0.0/8": true, "::/0": true, "::/128": true, "::1/128": true,
		"10.0.0.0/8": false, "0.0.0.1/32": false, "126.0.0.0/8": false, "::2/128": false, "fd00::/8": false,
	} {
		if got := includesLoopback(netip.MustParsePrefix(allowed)); got != want {
			t.Errorf("%s: %t, want %t", allowed, got, want)
		}
	}
}
