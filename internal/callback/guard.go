package callback

import (
	"net/netip"
	"syscall"

	"code.dny.dev/ssrf"
)

// metadata are addresses that a cloud serves its machines' secrets at although no registry marks them as special.
func metadata() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("168.63.129.16/32"), // Azure's WireServer
	}
}

// guard decides which addresses may be dialled: those of the public internet, and those that the operator opened. What is
// special is known to package ssrf, from IANA's registries: for IPv6 everything outside of 2000::/3 (so also NAT64,
// mapped and unique local addresses), and within it 6to4, Teredo, documentation and the like.
type guard struct {
	public       *ssrf.Guardian
	denyLoopback bool // even where it is opened
}

// newGuard opens the prefixes in allow.
func newGuard(allow []netip.Prefix) guard {
	var four, six []netip.Prefix
	for _, prefix := range allow {
		if prefix.Addr().Is4() {
			four = append(four, prefix)
		} else {
			six = append(six, prefix)
		}
	}
	return guard{public: ssrf.New(
		ssrf.WithAnyPort(),
		ssrf.WithAllowedV4Prefixes(four...),
		ssrf.WithAllowedV6Prefixes(six...),
		ssrf.WithDeniedV4Prefixes(metadata()...),
	)}
}

// control is a net.Dialer.Control. It is called for each address after name resolution, right before it is dialled.
func (g guard) control(network, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return &refusedError{netip.Addr{}, "cannot be dialled", err}
	}
	// An IPv4-mapped address is dialled as its IPv4 address. A zone would keep an address from every prefix.
	ip := to.Addr().Unmap().WithZone("")
	if g.denyLoopback && (ip.IsLoopback() || ip.IsUnspecified()) { // the unspecified address is dialled as loopback
		return &refusedError{ip, "is on loopback, which --callback-deny-loopback closes", ssrf.ErrProhibitedIP}
	}
	if err := g.public.Safe(network, netip.AddrPortFrom(ip, to.Port()).String(), nil); err != nil {
		return &refusedError{ip, "is not on the public internet; to send callbacks there, open it with --callback-allow", err}
	}
	return nil
}

// refusedError says that the guard refused an address.
type refusedError struct {
	address netip.Addr
	reason  string // goes on from the address, and names the flag that decides
	cause   error
}

// Error names the address and what the operator can do.
func (e *refusedError) Error() string { return e.address.String() + " " + e.reason }

func (e *refusedError) Unwrap() error { return e.cause }
