package client

import (
	"errors"
	"iter"
	"net/url"
	"strconv"
)

// place is where a page of a list begins. Without a token it is the first page.
type place struct {
	token  *string
	number *int
}

// pages yields the items of a list and fetches each page when the loop reaches it. An error is yielded once and ends the
// iteration.
func pages[T any](first place, fetch func(place) ([]T, PageMeta, error)) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		seen := map[string]bool{} // page tokens
		for at := &first; at != nil; {
			items, meta, err := fetch(*at)
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range items {
				if !yield(&items[i], nil) {
					return
				}
			}
			if at, err = next(*at, meta.NextPageURL, seen); err != nil {
				yield(nil, err)
				return
			}
		}
	}
}

// next returns the place of the next page, nil after the last. It takes only the token and the page number from nextPage:
// credentials are never sent to a URL that a server chose. It adds the token of this page to seen.
func next(at place, nextPage *string, seen map[string]bool) (*place, error) {
	if nextPage == nil {
		return nil, nil
	}
	u, err := url.Parse(*nextPage)
	if err != nil {
		return nil, errors.New("client: invalid next_page_url") // err would quote it
	}
	if at.token != nil {
		seen[*at.token] = true
	}
	token := u.Query().Get("PageToken")
	switch {
	case token == "":
		return nil, errors.New("client: next_page_url has no page token")
	case seen[token]:
		return nil, errors.New("client: next_page_url leads back to an earlier page")
	}
	at.token = &token
	if number, err := strconv.Atoi(u.Query().Get("Page")); err == nil {
		at.number = &number
	}
	return &at, nil
}
