package client

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"strconv"

	"github.com/opentrusthub/trusthub/gen"
)

// ListTrustProductRequest chooses what ListTrustProduct yields; nil fields choose all. PageSize is how many a request asks
// for, 50 by default and 1000 at the most.
type ListTrustProductRequest = gen.ListTrustProductParams

// FetchTrustProduct returns a Trust Product as it is now.
func (c *Client) FetchTrustProduct(ctx context.Context, sid string) (*TrustProduct, error) {
	if err := checkSID(sid); err != nil {
		return nil, err
	}
	response, err := c.api.FetchTrustProductWithResponse(ctx, sid)
	if err != nil {
		return nil, err
	}
	return decoded(response.JSON200, response.HTTPResponse)
}

// DeleteTrustProduct deletes a Trust Product that is not under review.
func (c *Client) DeleteTrustProduct(ctx context.Context, sid string) error {
	if err := checkSID(sid); err != nil {
		return err
	}
	_, err := c.api.DeleteTrustProductWithResponse(ctx, sid)
	return err
}

// ListTrustProduct yields the account's Trust Products, the newest first, and fetches page after page as the loop goes on.
// An error is yielded once and ends it. The list can be ranged over again, which begins anew.
func (c *Client) ListTrustProduct(ctx context.Context, r ListTrustProductRequest) iter.Seq2[*TrustProduct, error] {
	return func(yield func(*TrustProduct, error) bool) {
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
			if request, err = next(*request, page.Meta.NextPageURL); err != nil {
				yield(nil, err)
				return
			}
		}
	}
}

func (c *Client) page(ctx context.Context, r *ListTrustProductRequest) (*gen.TrustProductPage, error) {
	response, err := c.api.ListTrustProductWithResponse(ctx, r)
	if err != nil {
		return nil, err
	}
	return decoded(response.JSON200, response.HTTPResponse)
}

// next is the request for the page that follows, nil after the last. It takes the token from the page's URL and nothing
// else: the credentials never follow a URL that a server has sent.
func next(r ListTrustProductRequest, nextPage *string) (*ListTrustProductRequest, error) {
	if nextPage == nil {
		return nil, nil
	}
	u, err := url.Parse(*nextPage)
	if err != nil {
		return nil, fmt.Errorf("client: the URL of the next page: %w", err)
	}
	token := u.Query().Get("PageToken")
	if token == "" || (r.PageToken != nil && *r.PageToken == token) {
		return nil, errors.New("client: the URL of the next page leads nowhere")
	}
	r.PageToken = &token
	if number, err := strconv.Atoi(u.Query().Get("Page")); err == nil {
		r.Page = &number
	}
	return &r, nil
}
