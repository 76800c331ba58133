package main

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/opentrusthub/trusthub/internal/callback"
)

// loopbackFlag forbids callbacks to loopback.
type loopbackFlag struct {
	CallbackDenyLoopback bool `env:"TRUSTHUB_CALLBACK_DENY_LOOPBACK" help:"Never send callbacks to loopback. By default they may go there if the server listens on loopback and --public-url is unset or on loopback."`
}

// callbackConfig returns which addresses callbacks may go to, besides the public internet, and a sentence that says why loopback is
// among them or not. The creator of a bundle chooses where its callbacks go. If the server can be reached only from this machine,
// that is someone who could call loopback directly. If others can reach it, by its address or through a proxy, they must not reach
// loopback through it.
func (f deliveryFlags) callbackConfig(listen net.Addr, publicURL string) (config callback.Config, rule string) {
	config.Allow = prefixes(f.CallbackAllow)
	tcp, ok := listen.(*net.TCPAddr)
	local := ok && tcp.IP.IsLoopback()
	switch {
	case f.CallbackDenyLoopback:
		config.DenyLoopback = true
		return config, "callbacks may not go to loopback, because --callback-deny-loopback is set"
	case local && isLoopback(publicURL):
		config.Allow = append(config.Allow, netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"))
		return config, "callbacks may go to loopback, because the server listens there; behind a proxy set --public-url or --callback-deny-loopback"
	case slices.ContainsFunc(config.Allow, includesLoopback):
		return config, "callbacks may go to loopback, because --callback-allow includes it"
	case !local:
		return config, "callbacks may not go to loopback, because the server listens on another address and others can reach it"
	default:
		return config, "callbacks may not go to loopback, because --public-url is not on loopback and others can reach the server through a proxy"
	}
}

// includesLoopback reports whether the range has addresses of this machine. Dialing an unspecified address reaches loopback.
func includesLoopback(allowed netip.Prefix) bool {
	for _, loopback := range []string{"127.0.0.0/8", "::1/128", "0.0.0.0/32", "::/128"} {
		if allowed.Overlaps(netip.MustParsePrefix(loopback)) {
			return true
		}
	}
	return false
}

// isLoopback reports whether a URL leads to this machine only. An empty one does.
func isLoopback(publicURL string) bool {
	if publicURL == "" {
		return true
	}
	u, err := url.Parse(publicURL)
	if err != nil {
		return false
	}
	name := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if name == "localhost" || strings.HasSuffix(name, ".localhost") { // RFC 6761, 6.3
		return true
	}
	address, err := netip.ParseAddr(name)
	return err == nil && address.Unmap().IsLoopback()
}
