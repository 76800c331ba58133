package hub_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/internal/hub"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/contracttest"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

const (
	policyA = "RNaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	policyB = "RNbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// stocked is a hub whose database holds products of alice, and some of bob, of all sizes.
type stocked struct {
	hub      *hub.Hub
	handler  http.Handler
	products []trust.Bundle // alice's, as in her list
	contract *contracttest.Contract
}

func newStocked(t *testing.T, db *store.Store, count int) *stocked {
	t.Helper()
	for _, account := range []store.Account{alice, bob} {
		if err := db.PutAccount(t.Context(), account); err != nil {
			t.Fatal(err)
		}
	}
	s := &stocked{hub: hub.New(db, trust.Policy{}, hub.Quotas{}, func() time.Time { return start })}
	var err error
	if s.handler, err = api.New(s.hub, api.Config{
		Authenticate: s.hub.Authenticate, MapError: hub.MapError, PublicURL: "http://trusthub.example",
	}); err != nil {
		t.Fatal(err)
	}
	if s.contract, err = contracttest.New(t.Context()); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2)) // the same products each time
	for i := range count {
		p := someProduct(random, i)
		if err := db.Bundles.Create(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		if p.AccountSID == alice.SID {
			s.products = slices.Insert(s.products, 0, p)
		}
	}
	return s
}

func someProduct(random *rand.Rand, i int) trust.Bundle {
	account, name, policy := alice.SID, "Acme", policyA
	switch random.IntN(10) {
	case 0:
		account = bob.SID
	case 1, 2:
		name = strings.Repeat("<", random.IntN(3000)+1) // six bytes each, in JSON
	case 3:
		name, policy = "rare", policyB
	}
	p := trust.NewBundle(trust.TrustProduct, trust.NewSID(trust.BundlePrefix, start.Add(time.Duration(i)*time.Millisecond)),
		account, policy, name, "a@b.example", "", start)
	if random.IntN(4) == 0 {
		p.Status = trust.InReview
	}
	return p
}

// get returns the page at a URL. It fails the test unless the contract allows the answer.
func (s *stocked) get(t rapid.TB, target string) gen.TrustProductPage {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, target, http.NoBody)
	r.SetBasicAuth(alice.SID, alice.AuthToken)
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	if err := s.contract.Check(r, w.Code, w.Header(), w.Body.Bytes()); err != nil {
		t.Fatalf("%s: %v", target, err)
	}
	var page gen.TrustProductPage
	if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%s: status %d, %v\n%s", target, w.Code, err, w.Body)
	}
	return page
}

// walk follows links from a page to the end, and returns the SIDs of each page after the first.
func (s *stocked) walk(t rapid.TB, page gen.TrustProductPage, link func(gen.PageMeta) *string) (pages [][]string, last gen.TrustProductPage) {
	t.Helper()
	for link(page.Meta) != nil {
		page = s.get(t, *link(page.Meta))
		if pages = append(pages, sids(page)); len(pages) > 10*len(s.products) {
			t.Fatal("the pages do not end")
		}
	}
	return pages, page
}

func nextPage(m gen.PageMeta) *string     { return m.NextPageURL }
func previousPage(m gen.PageMeta) *string { return m.PreviousPageURL }

func sids(page gen.TrustProductPage) []string {
	all := []string{}
	for _, p := range page.Results {
		all = append(all, p.SID)
	}
	return all
}

// Whatever ends the pages (their size, their bytes, the rows that they may read), all of them together are the list, on the
// way there and on the way back.
func TestPagesAreTheList(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		s := newStocked(t, db, 30)
		rapid.Check(t, func(t *rapid.T) {
			size := rapid.SampledFrom([]int{1, 2, 7, 20, 1000}).Draw(t, "size")
			bytes := rapid.SampledFrom([]int{1, 5000, 40_000, 4 << 20}).Draw(t, "bytes of JSON")
			s.hub.SmallPages(bytes,
				rapid.SampledFrom([]int{5, 20, 10_000}).Draw(t, "rows read"),
				rapid.SampledFrom([]int{1, 2000, 10_000, 1 << 20}).Draw(t, "bytes of a part"),
				rapid.SampledFrom([]int{1, 10, 1000}).Draw(t, "rows of a step"),
				rapid.SampledFrom([]int{0, 3000, 1 << 20}).Draw(t, "bytes held"))
			filters := url.Values{}
			for name, values := range map[string][]string{
				"Status": {"in-review", "twilio-approved"}, "PolicySid": {policyA, policyB}, "FriendlyName": {"Acme", "rare", "nobody"},
			} {
				if value := rapid.SampledFrom(append(values, "")).Draw(t, name); value != "" {
					filters.Set(name, value)
				}
			}
			s.check(t, filters, size, bytes)
		})
	})
}

