package apitest

import (
	"net/http"
	"slices"
	"strings"

	"github.com/opentrusthub/trusthub/gen"
)

func listCases() []conformanceCase {
	return []conformanceCase{
		{name: "it holds what was created", run: func(s *suite) {
			p := s.create(nil)
			filter := form{"FriendlyName": p.FriendlyName}
			if m := s.page(filter).Meta; m.Key != "results" || m.Page != 0 || m.PreviousPageURL != nil {
				s.Errorf("the first page says of itself %+v", m)
			}
			list := s.list(filter)
			if len(list) != 1 {
				s.Fatalf("it holds %d", len(list))
			}
			s.same("listed", p, list[0])
		}},
		{name: "filters choose", run: filters},
		{name: "pages hold each product once, there and back", run: func(s *suite) {
			name, made := s.five()
			pages := s.walk(s.page(form{"FriendlyName": name, "PageSize": "2"}), nil)
			if !slices.Equal(sorted(slices.Concat(pages...)), sorted(made)) || longest(pages) > 2 {
				s.Errorf("created were %v, the pages hold %v", made, pages)
			}
		}},
		{name: "the newest come first", needs: needStandIn, run: func(s *suite) {
			name, made := s.five()
			slices.Reverse(made)
			if got := sids(s.list(form{"FriendlyName": name})); !slices.Equal(got, made) {
				s.Errorf("the list is %v, want %v", got, made)
			}
		}},
		{name: "pages stay what they are while products come and go", needs: needStandIn, run: func(s *suite) {
			name, made := s.five()
			pages := s.walk(s.page(form{"FriendlyName": name, "PageSize": "2"}), func() {
				s.create(form{"FriendlyName": name})
				s.delete(made[4]).expect(http.StatusNoContent) // the newest, which has been listed
			})
			slices.Reverse(made)
			if got := slices.Concat(pages...); !slices.Equal(got, made) {
				s.Errorf("the pages hold %v, want %v", got, made)
			}
		}},
		{name: "a page of the largest number leads on", needs: needStandIn, run: func(s *suite) {
			name, made := s.five()
			pages := s.walk(s.page(form{"FriendlyName": name, "PageSize": "2", "Page": "9223372036854775807"}), nil)
			if !slices.Equal(sorted(slices.Concat(pages...)), sorted(made)) || longest(pages) > 2 {
				s.Errorf("created were %v, the pages hold %v", made, pages)
			}
		}},
		{name: "what is off the contract is refused", needs: needStandIn, run: func(s *suite) {
			for _, query := range []string{
				"PageSize=0", "PageSize=1001", "PageSize=x", "Page=-1", "Status=nonsense", "PolicySid=RN1", "FriendlyName=",
			} {
				a := s.do(request{method: http.MethodGet, path: productsPath + "?" + query})
				if a.status != http.StatusBadRequest {
					s.Errorf("%s: status %d", query, a.status)
					continue
				}
				a.refused(http.StatusBadRequest, 20001)
			}
		}},
	}
}

func filters(s *suite) {
	p := s.create(nil)
	for wanted, query := range map[bool][]form{
		true:  {{}, {"Status": "draft"}, {"PolicySid": p.PolicySID}, {"PolicySid": p.PolicySID, "Status": "draft"}},
		false: {{"Status": "twilio-approved"}, {"PolicySid": s.target.PolicySIDs[1]}},
	} {
		for _, filter := range query {
			list := s.list(filter.with(form{"FriendlyName": p.FriendlyName}))
			if held := slices.Contains(sids(list), p.SID); held != wanted {
				s.Errorf("with %v it is in the list: %v, want %v", filter, held, wanted)
			}
		}
	}
}

// five creates as many products of one name and returns it and them, the oldest first.
func (s *suite) five() (name string, made []string) {
	s.Helper()
	name = s.draft()["FriendlyName"]
	for range 5 {
		made = append(made, s.create(form{"FriendlyName": name}).SID)
	}
	return name, made
}

// walk goes from the first page to the last and back, and returns what each page held on the way there. Pages may be short or
// empty anywhere, so that on the way back only what all of them hold must be the same. between, which may be nil, is called once
// after the first page; the way back is then not walked.
func (s *suite) walk(page gen.TrustProductPage, between func()) [][]string {
	s.Helper()
	pages := [][]string{sids(page.Results)}
	if between != nil {
		between()
	}
	for _, page = range s.follow(page, next) {
		pages = append(pages, sids(page.Results))
	}
	if between != nil {
		return pages
	}
	back := [][]string{sids(page.Results)}
	for _, page = range s.follow(page, previous) {
		back = append(back, sids(page.Results))
	}
	slices.Reverse(back)
	if !slices.Equal(slices.Concat(back...), slices.Concat(pages...)) {
		s.Errorf("the pages held %v, and on the way back %v", pages, back)
	}
	return pages
}

func next(m gen.PageMeta) *string     { return m.NextPageURL }
func previous(m gen.PageMeta) *string { return m.PreviousPageURL }

// follow returns the pages that the links of a page lead to, one after the other.
func (s *suite) follow(page gen.TrustProductPage, link func(gen.PageMeta) *string) (pages []gen.TrustProductPage) {
	s.Helper()
	for link(page.Meta) != nil {
		if len(pages) == maxPages {
			s.Fatalf("there are more than %d pages", maxPages)
		}
		page = s.turn(*link(page.Meta))
		pages = append(pages, page)
	}
	return pages
}

// longest is how many products the longest page holds.
func longest(pages [][]string) (most int) {
	for _, page := range pages {
		most = max(most, len(page))
	}
	return most
}

// turn calls the URL of a page: on the target, whatever host the URL names.
func (s *suite) turn(pageURL string) gen.TrustProductPage {
	s.Helper()
	_, query, ok := strings.Cut(pageURL, productsPath+"?")
	if !ok || !strings.Contains(pageURL, "://") {
		s.Fatalf("the page's URL is %s", pageURL)
	}
	return s.do(request{method: http.MethodGet, path: productsPath + "?" + query}).page()
}

func sids(products []gen.TrustProduct) []string {
	all := make([]string, len(products))
	for i, p := range products {
		all[i] = p.SID
	}
	return all
}

func sorted(s []string) []string { return slices.Sorted(slices.Values(s)) }
