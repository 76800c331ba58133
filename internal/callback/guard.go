package callback

import (
	"net/netip"
	"syscall"

	"code.dny.dev/ssrf"
)

// metadata are addresses at which clouds serve secrets to their machines, and which no registry marks as special.
func metadata() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("168.63.129.16/32"), // Azure's WireServer
	}
}

// guard decides which addresses may be dialled: those of the public internet, and those that the operator allows. Package ssrf
// knows the special ones from IANA's registries: for IPv6, everything outside 2000::/3 (which includes NAT64, mapped and unique
// local addresses), and within it 6to4, Teredo, documentation and so on.
type guard struct {
	public       *ssrf.Guardian
	denyLoopback bool // even if it is allowed
}

// newGuard allows the prefixes in allow.
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

// control is a net.Dialer.Control: it is called after the DNS lookup, for each address before it is dialled.
func (g guard) control(network, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return &refusedError{netip.Addr{}, "cannot be dialled", err}
	}
	// An IPv4-mapped address is dialled as its IPv4 address. An address with a zone is in no prefix.
	ip := to.Addr().Unmap().WithZone("")
	if g.denyLoopback && (ip.IsLoopback() || ip.IsUnspecified()) { // the unspecified address is dialled as loopback
		return &refusedError{ip, "is on loopback, which --callback-deny-loopback closes", ssrf.ErrProhibitedIP}
	}
	if err := g.public.Safe(network, netip.AddrPortFrom(ip, to.Port()).String(), nil); err != nil {
		return &refusedError{ip, "is not on the public internet; to send callbacks there, open it with --callback-allow", err}
	}
	return nil
}

// refusedError is the error for an address that the guard refused.
type refusedError struct {
	address netip.Addr
	reason  string // follows the address, and names the flag that decides
	cause   error
}

// Error returns the address and what the operator can do.
func (e *refusedError) Error() string { return e.address.String() + " " + e.reason }

func (e *refusedError) Unwrap() error { return e.cause }
