package main

import (
	"context"
	"math"
	"net/url"
	"slices"
	"strconv"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/gen/server"
)

// ListTrustProduct returns a page, newest product first.
func (b *backend) ListTrustProduct(
	ctx context.Context, r server.ListTrustProductRequestObject,
) (server.ListTrustProductResponseObject, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var chosen []gen.TrustProduct
	for _, p := range slices.Backward(b.products) {
		if p.AccountSID == api.AccountSID(ctx) && wanted(r.Params, p) {
			chosen = append(chosen, p)
		}
	}
	return server.ListTrustProduct200JSONResponse{Body: page(ctx, r.Params, chosen)}, nil
}

func wanted(filter gen.ListTrustProductParams, p gen.TrustProduct) bool {
	return (filter.Status == nil || *filter.Status == p.Status) &&
		(filter.FriendlyName == nil || *filter.FriendlyName == p.FriendlyName) &&
		(filter.PolicySID == nil || *filter.PolicySID == p.PolicySID)
}

// page returns a page of the list. A page token is the SID of the page's first product; if that was deleted, the page begins
// with the next older one. So creates and deletes do not shift pages.
func page(ctx context.Context, params gen.ListTrustProductParams, list []gen.TrustProduct) gen.TrustProductPage {
	size, number, start := 50, 0, 0
	if params.PageSize != nil {
		size = int(*params.PageSize)
	}
	if params.Page != nil {
		number = *params.Page
	}
	if params.PageToken != nil {
		start = slices.IndexFunc(list, func(p gen.TrustProduct) bool { return p.SID <= *params.PageToken })
		if start < 0 {
			start = len(list)
		}
	}
	end := min(start+size, len(list))

	link := func(number int, token *string) *string {
		query := filters(params)
		query.Set("PageSize", strconv.Itoa(size))
		query.Set("Page", strconv.Itoa(number))
		if token != nil {
			query.Set("PageToken", *token)
		}
		return new(api.BaseURL(ctx) + "/v1/TrustProducts?" + query.Encode())
	}
	meta := gen.PageMeta{
		Key: "results", Page: number, PageSize: size, URL: *link(number, params.PageToken), FirstPageURL: *link(0, nil),
	}
	if start > 0 {
		meta.PreviousPageURL = link(max(number-1, 0), &list[max(start-size, 0)].SID)
	}
	if end < len(list) {
		meta.NextPageURL = link(min(number, math.MaxInt-1)+1, &list[end].SID) // the caller may send any number
	}
	return gen.TrustProductPage{Meta: meta, Results: append([]gen.TrustProduct{}, list[start:end]...)}
}

// filters returns the parameters that all pages of a list share.
func filters(params gen.ListTrustProductParams) url.Values {
	query := url.Values{}
	if params.Status != nil {
		query.Set("Status", string(*params.Status))
	}
	if params.FriendlyName != nil {
		query.Set("FriendlyName", *params.FriendlyName)
	}
	if params.PolicySID != nil {
		query.Set("PolicySid", *params.PolicySID)
	}
	return query
}
