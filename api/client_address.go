package api

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"

	"github.com/labstack/echo/v4"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// ClientAddress returns the address that the request comes from: that of the connection or, behind Config.TrustedProxies,
// the one that they report. It is the zero Addr where it is unknown. It can be called in Config.Authenticate.
func ClientAddress(ctx context.Context) netip.Addr { return fromContext(ctx).client }

// ipExtractor believes X-Forwarded-For as far as it was written by the trusted proxies, and no further: of its addresses it
// takes the last that is not one of them.
func ipExtractor(trusted []netip.Prefix) echo.IPExtractor {
	if len(trusted) == 0 {
		return echo.ExtractIPDirect()
	}
	// By default echo trusts every neighbour.
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

// refusedCaller is what the log says of a caller that was refused: who tries whose credentials must be visible. Of the
// credentials it is the account SID alone; a user name of another form could be anything, a password by mistake included.
func refusedCaller(info *request, r *http.Request, status int) []slog.Attr {
	if status != http.StatusUnauthorized && status != http.StatusTooManyRequests {
		return nil
	}
	attrs := []slog.Attr{slog.String("client_address", info.client.String())}
	if username, _, _ := r.BasicAuth(); trust.ValidAccountSID(username) {
		attrs = append(attrs, slog.String("account_sid", username))
	}
	return attrs
}
