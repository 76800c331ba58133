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
	"github.com/opentrusthub/trusthub/gen/server"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// ListTrustProduct answers a page of the account's products.
func (h *Hub) ListTrustProduct(
	ctx context.Context, r server.ListTrustProductRequestObject,
) (server.ListTrustProductResponseObject, error) {
	account, err := h.known.account(ctx, api.AccountSID(ctx))
	if err != nil {
		return nil, err
	}
	l := newList(ctx, r.Params, account)
	query := l.query
	if r.Params.PageToken != nil {
		if err := l.readToken(*r.Params.PageToken, &query); err != nil {
			return nil, err
		}
	}
	products, more, err := h.store.ListProducts(ctx, query)
	if err != nil {
		return nil, err
	}
	page := gen.TrustProductPage{Results: make([]gen.TrustProduct, len(products))}
	for i, p := range products {
		page.Results[i] = present(ctx, p)
	}
	page.Meta = l.meta(r.Params, query, products, more)
	return server.ListTrustProduct200JSONResponse{Body: page}, nil
}

// list is what all pages of a list have in common.
type list struct {
	url     string // without the query
	filters url.Values
	query   store.ProductQuery
	key     []byte // that page tokens are signed with
}

func newList(ctx context.Context, params gen.ListTrustProductParams, account store.Account) list {
	l := list{
		url:     api.BaseURL(ctx) + "/v1/TrustProducts",
		filters: url.Values{},
		query:   store.ProductQuery{AccountSID: account.SID, Limit: 50},
		key:     []byte(account.AuthToken),
	}
	if params.PageSize != nil {
		l.query.Limit = int(*params.PageSize)
	}
	if params.Status != nil {
		l.query.Status = trust.Status(*params.Status)
		l.filters.Set("Status", string(*params.Status))
	}
	if params.FriendlyName != nil {
		l.query.FriendlyName = *params.FriendlyName
		l.filters.Set("FriendlyName", *params.FriendlyName)
	}
	if params.PolicySID != nil {
		l.query.PolicySID = *params.PolicySID
		l.filters.Set("PolicySid", *params.PolicySID)
	}
	return l
}

func (l list) meta(params gen.ListTrustProductParams, q store.ProductQuery, products []trust.Product, more bool) gen.PageMeta {
	number := 0
	if params.Page != nil {
		number = *params.Page
	}
	token := ""
	if params.PageToken != nil {
		token = *params.PageToken
	}
	meta := gen.PageMeta{
		Key: "results", Page: number, PageSize: l.query.Limit, URL: l.page(number, token), FirstPageURL: l.page(0, ""),
	}
	if len(products) == 0 {
		return meta
	}
	first, last := products[0].SID, products[len(products)-1].SID
	if more || q.Backward {
		next := l.page(min(number, math.MaxInt-1)+1, l.token("next", last)) // the caller may give any number
		meta.NextPageURL = &next
	}
	if (q.From != "" && !q.Backward) || (q.Backward && more) {
		previous := l.page(max(number-1, 0), l.token("previous", first))
		meta.PreviousPageURL = &previous
	}
	return meta
}

// page is the URL of a page of the list.
func (l list) page(number int, token string) string {
	query := url.Values{"PageSize": {strconv.Itoa(l.query.Limit)}, "Page": {strconv.Itoa(number)}}
	maps.Copy(query, l.filters)
	if token != "" {
		query.Set("PageToken", token)
	}
	return l.url + "?" + query.Encode()
}

// token names the page that follows or precedes a SID. It is signed together with the account and the filters, so that it
// leads nowhere else; nothing in it is secret.
func (l list) token(direction, sid string) string {
	text := direction + "." + sid
	return base64.RawURLEncoding.EncodeToString([]byte(text + "." + string(l.signature(text))))
}

func (l list) signature(text string) []byte {
	mac := hmac.New(sha256.New, l.key)
	mac.Write([]byte("page token\n" + l.query.AccountSID + "\n" + l.filters.Encode() + "\n" + text))
	return mac.Sum(nil)[:16]
}

// readToken sets in q what the token names.
func (l list) readToken(token string, q *store.ProductQuery) error {
	refused := api.NewError(api.CodeInvalidParameter,
		"Invalid parameter PageToken: must come from a page of the same list", nil)
	text, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil {
		return refused
	}
	parts := strings.SplitN(string(text), ".", 3)
	if len(parts) != 3 || !hmac.Equal([]byte(parts[2]), l.signature(parts[0]+"."+parts[1])) {
		return refused
	}
	q.Backward, q.From = parts[0] == "previous", parts[1]
	return nil
}