func (s *stocked) check(t *rapid.T, filters url.Values, size, bytes int) {
	t.Helper()
	want := []string{}
	for _, p := range s.products {
		if matches(filters, "Status", string(p.Status)) && matches(filters, "PolicySid", p.PolicySID) &&
			matches(filters, "FriendlyName", p.FriendlyName) {
			want = append(want, p.SID)
		}
	}
	filters.Set("PageSize", strconv.Itoa(size))
	first := s.get(t, "http://trusthub.example/v1/TrustProducts?"+filters.Encode())
	if first.Meta.PreviousPageURL != nil {
		t.Error("the first page has one before it")
	}
	onward, last := s.walk(t, first, nextPage)
	onward = slices.Insert(onward, 0, sids(first))
	if got := slices.Concat(onward...); !slices.Equal(got, want) {
		t.Errorf("forward: %d products, want %d\ngot  %v\nwant %v", len(got), len(want), got, want)
	}
	back, top := s.walk(t, last, previousPage)
	slices.Reverse(back)
	back = append(back, sids(last))
	if got := slices.Concat(back...); !slices.Equal(got, want) {
		t.Errorf("backward: %d products, want %d\ngot  %v\nwant %v", len(got), len(want), got, want)
	}
	again, _ := s.walk(t, top, nextPage)
	if got := slices.Concat(append([][]string{sids(top)}, again...)...); !slices.Equal(got, want) {
		t.Errorf("forward from where the way back ended: got %v\nwant %v", got, want)
	}
	middle := first // the way back begins anywhere
	for range rapid.IntRange(0, len(onward)-1).Draw(t, "pages onward") {
		middle = s.get(t, *middle.Meta.NextPageURL)
	}
	rest, _ := s.walk(t, middle, nextPage)
	before, _ := s.walk(t, middle, previousPage)
	slices.Reverse(before)
	if got := slices.Concat(slices.Concat(before, [][]string{sids(middle)}, rest)...); !slices.Equal(got, want) {
		t.Errorf("backward from the middle: got %v\nwant %v", got, want)
	}
	for _, page := range slices.Concat(onward, back) {
		if len(page) > size || (len(page) > 1 && s.bytes(page) > bytes) {
			t.Errorf("a page of %d products with names of %d bytes", len(page), s.bytes(page))
		}
	}
}

// A page ends after so many rows read, though no row was found, and its link goes on from there.
func TestPagesReadABoundedPart(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		s := newStocked(t, db, 70)
		s.hub.SmallPages(1<<20, 20, 1<<20, 10, 0)
		for _, filter := range []string{"FriendlyName=nobody", "PolicySid=" + strings.Replace(policyA, "a", "c", 1)} {
			first := s.get(t, "http://trusthub.example/v1/TrustProducts?"+filter)
			pages, _ := s.walk(t, first, nextPage)
			if want := (len(s.products)+19)/20 - 1; len(pages) != want {
				t.Errorf("%s: %d pages after the first, want %d for %d products", filter, len(pages), want, len(s.products))
			}
		}
	})
}

func matches(filters url.Values, name, value string) bool {
	return !filters.Has(name) || filters.Get(name) == value
}

// bytes is the least that products take as JSON.
func (s *stocked) bytes(page []string) (n int) {
	for _, p := range s.products {
		if slices.Contains(page, p.SID) {
			n += 6 * strings.Count(p.FriendlyName, "<")
		}
	}
	return n
}

// A page that is read backward is found before it is written. What is deleted or created meanwhile spoils it for nobody.
func TestPagesOnTheWayBackAreStable(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		s := newStocked(t, db, 60)
		s.hub.SmallPages(1<<20, 10_000, 1, 1000, 0) // each row is a part, and nothing is kept
		first := s.get(t, "http://trusthub.example/v1/TrustProducts?PageSize=20")
		second := s.get(t, *first.Meta.NextPageURL)
		r := httptest.NewRequest(http.MethodGet, *second.Meta.PreviousPageURL, http.NoBody)
		r.SetBasicAuth(alice.SID, alice.AuthToken)
		deleted, kept := s.products[7].SID, sids(first)
		w := &interrupted{ResponseRecorder: httptest.NewRecorder(), before: func() {
			allow := func(trust.Bundle, []trust.Status) error { return nil }
			if err := db.DeleteBundle(t.Context(), store.BundlesOf(alice.SID, trust.TrustProduct), deleted, trust.Origin{By: trust.AccountHolder, At: start}, allow); err != nil {
				t.Error(err)
			}
			between := s.products[7]
			between.SID = s.products[8].SID[:33] + "0"
			if between.SID == s.products[8].SID {
				between.SID = s.products[8].SID[:33] + "1"
			}
			newest := s.products[0]
			newest.SID = trust.NewSID(trust.BundlePrefix, start.Add(time.Hour))
			for _, p := range []trust.Bundle{between, newest} {
				if err := db.Bundles.Create(t.Context(), p); err != nil {
					t.Error(err)
				}
			}
		}}
		s.handler.ServeHTTP(w, r)
		var page gen.TrustProductPage
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil {
			t.Fatal(err)
		}
		kept = slices.DeleteFunc(kept, func(sid string) bool { return sid == deleted })
		if got := sids(page); !slices.Equal(got, kept) {
			t.Errorf("got  %v\nwant %v", got, kept)
		}
	})
}

