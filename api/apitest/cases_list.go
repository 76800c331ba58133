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
			page := s.list(form{"FriendlyName": p.FriendlyName})
			if len(page.Results) != 1 {
				s.Fatalf("it holds %d", len(page.Results))
			}
			s.same("listed", p, page.Results[0])
			if m := page.Meta; m.Key != "results" || m.Page != 0 || m.NextPageURL != nil || m.PreviousPageURL != nil {
				s.Errorf("the only page says of itself %+v", m)
			}
		}},
		{name: "filters choose", run: filters},
		{name: "pages hold each product once, there and back", run: func(s *suite) {
			name, made := s.five()
			pages := s.walk(s.list(form{"FriendlyName": name, "PageSize": "2"}), nil)
			if len(pages) != 3 || !slices.Equal(sorted(slices.Concat(pages...)), sorted(made)) {
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
			pages := s.walk(s.list(form{"FriendlyName": name, "PageSize": "2"}), func() {
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
			pages := s.walk(s.list(form{"FriendlyName": name, "PageSize": "2", "Page": "9223372036854775807"}), nil)
			if len(pages) != 3 || !slices.Equal(sorted(slices.Concat(pages...)), sorted(made)) {
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
			page := s.list(filter.with(form{"FriendlyName": p.FriendlyName}))
			if held := slices.Contains(sids(page), p.SID); held != wanted {
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

// walk goes from a page to the last and back to the first, and returns what each held on the way there. between, which may
// be nil, is called once after the first page; the way back is then not walked.
func (s *suite) walk(page gen.TrustProductPage, between func()) [][]string {
	s.Helper()
	pages := [][]string{sids(page)}
	if between != nil {
		between()
	}
	for page.Meta.NextPageURL != nil && len(pages) < 10 {
		page = s.turn(*page.Meta.NextPageURL)
		pages = append(pages, sids(page))
	}
	if between != nil {
		return pages
	}
	for i := len(pages) - 2; i >= 0; i-- {
		if page.Meta.PreviousPageURL == nil {
			s.Fatalf("page %d has none before it", i+1)
		}
		page = s.turn(*page.Meta.PreviousPageURL)
		if !slices.Equal(sids(page), pages[i]) {
			s.Errorf("page %d held %v, and on the way back %v", i, pages[i], sids(page))
		}
	}
	return pages
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

func sids(page gen.TrustProductPage) []string {
	all := make([]string, len(page.Results))
	for i, p := range page.Results {
		all[i] = p.SID
	}
	return all
}

func sorted(s []string) []string { return slices.Sorted(slices.Values(s)) }
