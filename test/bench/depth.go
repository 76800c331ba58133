package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/opentrusthub/trusthub/gen"
)

const (
	depthGoal  = 1.2
	depthPages = 100 // of each kind in each round
	usualPage  = 50
	stride     = 1000
)

// depth is figure 8: the cost of a page deep in a long list, compared with the first.
func (b *bench) depth(ctx context.Context) (_ []row, err error) {
	full, err := b.filled()
	if err != nil {
		return nil, err
	}
	s, err := serveDatabase(ctx, full.database, durable)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if _, err := creates(s.address, b.Connections).times(ctx, stride); err != nil { // so that there is at least a full page
		return nil, err
	}
	var rows []row
	for _, filter := range []url.Values{nil, {"Status": {"draft"}}} {
		r, err := b.depthOf(ctx, s.address, full.products, filter)
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	rows[0].number = "8"
	return rows, nil
}

func (b *bench) depthOf(ctx context.Context, address string, products int, filter url.Values) (row, error) {
	list := url.URL{Scheme: "http", Host: address, Path: "/v1/TrustProducts"}
	near := withPageSize(list, filter, usualPage)
	deep, err := b.walk(ctx, withPageSize(list, filter, stride).String(), products)
	if err != nil {
		return row{}, err
	}
	far := withPageSize(*deep, deep.Query(), usualPage)
	var first, last []time.Duration
	for range b.Rounds * depthPages {
		for _, side := range []struct {
			url *url.URL
			all *[]time.Duration
		}{{near, &first}, {far, &last}} {
			page, took, err := getPage(ctx, side.url.String())
			if err != nil {
				return row{}, err
			}
			if len(page.Results) != usualPage {
				return row{}, fmt.Errorf("a page of %d products, want %d", len(page.Results), usualPage)
			}
			*side.all = append(*side.all, took)
		}
	}
	farTime, nearTime := quantile(last, percentMedian), quantile(first, percentMedian)
	ratio := float64(farTime) / float64(nearTime)
	what := fmt.Sprintf("a page of %d at depth %s, of the first", usualPage, thousands(products))
	if len(filter) > 0 {
		what += ", by status"
	}
	return row{
		what: what, reached: fmt.Sprintf("%s of %s", short(farTime), short(nearTime)),
		ratio: fmt.Sprintf("%.2f", ratio), goal: fmt.Sprintf("at most %.1f", depthGoal), verdict: judge(ratio <= depthGoal),
	}, nil
}

func withPageSize(list url.URL, query url.Values, size int) *url.URL {
	query = maps.Clone(query)
	if query == nil {
		query = url.Values{}
	}
	query.Set("PageSize", strconv.Itoa(size))
	list.RawQuery = query.Encode()
	return &list
}

// walk follows a list's links past a number of products. It uses long pages: a token says where its page begins, not how long
// it is.
func (b *bench) walk(ctx context.Context, page string, products int) (*url.URL, error) {
	step := b.progress("pages on the way down", products/stride)
	for range products / stride {
		answer, _, err := getPage(ctx, page)
		if err != nil {
			return nil, err
		}
		if answer.Meta.NextPageURL == nil {
			return nil, errors.New("the list is too short")
		}
		page = *answer.Meta.NextPageURL
		step()
	}
	return url.Parse(page)
}

// getPage returns a page of the list, and the time until its last byte.
func getPage(ctx context.Context, url string) (page gen.TrustProductPage, took time.Duration, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return page, 0, err
	}
	request.SetBasicAuth(accountSID, authToken)
	start := time.Now()
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return page, 0, err
	}
	defer answer.Body.Close() //nolint:errcheck // all is read
	text, err := io.ReadAll(answer.Body)
	took = time.Since(start)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("a page: %s", answer.Status)
	}
	if err == nil {
		err = json.Unmarshal(text, &page)
	}
	return page, took, err
}
