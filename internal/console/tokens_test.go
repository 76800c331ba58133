package console_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// TestRotateToken rotates the token of an account twice and promotes it. Each new token is on the page that responds, and nowhere
// else.
func TestRotateToken(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		const page = "/console/accounts/" + accountSID + "/token"
		s, stranger := loggedIn(t, db), newSite(t, db)
		if err := db.PutAccount(t.Context(), store.Account{SID: accountSID, AuthToken: "verysecret", Created: at}); err != nil {
			t.Fatal(err)
		}
		stored := func() store.Account {
			t.Helper()
			a, err := db.Account(t.Context(), accountSID)
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
		wantPage := func(path, want string) {
			t.Helper()
			text := s.send(t, "GET", path, "").Body.String()
			wantHTML(t, path, text)
			secret := stored().SecondaryToken
			if !strings.Contains(text, want) || strings.Contains(text, "verysecret") || (secret != "" && strings.Contains(text, secret)) {
				t.Errorf("%s does not say %q, or has a token: %s", path, want, text)
			}
		}
		rotate := func(form string) {
			t.Helper()
			response := s.send(t, "POST", page+"/rotate", form)
			wantStatus(t, "rotate", response, http.StatusOK, "")
			wantSafeHeaders(t, "rotate", response.Header())
			wantHTML(t, "rotate", response.Body.String())
			if secret := stored().SecondaryToken; len(secret) != 32 || !strings.Contains(response.Body.String(), secret) {
				t.Errorf("the page does not have the token: %s", response.Body.String())
			}
		}
		for _, action := range []string{"/rotate", "/promote"} {
			wantStatus(t, "a stranger", stranger.send(t, "POST", page+action, ""), http.StatusSeeOther, "/console/login")
		}
		wantPage(page, "Rotate the auth token")
		wantStatus(t, "promote too early", s.send(t, "POST", page+"/promote", ""), http.StatusConflict, "")
		rotate("")
		first := stored().SecondaryToken
		wantPage("/console/accounts", "Promote…")
		wantPage(page, "Promote the secondary token")
		wantStatus(t, "rotate again", s.send(t, "POST", page+"/rotate", ""), http.StatusConflict, "")
		rotate("replace=yes")
		second := stored().SecondaryToken
		wantStatus(t, "promote", s.send(t, "POST", page+"/promote", ""), http.StatusSeeOther, "/console/accounts?done=promoted")
		if a := stored(); a.AuthToken != second || a.SecondaryToken != "" || first == second {
			t.Errorf("after the promotion the account is %+v", a)
		}
		wantPage("/console/accounts?done=promoted", "The old one has ended.")
		for _, path := range []string{"/console/accounts/x/token", "/console/accounts/AC00000000000000000000000000000000/token"} {
			wantStatus(t, path, s.send(t, "POST", path+"/rotate", ""), http.StatusNotFound, "")
			wantStatus(t, path, s.send(t, "POST", path+"/promote", ""), http.StatusNotFound, "")
		}
		wantStatus(t, "the new token again", s.send(t, "GET", page+"/rotate", ""), http.StatusNotFound, "")
	})
}
