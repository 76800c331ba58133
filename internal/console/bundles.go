package console

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/internal/trust/catalog"
)

// bundlesPage lists the bundles of all accounts, newest first, with a filter that is in the URL.
func (c *Console) bundlesPage() page {
	return page{path: "bundles", nav: "Bundles", template: "bundles.html", follows: followsDatabase, show: c.showBundles}
}

// bundlesData is what the list shows.
type bundlesData struct {
	Text                      string
	Kinds, Statuses, Policies []option
	Filtered                  bool
	Bundles                   []trust.Bundle
	Pager                     pager
}

// rowsPerPage is how many rows of a list a page has.
const rowsPerPage = 50

func (c *Console) showBundles(r *http.Request) (view, error) {
	query := r.URL.Query()
	filter, err := bundleFilter(query)
	if err != nil {
		return view{}, err
	}
	after := query.Get("after")
	if after != "" && !bundleSID.MatchString(after) {
		return view{}, invalid("The parameter after must be the SID of a bundle.")
	}
	found, err := c.Store.SearchBundles(r.Context(), filter, after, rowsPerPage)
	if err != nil {
		return view{}, err
	}
	note := ""
	if found.Next != "" && len(found.Bundles) < rowsPerPage {
		note = "Older bundles have not been searched yet."
	}
	return view{title: "Bundles", data: bundlesData{
		Text:     query.Get("q"),
		Kinds:    options(string(filter.Kind), kindOptions()),
		Statuses: options(string(filter.Status), statusOptions()),
		Policies: options(filter.PolicySID, policyOptions()),
		Filtered: filter != store.BundleFilter{},
		Bundles:  found.Bundles,
		Pager:    newPager(r, found.Next, note),
	}}, nil
}

var (
	bundleSID  = regexp.MustCompile(`^BU[0-9a-fA-F]{32}$`)
	accountSID = regexp.MustCompile(`^AC[0-9a-fA-F]{32}$`)
	policySID  = regexp.MustCompile(`^RN[0-9a-fA-F]{32}$`)
	deliveryID = regexp.MustCompile(`^ND[0-9a-f]{32}$`)
)

// maxSearch bounds the text of a search, in bytes.
const maxSearch = 256

// bundleFilter reads the filter of the list from the query.
func bundleFilter(query url.Values) (store.BundleFilter, error) {
	filter := store.BundleFilter{
		Kind: trust.Kind(query.Get("kind")), Status: trust.Status(query.Get("status")), PolicySID: query.Get("policy"),
	}
	switch text := strings.TrimSpace(query.Get("q")); {
	case len(text) > maxSearch:
		return filter, invalid("The text to search for is too long.")
	case bundleSID.MatchString(text):
		filter.SID = text
	case accountSID.MatchString(text):
		filter.AccountSID = text
	case policySID.MatchString(text) && filter.PolicySID == "":
		filter.PolicySID = text
	default:
		filter.Text = strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "") // Postgres accepts nothing else
	}
	switch {
	case filter.Kind != "" && filter.Kind != trust.TrustProduct && filter.Kind != trust.CustomerProfile:
		return filter, invalid("The parameter kind is not one of those in the list.")
	case filter.Status != "" && !slices.Contains(trust.Statuses(), filter.Status):
		return filter, invalid("The parameter status is not one of those in the list.")
	case filter.PolicySID != "" && !policySID.MatchString(filter.PolicySID):
		return filter, invalid("The parameter policy must be the SID of a policy.")
	}
	return filter, nil
}

// option is an entry of a list to choose from.
type option struct {
	Value, Name string
	Chosen      bool
}

// options returns the entries with the chosen one marked. One that is not among them is added: a policy may be unknown.
func options(chosen string, all []option) []option {
	for i := range all {
		if all[i].Chosen = all[i].Value == chosen; all[i].Chosen {
			chosen = ""
		}
	}
	if chosen != "" {
		all = append(all, option{chosen, chosen, true})
	}
	return all
}

func kindOptions() []option {
	return []option{
		{Value: string(trust.TrustProduct), Name: trust.TrustProduct.Name()},
		{Value: string(trust.CustomerProfile), Name: trust.CustomerProfile.Name()},
	}
}

func statusOptions() (all []option) {
	for _, s := range trust.Statuses() {
		all = append(all, option{Value: string(s), Name: string(s)})
	}
	return all
}

func policyOptions() (all []option) {
	for _, p := range catalog.Default().Policies() {
		all = append(all, option{Value: p.SID, Name: p.FriendlyName})
	}
	slices.SortFunc(all, func(a, b option) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// policyName returns the name of a policy, or an empty string if the program does not know it.
func policyName(sid string) string {
	p, _ := catalog.Default().Policy(sid)
	return p.FriendlyName
}
