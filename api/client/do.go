package client

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/opentrusthub/trusthub/gen"
)

// Do sends a request that the caller has built, for an operation that this package has no method for. The request's URL is a
// path below the base URL, for example /v1/TrustProducts, and a query. An absolute URL is refused, so that credentials are sent
// only to the base URL. Credentials, retries and errors work as for every call; see the package comment. A request with an
// Idempotency-Key may be retried if it has GetBody, which http.NewRequest sets for a strings.Reader.
//
// Do returns a response only for a 2xx status. Its body has been read already and need not be closed.
func (c *Client) Do(r *http.Request) (*http.Response, error) {
	next := r.Clone(r.Context())
	next.Method = cmp.Or(r.Method, http.MethodGet)
	if next.Header == nil {
		next.Header = http.Header{}
	}
	if _, given := next.Header[keyHeader]; given {
		if err := c.setKey(next.Header, next.Header.Get(keyHeader)); err != nil {
			return nil, err
		}
	}
	path, rooted := strings.CutPrefix(r.URL.EscapedPath(), "/")
	if r.URL.Scheme != "" || r.URL.Host != "" || !rooted {
		return nil, errors.New("client: the request's URL must be a path below the base URL, such as /v1/TrustProducts")
	}
	for segment := range strings.SplitSeq(path, "/") {
		if err := checkPath("path", segment); err != nil {
			return nil, err
		}
	}
	var err error
	if next.URL, err = url.Parse(c.api.Server + path); err != nil { // Server ends with a slash
		return nil, fmt.Errorf("client: %w", err)
	}
	next.URL.RawQuery, next.Host = r.URL.RawQuery, ""
	return c.api.Client.Do(next)
}

// List yields the items of a list as JSON, for an operation that this package has no method for. The request, as for
// [Client.Do], asks for the first page. See Lists in the package comment.
func (c *Client) List(r *http.Request) iter.Seq2[*json.RawMessage, error] {
	return pages(place{}, func(at place) ([]json.RawMessage, PageMeta, error) {
		query := r.URL.Query()
		if at.token != nil {
			query.Set("PageToken", *at.token)
		}
		if at.number != nil {
			query.Set("Page", strconv.Itoa(*at.number))
		}
		page := r.Clone(r.Context())
		page.URL.RawQuery = query.Encode()
		return rawPage(c.Do(page)) //nolint:bodyclose // Do has read it
	})
}

// rawPage decodes a page of a list. The page's meta names the property that has the items.
func rawPage(response *http.Response, err error) ([]json.RawMessage, PageMeta, error) {
	object, err := ok[map[string]json.RawMessage](response, err)
	if err != nil {
		return nil, PageMeta{}, err
	}
	var meta gen.PageMeta
	var items []json.RawMessage
	err = json.Unmarshal((*object)["meta"], &meta)
	if cmp.Or(err, json.Unmarshal((*object)[meta.Key], &items)) != nil {
		return nil, PageMeta{}, unexpected(response)
	}
	return items, meta, nil
}
