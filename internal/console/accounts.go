package console

import (
	"net/http"
	"time"

	"github.com/opentrusthub/trusthub/internal/operator"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// accountsPage lists the accounts, oldest first. It shows no token: see addAccount.
func (c *Console) accountsPage() page {
	return page{
		path: "accounts", nav: "Accounts", template: "accounts.html", follows: followsDatabase, show: c.showAccounts,
		notes: map[string]string{"promoted": "The secondary token is now the primary one. The old one has ended."},
	}
}

type accountsData struct {
	Accounts []accountRow
	Pager    pager
}

// accountRow is an account without its token.
type accountRow struct {
	SID, PrimarySID string
	Created         time.Time
	HasSecondary    bool // whether its token is being rotated
}

func newAccountRow(a store.Account) accountRow {
	return accountRow{a.SID, trust.PrimarySID(a.SID), a.Created, a.HasSecondaryToken()}
}

func (c *Console) showAccounts(r *http.Request) (view, error) {
	after, err := placeOf(r.URL.Query().Get("after"), accountSID)
	if err != nil {
		return view{}, err
	}
	all, err := c.Store.AccountsAfter(r.Context(), after, rowsPerPage+1)
	if err != nil {
		return view{}, err
	}
	next := ""
	if len(all) > rowsPerPage {
		all = all[:rowsPerPage]
		next = placeText(all[rowsPerPage-1].Created, all[rowsPerPage-1].SID)
	}
	data := accountsData{Pager: newPager(r, next, "")}
	for _, a := range all {
		data.Accounts = append(data.Accounts, newAccountRow(a))
	}
	return view{title: "Accounts", data: data}, nil
}

// addAccountPath is where the form of the list adds an account.
const addAccountPath = Path + "accounts/add"

type addedAccountData struct {
	accountRow

	AuthToken string
}

// addAccount stores a new account and shows its token, once. It is the one action that does not redirect: the token would have to
// be in a URL, or be read again.
func (c *Console) addAccount(w http.ResponseWriter, r *http.Request) {
	a := operator.NewAccount(c.Now())
	if err := c.Store.PutAccount(r.Context(), a); err != nil {
		c.fail(w, r, err)
		return
	}
	c.render(w, r, http.StatusOK, page{path: "accounts/add", template: "account-added.html"}, view{
		title: "Account added", data: addedAccountData{newAccountRow(a), a.AuthToken},
	})
}
