package hub

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/gen"
)

const usualPageSize = 50

// pageRequest is the path and query of a request for a page.
type pageRequest struct {
	url *url.URL
	err error
}

// requested returns the path and query of a request of the generated client. Its path and parameters have their names from the
// contract.
func requested(r *http.Request, err error) pageRequest {
	if err != nil {
		return pageRequest{err: err}
	}
	return pageRequest{url: r.URL}
}

// links creates and reads the links between the pages of a list.
type links struct {
	base    string     // the URL of the server
	path    string     // of the list
	filters url.Values // by their names in the API
	account string     // its SID
	secret  string     // signs page tokens
	size    int
	number  int
	token   string // of this page
}

func newLinks(ctx context.Context, requested *url.URL, accountSID, secret string) links {
	query := requested.Query()
	l := links{
		base: api.BaseURL(ctx), path: requested.EscapedPath(), filters: query, account: accountSID, secret: secret,
		size: number(query.Get("PageSize"), usualPageSize), number: number(query.Get("Page"), 0), token: query.Get("PageToken"),
	}
	for _, name := range []string{"PageSize", "Page", "PageToken"} {
		query.Del(name)
	}
	return l
}

// number returns a parameter's value, which the contract has validated, or usual if it is missing.
func number(value string, usual int) int {
	if n, err := strconv.Atoi(value); err == nil {
		return n
	}
	return usual
}

// position is where a page begins: after a key, or at the start of the list (in its direction) if the key is empty.
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

// meta returns the meta property of a page. key is the property with the rows; a nil position means that there is no such page.
func (l links) meta(key string, next, previous *position) gen.PageMeta {
	meta := gen.PageMeta{
		Key: key, Page: l.number, PageSize: l.size, URL: l.page(l.number, l.token), FirstPageURL: l.page(0, ""),
	}
	if next != nil {
		u := l.page(min(l.number, math.MaxInt-1)+1, l.sign(*next)) // the number may be the greatest int
		meta.NextPageURL = &u
	}
	if previous != nil {
		u := l.page(max(l.number-1, 0), l.sign(*previous))
		meta.PreviousPageURL = &u
	}
	return meta
}

// page returns the URL of a page of the list.
func (l links) page(number int, token string) string {
	query := url.Values{"PageSize": {strconv.Itoa(l.size)}, "Page": {strconv.Itoa(number)}}
	maps.Copy(query, l.filters)
	if token != "" {
		query.Set("PageToken", token)
	}
	return l.base + l.path + "?" + query.Encode()
}

// sign returns the page token for a position. The signature covers the account, the list and the filters, so the token is valid
// for no other. Nothing in it is secret.
func (l links) sign(p position) string {
	text := p.String()
	return base64.RawURLEncoding.EncodeToString([]byte(text + "." + string(l.signature(text))))
}

func (l links) signature(text string) []byte {
	mac := hmac.New(sha256.New, []byte(l.secret))
	mac.Write([]byte("page token\n" + l.account + "\n" + l.path + "\n" + l.filters.Encode() + "\n" + text))
	return mac.Sum(nil)[:16]
}

// start returns where this page begins, or an error for an invalid token.
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