// A database that goes away while a page is written ends it: one that is read forward is whole and leads on, one that is read
// backward would have a gap, and breaks off so that nobody takes it for whole.
func TestPagesAreWholeOrBreakOff(t *testing.T) {
	for name, backward := range map[string]bool{"forward": false, "backward": true} {
		t.Run(name, func(t *testing.T) { testPageWithoutDatabase(t, backward) })
	}
}

func testPageWithoutDatabase(t *testing.T, backward bool) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		s := newStocked(t, db, 60)
		s.hub.SmallPages(1<<20, 10_000, 1, 1000, 0) // each row is a part, and nothing is kept
		page := s.get(t, "http://trusthub.example/v1/TrustProducts?PageSize=20")
		target := page.Meta.FirstPageURL
		if backward {
			target = *s.get(t, *page.Meta.NextPageURL).Meta.PreviousPageURL
		}
		r := httptest.NewRequest(http.MethodGet, target, http.NoBody)
		r.SetBasicAuth(alice.SID, alice.AuthToken)
		w := &interrupted{ResponseRecorder: httptest.NewRecorder(), before: func() { _ = db.Close() }}
		broken := serve(t, s.handler, w, r)
		if broken != backward {
			t.Fatalf("backward %v: broken off %v", backward, broken)
		}
		if backward {
			return
		}
		var short gen.TrustProductPage
		if err := json.Unmarshal(w.Body.Bytes(), &short); err != nil {
			t.Fatalf("%v\n%s", err, w.Body)
		}
		if got := sids(short); len(got) == 0 || len(got) == 20 || !slices.Equal(got, sids(page)[:len(got)]) || short.Meta.NextPageURL == nil {
			t.Errorf("%d products, next page %v", len(got), short.Meta.NextPageURL)
		}
	})
}

// serve reports whether the answer broke off, so that net/http would close the connection.
func serve(t *testing.T, handler http.Handler, w http.ResponseWriter, r *http.Request) (broken bool) {
	t.Helper()
	defer func() {
		if v := recover(); v != nil {
			if err, ok := v.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
				t.Errorf("panic: %v", v)
			}
			broken = true
		}
	}()
	handler.ServeHTTP(w, r)
	return false
}

// interrupted runs something when the answer begins.
type interrupted struct {
	*httptest.ResponseRecorder
	before func()
}

func (w *interrupted) WriteHeader(status int) {
	w.before()
	w.ResponseRecorder.WriteHeader(status)
}

// Every link that the server gives, it accepts: the longest name of the longest characters included.
func TestLinksAreAccepted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		s := newStocked(t, db, 0)
		longest := strings.Repeat("\U0001F600", 1024)
		for i := range 3 {
			p := trust.NewBundle(trust.TrustProduct, trust.NewSID(trust.BundlePrefix, start.Add(time.Duration(i)*time.Millisecond)),
				alice.SID, policyA, longest, "a@b.example", "", start)
			if err := db.Bundles.Create(t.Context(), p); err != nil {
				t.Fatal(err)
			}
		}
		web := httptest.NewUnstartedServer(s.handler)
		web.Config.MaxHeaderBytes = 32 << 10 // as the program has it
		web.Start()
		defer web.Close()
		link := "http://trusthub.example/v1/TrustProducts?" + url.Values{
			"PageSize": {"1"}, "FriendlyName": {longest}, "PolicySid": {policyA}, "Status": {"draft"},
		}.Encode()
		for _, follow := range []func(gen.PageMeta) *string{nextPage, nextPage, previousPage, previousPage, func(m gen.PageMeta) *string {
			return &m.FirstPageURL
		}} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
				strings.Replace(link, "http://trusthub.example", web.URL, 1), http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			r.SetBasicAuth(alice.SID, alice.AuthToken)
			answer, err := web.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			var page gen.TrustProductPage
			err = json.NewDecoder(answer.Body).Decode(&page)
			_ = answer.Body.Close()
			if err != nil || answer.StatusCode != http.StatusOK || len(page.Results) != 1 || follow(page.Meta) == nil {
				t.Fatalf("status %d, %d products, %v", answer.StatusCode, len(page.Results), err)
			}
			link = *follow(page.Meta)
		}
	})
}
