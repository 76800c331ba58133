package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

const (
	keySID   = "SK00000000000000000000000000000001"
	keysPath = "/console/accounts/" + accountSID + "/keys"
)

// addKey stores an API key with the secret that pages must not have.
func addKey(t *testing.T, db *store.Store, name string) {
	t.Helper()
	k := store.APIKey{SID: keySID, AccountSID: accountSID, FriendlyName: name, Created: at}
	if err := db.AddAPIKey(t.Context(), k, "verysecret"); err != nil {
		t.Fatal(err)
	}
}

// TestAddKey: the secret is on the page that responds, and nowhere else, and it is that of the key.
func TestAddKey(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		addBundle(t, db, "Acme", "a@acme.example")
		s, stranger := loggedIn(t, db), newSite(t, db)
		const path = keysPath + "/add"
		wantStatus(t, "a stranger", stranger.send(t, "POST", path, "name=x"), http.StatusSeeOther, "/console/login")
		response := s.send(t, "POST", path, url.Values{"name": {" " + markup + " "}}.Encode())
		wantStatus(t, "add", response, http.StatusOK, "")
		wantSafeHeaders(t, "add", response.Header())
		text := response.Body.String()
		wantHTML(t, "add", text)
		if strings.Contains(text, "<img") {
			t.Error("the page has the name as markup")
		}
		k := onlyKey(t, db)
		if k.FriendlyName != markup {
			t.Errorf("the name is %q", k.FriendlyName)
		}
		_, rest, _ := strings.Cut(text, "TWILIO_API_KEY="+k.SID+" TWILIO_API_SECRET=")
		secret, _, _ := strings.Cut(rest, "<")
		credential, err := db.Credential(t.Context(), k.SID)
		if err != nil || !credential.Accepts(secret) || len(secret) < 32 {
			t.Errorf("the secret %q is not that of the key, %v", secret, err)
		}
		list := s.send(t, "GET", keysPath, "").Body.String()
		if !strings.Contains(list, k.SID) || strings.Contains(list, secret) {
			t.Error("the list does not have the key, or has its secret")
		}
		wantStatus(t, "the page again", s.send(t, "GET", path, ""), http.StatusNotFound, "")
	})
}

// TestKeysThatCannotBeAdded: for an unknown account, with a bad name, and above the limit.
func TestKeysThatCannotBeAdded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		addBundle(t, db, "Acme", "a@acme.example")
		s := loggedIn(t, db)
		for _, account := range []string{"AC0", "AC00000000000000000000000000000000"} {
			wantStatus(t, account, s.send(t, "POST", "/console/accounts/"+account+"/keys/add", ""), http.StatusNotFound, "")
		}
		for _, name := range []string{strings.Repeat("ä", 65), "a\nb", "\xff"} {
			wantStatus(t, name, s.send(t, "POST", keysPath+"/add", url.Values{"name": {name}}.Encode()), http.StatusBadRequest, "")
		}
		for number := range store.MaxAPIKeys {
			k := store.APIKey{SID: fmt.Sprintf("SK%032d", number), AccountSID: accountSID, Created: at}
			if err := db.AddAPIKey(t.Context(), k, "verysecret"); err != nil {
				t.Fatal(err)
			}
		}
		wantStatus(t, "too many", s.send(t, "POST", keysPath+"/add", ""), http.StatusConflict, "")
		list := s.send(t, "GET", keysPath, "").Body.String()
		if strings.Contains(list, keysPath+"/add") || !strings.Contains(list, fmt.Sprintf("SK%032d", store.MaxAPIKeys-1)) {
			t.Error("the page of an account with all its keys offers another, or does not list them")
		}
	})
}

// TestRemoveKey: the page asks first, and a key cannot be removed twice.
func TestRemoveKey(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		addBundle(t, db, "Acme", "a@acme.example")
		addKey(t, db, "nightly")
		s := loggedIn(t, db)
		if text := s.send(t, "GET", keysPath+"/"+keySID, "").Body.String(); !strings.Contains(text, keysPath+"/"+keySID+"/remove") {
			t.Errorf("the page does not ask: %s", text)
		}
		onlyKey(t, db)
		const remove = keysPath + "/" + keySID + "/remove"
		wantStatus(t, "remove", s.send(t, "POST", remove, ""), http.StatusSeeOther, keysPath+"?done=removed")
		if text := s.send(t, "GET", keysPath+"?done=removed", "").Body.String(); strings.Contains(text, keySID) ||
			!strings.Contains(text, "The API key is removed.") {
			t.Errorf("the list afterwards: %s", text)
		}
		for _, again := range []string{remove, keysPath + "/SK0/remove", "/console/accounts/AC0/keys/" + keySID + "/remove"} {
			wantStatus(t, again, s.send(t, "POST", again, ""), http.StatusNotFound, "")
		}
	})
}

func onlyKey(t *testing.T, db *store.Store) store.APIKey {
	t.Helper()
	keys, err := db.APIKeys(t.Context(), accountSID, "", 2)
	if err != nil || len(keys) != 1 {
		t.Fatalf("the keys are %+v, %v", keys, err)
	}
	return keys[0]
}
