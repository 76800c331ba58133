package client

import (
	"context"
	"crypto/rand"
	"errors"
	"iter"
	"net/url"
	"strconv"
	"strings"

	"github.com/opentrusthub/trusthub/gen"
)

type (
	// TrustProduct is the resource as the API answers it. Being rejected is no error: look at Status, and at Errors for why.
	TrustProduct = gen.TrustProduct
	// TrustProductError is one reason for a rejection, in a TrustProduct's Errors.
	TrustProductError = gen.TrustProductError
	// TrustProductStatus is where a Trust Product stands.
	TrustProductStatus = gen.TrustProductStatus
	// CreateTrustProductRequest is what CreateTrustProduct sends. A nil StatusCallback is none.
	CreateTrustProductRequest = gen.CreateTrustProductRequest
	// UpdateTrustProductRequest is what UpdateTrustProduct sends: nil leaves a field as it is, new("x") sets it.
	UpdateTrustProductRequest = gen.UpdateTrustProductRequest
	// ListTrustProductRequest chooses what ListTrustProduct yields; nil fields choose all. PageSize is how many a request
	// asks for, 50 by default and 1000 at the most; an answer may hold fewer.
	ListTrustProductRequest = gen.ListTrustProductParams
)

// The five statuses of a Trust Product.
const (
	StatusDraft          = gen.TrustProductStatusDraft
	StatusPendingReview  = gen.TrustProductStatusPendingReview
	StatusInReview       = gen.TrustProductStatusInReview
	StatusTwilioRejected = gen.TrustProductStatusTwilioRejected
	StatusTwilioApproved = gen.TrustProductStatusTwilioApproved
)

// CreateOption sets something for one call of CreateTrustProduct.
type CreateOption func(*gen.CreateTrustProductParams)

// WithIdempotencyKey makes a create repeatable by the caller, too: the same key and request make one Trust Product, even if
// this process dies in between and another one repeats the call. A key with another request is ErrConflict. It has 1 to 255
// printable ASCII characters without spaces; a server keeps it for 24 hours. It is not sent to twilio.com: see Retries.
func WithIdempotencyKey(key string) CreateOption {
	return func(p *gen.CreateTrustProductParams) { p.IdempotencyKey = &key }
}

// CreateTrustProduct creates a Trust Product in status draft.
func (c *Client) CreateTrustProduct(
	ctx context.Context, r CreateTrustProductRequest, options ...CreateOption,
) (*TrustProduct, error) {
	var params gen.CreateTrustProductParams
	for _, option := range options {
		option(&params)
	}
	if key := params.IdempotencyKey; key == nil {
		params.IdempotencyKey = new(rand.Text())
	} else if *key == "" || len(*key) > 255 || !printable(*key) || strings.Contains(*key, " ") {
		return nil, errors.New("client: an idempotency key has 1 to 255 printable ASCII characters without spaces")
	}
	if !c.sendsKeys {
		params.IdempotencyKey = nil
	}
	return created[TrustProduct](c.api.CreateTrustProductWithFormdataBody(ctx, &params, r)) //nolint:bodyclose // the retrier has
}

// FetchTrustProduct answers a Trust Product as it is now.
func (c *Client) FetchTrustProduct(ctx context.Context, sid string) (*TrustProduct, error) {
	if err := checkSID(sid); err != nil {
		return nil, err
	}
	return ok[TrustProduct](c.api.FetchTrustProduct(ctx, sid)) //nolint:bodyclose // the retrier has
}

// UpdateTrustProduct changes the fields of r that are not nil. An empty StatusCallback removes the callback. The answer to a
// submission may be pending-review or already in-review.
func (c *Client) UpdateTrustProduct(ctx context.Context, sid string, r UpdateTrustProductRequest) (*TrustProduct, error) {
	if err := checkSID(sid); err != nil {
		return nil, err
	}
	return ok[TrustProduct](c.api.UpdateTrustProductWithFormdataBody(ctx, sid, r)) //nolint:bodyclose // the retrier has
}

// DeleteTrustProduct deletes a Trust Product that is not under review. One that is gone already is ErrNotFound.
func (c *Client) DeleteTrustProduct(ctx context.Context, sid string) error {
	if err := checkSID(sid); err != nil {
		return err
	}
	return noContent(c.api.DeleteTrustProduct(ctx, sid)) //nolint:bodyclose // the retrier has
}

// ListTrustProduct yields the account's Trust Products, the newest first, and fetches page after page as the loop goes on.
// An error is yielded once and ends it; a page that leads back to an earlier one is an error. The list can be ranged over
// again, which begins anew.
func (c *Client) ListTrustProduct(ctx context.Context, r ListTrustProductRequest) iter.Seq2[*TrustProduct, error] {
	return func(yield func(*TrustProduct, error) bool) {
		seen := map[string]bool{} // page tokens
		for request := &r; request != nil; {
			page, err := c.page(ctx, request)
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range page.Results {
				if !yield(&page.Results[i], nil) {
					return
				}
			}
			if request, err = next(*request, page.Meta.NextPageURL, seen); err != nil {
				yield(nil, err)
				return
			}
		}
	}
}

func (c *Client) page(ctx context.Context, r *ListTrustProductRequest) (*gen.TrustProductPage, error) {
	return ok[gen.TrustProductPage](c.api.ListTrustProduct(ctx, r)) //nolint:bodyclose // the retrier has
}

// next is the request for the page that follows, nil after the last. It takes the token from the page's URL and nothing
// else: the credentials never follow a URL that a server has sent. It adds the token of r to those that were seen.
func next(r ListTrustProductRequest, nextPage *string, seen map[string]bool) (*ListTrustProductRequest, error) {
	if nextPage == nil {
		return nil, nil
	}
	u, err := url.Parse(*nextPage)
	if err != nil {
		return nil, errors.New("client: the URL of the next page is invalid") // err would repeat it
	}
	if r.PageToken != nil {
		seen[*r.PageToken] = true
	}
	token := u.Query().Get("PageToken")
	switch {
	case token == "":
		return nil, errors.New("client: the URL of the next page has no page token")
	case seen[token]:
		return nil, errors.New("client: the URL of the next page leads back to an earlier page")
	}
	r.PageToken = &token
	if number, err := strconv.Atoi(u.Query().Get("Page")); err == nil {
		r.Page = &number
	}
	return &r, nil
}

// checkSID keeps a SID that is none from changing which URL is called. Whether it exists is for the server to say.
func checkSID(sid string) error {
	for _, r := range sid {
		if (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') {
			return errors.New("client: a SID consists of letters and digits")
		}
	}
	if sid == "" {
		return errors.New("client: the SID is empty")
	}
	return nil
}
