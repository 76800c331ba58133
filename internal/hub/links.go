package hub

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"math"
	"net/url"
	"strconv"
	"strings"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/internal/store"
)

const usualPageSize = 50

// pageRequest are the parameters by which a caller asks for a page of a list.
type pageRequest struct {
	size   *int64
	number *int
	token  *string
}

// links makes and reads what leads from a page of a list to the others.
type links struct {
	url     string // of the list, without a query
	filters url.Values
	account store.Account // its auth token signs page tokens
	size    int
	number  int
	token   string // of this page
}

func newLinks(ctx context.Context, path string, filters url.Values, account store.Account, r pageRequest) links {
	l := links{url: api.BaseURL(ctx) + path, filters: filters, account: account, size: usualPageSize}
	if r.size != nil {
		l.size = int(*r.size)
	}
	if r.number != nil {
		l.number = *r.number
	}
	if r.token != nil {
		l.token = *r.token
	}
	return l
}

// position is where a page begins: after a key, which is empty at the end of the list that the direction comes from.
type position struct {
	after    string
	backward bool
}

func (p position) String() string {
	if p.backward {
		return "previous." + p.after
	}
	return "next." + p.after
}

// meta is what a page says of itself. key names the property with its rows; a nil position is no page.
func (l links) meta(key string, next, previous *position) gen.PageMeta {
	meta := gen.PageMeta{
		Key: key, Page: l.number, PageSize: l.size, URL: l.page(l.number, l.token), FirstPageURL: l.page(0, ""),
	}
	if next != nil {
		u := l.page(min(l.number, math.MaxInt-1)+1, l.sign(*next)) // the caller may give any number
		meta.NextPageURL = &u
	}
	if previous != nil {
		u := l.page(max(l.number-1, 0), l.sign(*previous))
		meta.PreviousPageURL = &u
	}
	return meta
}

// page is the URL of a page of the list.
func (l links) page(number int, token string) string {
	query := url.Values{"PageSize": {strconv.Itoa(l.size)}, "Page": {strconv.Itoa(number)}}
	maps.Copy(query, l.filters)
	if token != "" {
		query.Set("PageToken", token)
	}
	return l.url + "?" + query.Encode()
}

// sign returns the token of the page at a position. It is signed together with the account and the filters, so that it leads
// nowhere else; nothing in it is secret.
func (l links) sign(p position) string {
	text := p.String()
	return base64.RawURLEncoding.EncodeToString([]byte(text + "." + string(l.signature(text))))
}

func (l links) signature(text string) []byte {
	mac := hmac.New(sha256.New, []byte(l.account.AuthToken))
	mac.Write([]byte("page token\n" + l.account.SID + "\n" + l.filters.Encode() + "\n" + text))
	return mac.Sum(nil)[:16]
}

// start is where this page begins.
func (l links) start() (position, error) {
	if l.token == "" {
		return position{}, nil
	}
	refused := api.NewError(api.CodeInvalidParameter,
		"Invalid parameter PageToken: must come from a page of the same list", nil)
	text, err := base64.RawURLEncoding.Strict().DecodeString(l.token)
	if err != nil {
		return position{}, refused
	}
	parts := strings.SplitN(string(text), ".", 3)
	if len(parts) != 3 || !hmac.Equal([]byte(parts[2]), l.signature(parts[0]+"."+parts[1])) {
		return position{}, refused
	}
	return position{after: parts[1], backward: parts[0] == "previous"}, nil
}
