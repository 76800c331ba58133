package interop

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	trusthub "github.com/twilio/twilio-go/rest/trusthub/v1"
)

const maxPages = 10 // ends the test if the pages do not

// TestFetchListDelete uses all other calls of the SDK for the resource, with several pages.
func TestFetchListDelete(t *testing.T) {
	t.Parallel()
	onEachEngine(t, testFetchListDelete)
}

func testFetchListDelete(t *testing.T, server *url.URL) {
	t.Helper()
	const count = 7
	service := newService(t, server, authToken)
	var want []string // the newest first
	for range count {
		want = slices.Insert(want, 0, *create(t, service).Sid)
	}
	submitted := want[3]
	if _, err := service.UpdateTrustProduct(submitted, new(trusthub.UpdateTrustProductParams).
		SetStatus("pending-review").SetEmail("held+hold@acme.example").SetStatusCallback("")); err != nil {
		t.Fatal(err)
	}

	fetched, err := service.FetchTrustProduct(want[0])
	if err != nil || *fetched.Sid != want[0] || *fetched.FriendlyName != "Café & Sons + Co" {
		t.Errorf("fetch: %+v, %v", fetched, err)
	}
	all, err := service.ListTrustProduct(new(trusthub.ListTrustProductParams).SetPageSize(3))
	expectSIDs(t, "list", sids(all), want, err)
	all, err = service.ListTrustProduct(new(trusthub.ListTrustProductParams).SetPageSize(3).SetLimit(5))
	expectSIDs(t, "list with a limit", sids(all), want[:5], err)
	all, err = service.ListTrustProduct(new(trusthub.ListTrustProductParams).SetFriendlyName("Café & Sons + Co").SetStatus("draft"))
	expectSIDs(t, "list drafts", sids(all), slices.Concat(want[:3], want[4:]), err)

	var streamed []trusthub.TrusthubV1TrustProduct
	products, failures := service.StreamTrustProduct(new(trusthub.ListTrustProductParams).SetPageSize(2))
	for p := range products {
		streamed = append(streamed, p)
	}
	expectSIDs(t, "stream", sids(streamed), want, <-failures)
	pages, err := pageThrough(service, new(trusthub.ListTrustProductParams).SetPageSize(3))
	expectSIDs(t, "pages", slices.Concat(pages...), want, err)
	if len(pages) != 3 { // of 3, 3 and 1
		t.Errorf("the pages are %q, want 3", pages)
	}

	if err := service.DeleteTrustProduct(want[0]); err != nil {
		t.Errorf("delete: %v", err)
	}
	all, err = service.ListTrustProduct(nil)
	expectSIDs(t, "list after the delete", sids(all), want[1:], err)
	if err := service.DeleteTrustProduct(submitted); err == nil || !strings.Contains(err.Error(), "under review") {
		t.Errorf("delete under review: %v", err)
	}
}

// pageThrough requests all pages. The SDK's call takes a page's token and number, which are in the previous page's
// next_page_url.
func pageThrough(service *trusthub.ApiService, params *trusthub.ListTrustProductParams) (pages [][]string, err error) {
	for token, number := "", ""; ; {
		page, err := service.PageTrustProduct(params, token, number)
		if err != nil {
			return pages, err
		}
		pages = append(pages, sids(page.Results))
		if page.Meta.NextPageUrl == nil || len(pages) == maxPages {
			return pages, nil
		}
		next, err := url.Parse(*page.Meta.NextPageUrl)
		if err != nil {
			return pages, err
		}
		token, number = next.Query().Get("PageToken"), next.Query().Get("Page")
	}
}

func sids(products []trusthub.TrusthubV1TrustProduct) []string {
	var all []string
	for _, p := range products {
		all = append(all, *p.Sid)
	}
	return all
}

func expectSIDs(t *testing.T, what string, got, want []string, err error) {
	t.Helper()
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%s: %v\ngot  %s\nwant %s", what, err, fmt.Sprint(got), fmt.Sprint(want))
	}
}

// TestListPastEmptyPages filters for a product behind so many others that the server's first pages are empty, but not the last.
func TestListPastEmptyPages(t *testing.T) {
	t.Parallel()
	onEachEngine(t, testListPastEmptyPages)
}

func testListPastEmptyPages(t *testing.T, server *url.URL) {
	t.Helper()
	const others, workers = 10_100, 32 // the server reads at most 10,000 for a page
	service := newService(t, server, authToken)
	wanted, err := service.CreateTrustProduct(createParams().SetFriendlyName("wanted"))
	if err != nil {
		t.Fatal(err)
	}
	var creating sync.WaitGroup
	for range workers {
		creating.Go(func() {
			for range others / workers {
				if _, err := service.CreateTrustProduct(createParams()); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	creating.Wait()
	params := new(trusthub.ListTrustProductParams).SetFriendlyName("wanted")
	first, err := service.PageTrustProduct(params, "", "")
	if err != nil || len(first.Results) != 0 || first.Meta.NextPageUrl == nil {
		t.Errorf("the first page: %+v, %v; want none, and a next page", first, err)
	}
	all, err := service.ListTrustProduct(params)
	expectSIDs(t, "list", sids(all), []string{*wanted.Sid}, err)
}
