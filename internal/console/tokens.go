package console

import (
	"net/http"
)

// tokenPage rotates the auth token of an account: it asks before it does, because a promotion ends the primary token. It shows no
// token: see rotateToken.
func (c *Console) tokenPage() page {
	return page{
		path: "accounts/{sid}/token", template: "token.html", show: c.showToken,
		actions: map[string]func(*http.Request) (string, error){"promote": c.promoteToken},
	}
}

type tokenData struct {
	SID          string
	HasSecondary bool
}

func (c *Console) showToken(r *http.Request) (view, error) {
	sid, err := accountOfPath(r)
	if err != nil {
		return view{}, err
	}
	a, err := c.Store.Account(r.Context(), sid)
	if err != nil {
		return view{}, err
	}
	return view{title: "Auth token", data: tokenData{a.SID, a.HasSecondaryToken()}}, nil
}

// rotateTokenPath is where the form of the page gives the account a secondary token.
const rotateTokenPath = Path + "accounts/{sid}/token/rotate"

type rotatedTokenData struct{ SID, AuthToken string }

// rotateToken gives the account a secondary token and shows it, once. It does not redirect, for the reason of addAccount.
func (c *Console) rotateToken(w http.ResponseWriter, r *http.Request) {
	sid, err := accountOfPath(r)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	token, err := c.Operator.RotateToken(r.Context(), sid, r.PostForm.Get("replace") == "yes")
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.render(w, r, http.StatusOK, page{path: "accounts/{sid}/token", template: "token-rotated.html"}, view{
		title: "Secondary token", data: rotatedTokenData{sid, token},
	})
}

func (c *Console) promoteToken(r *http.Request) (location string, err error) {
	sid, err := accountOfPath(r)
	if err != nil {
		return "", err
	}
	_, err = c.Operator.PromoteToken(r.Context(), sid)
	return done("accounts", "promoted"), err
}

func accountOfPath(r *http.Request) (sid string, err error) {
	if sid = r.PathValue("sid"); !accountSID.MatchString(sid) {
		return "", errNotFound
	}
	return sid, nil
}
