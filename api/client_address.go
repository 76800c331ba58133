package api

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"

	"github.com/labstack/echo/v4"
)

// ClientAddress returns the address that the request comes from: that of the connection or, behind Config.TrustedProxies, the
// one that they report. It returns the zero Addr if the address is unknown. Config.Authenticate may call it.
func ClientAddress(ctx context.Context) netip.Addr { return fromContext(ctx).client }

// ipExtractor believes X-Forwarded-For only as far as trusted proxies wrote it: it returns the last address in the header that is
// not one of them.
func ipExtractor(trusted []netip.Prefix) echo.IPExtractor {
	if len(trusted) == 0 {
		return echo.ExtractIPDirect()
	}
	// By default, echo trusts all private addresses.
	options := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, prefix := range trusted {
		prefix = prefix.Masked()
		options = append(options, echo.TrustIPRange(&net.IPNet{
			IP: prefix.Addr().AsSlice(), Mask: net.CIDRMask(prefix.Bits(), prefix.Addr().BitLen()),
		}))
	}
	return echo.ExtractIPFromXFFHeader(options...)
}

func clientAddress(c echo.Context) netip.Addr {
	address, err := netip.ParseAddr(c.RealIP())
	if err != nil {
		return netip.Addr{}
	}
	return address.Unmap()
}

// refusedCaller returns what is logged about a caller that was refused, to show who tries whose credentials.
func refusedCaller(info *request, r *http.Request, status int) []slog.Attr {
	if status != http.StatusUnauthorized && status != http.StatusTooManyRequests {
		return nil
	}
	attrs := []slog.Attr{slog.String("client_address", info.client.String())}
	switch account, apiKey := claimedSID(r); {
	case account != "":
		attrs = append(attrs, slog.String("account_sid", account))
	case apiKey != "":
		attrs = append(attrs, slog.String("api_key_sid", apiKey))
	}
	return attrs
}
