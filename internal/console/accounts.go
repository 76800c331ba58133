package console

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// accountsPage lists the accounts, oldest first. It never shows a token.
func (c *Console) accountsPage() page {
	return page{path: "accounts", nav: "Accounts", template: "accounts.html", follows: followsDatabase, show: c.showAccounts}
}

type accountsData struct {
	Accounts []accountRow
	Pager    pager
}

// accountRow is an account without its token.
type accountRow struct {
	SID, PrimarySID string
	Created         time.Time
}

func (c *Console) showAccounts(r *http.Request) (view, error) {
	after, err := accountPlace(r.URL.Query().Get("after"))
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
		last := all[rowsPerPage-1]
		next = strconv.FormatInt(last.Created.UnixMicro(), 10) + "." + last.SID
	}
	data := accountsData{Pager: newPager(r, next, "")}
	for _, a := range all {
		data.Accounts = append(data.Accounts, accountRow{a.SID, trust.PrimarySID(a.SID), a.Created})
	}
	return view{title: "Accounts", data: data}, nil
}

// accountPlace reads where a page of the list begins.
func accountPlace(after string) (store.Place, error) {
	if after == "" {
		return store.Place{}, nil
	}
	digits, sid, _ := strings.Cut(after, ".")
	micros, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || !accountSID.MatchString(sid) {
		return store.Place{}, invalid("The parameter after does not come from this list.")
	}
	return store.Place{Time: time.UnixMicro(micros), SID: sid}, nil
}
