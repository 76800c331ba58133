package hub

import (
	"errors"
	"net/url"
	"testing"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// FuzzPageToken: a page token leads where it was signed for, and any other text is refused as an invalid parameter.
func FuzzPageToken(f *testing.F) {
	sid := trust.PrimarySID("AC0123456789abcdef0123456789abcdef")
	list := func(token string) links {
		return links{
			path: "/v1/TrustProducts", account: "AC1", secret: "secret", token: token, filters: url.Values{"Status": {"draft"}},
		}
	}
	valid := map[string]position{}
	for _, p := range []position{{after: sid}, {after: sid, backward: true}} {
		valid[list("").sign(p)] = p
	}
	for token := range valid {
		f.Add(token)
		f.Add(token[:len(token)-1])
		f.Add(token + "=")
	}
	f.Add("bmV4dC4u")
	f.Add("\xff.\x00")
	f.Fuzz(func(t *testing.T, token string) {
		from, err := list(token).start()
		want, signed := valid[token]
		switch {
		case signed || token == "":
			if err != nil || from != want {
				t.Errorf("the token leads to %+v, %v, want %+v", from, err, want)
			}
		case err == nil:
			t.Errorf("a token that nobody signed leads to %+v", from)
		default:
			if refusal, ok := errors.AsType[*api.Error](err); !ok || refusal.Code != api.CodeInvalidParameter {
				t.Errorf("the error is %v", err)
			}
		}
	})
}
