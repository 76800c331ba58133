package console

import (
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/opentrusthub/trusthub/internal/operator"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// keysPage lists the API keys of an account, oldest first. It shows no secret: see addKey.
func (c *Console) keysPage() page {
	return page{
		path: "accounts/{account}/keys", template: "keys.html", show: c.showKeys,
		notes: map[string]string{"removed": "The API key is removed."},
	}
}

type keysData struct {
	AccountSID string
	Keys       []store.APIKey
	Full       bool // whether the account has as many as it can
}

func (c *Console) showKeys(r *http.Request) (view, error) {
	account, keys, err := c.keysOf(r)
	return view{title: "API keys", data: keysData{account, keys, len(keys) >= store.MaxAPIKeys}}, err
}

// keysOf returns the SID of the account in the path, and its keys.
func (c *Console) keysOf(r *http.Request) (account string, keys []store.APIKey, err error) {
	account = r.PathValue("account")
	if !accountSID.MatchString(account) {
		return "", nil, errNotFound
	}
	if _, err := c.Store.Account(r.Context(), account); err != nil {
		return "", nil, err
	}
	keys, err = c.Store.APIKeys(r.Context(), account, "", store.MaxAPIKeys)
	return account, keys, err
}

// addKeyPattern is where the form of the list adds a key.
const addKeyPattern = Path + "accounts/{account}/keys/add"

type addedKeyData struct {
	store.APIKey

	Secret string
}

// addKey stores a new key and shows its secret, once, as addAccount does with a token.
func (c *Console) addKey(w http.ResponseWriter, r *http.Request) {
	added, err := c.storeKey(r)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.render(w, r, http.StatusOK, page{path: "accounts/{account}/keys/add", template: "key-added.html"}, view{
		title: "API key added", data: added,
	})
}

func (c *Console) storeKey(r *http.Request) (addedKeyData, error) {
	account, name := r.PathValue("account"), strings.TrimSpace(r.PostForm.Get("name"))
	if !accountSID.MatchString(account) {
		return addedKeyData{}, errNotFound
	}
	if utf8.RuneCountInString(name) > maxKeyName || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		message := fmt.Sprintf("The name must have at most %d characters, and no control characters.", maxKeyName)
		return addedKeyData{}, invalid(message)
	}
	k, secret := operator.NewAPIKey(account, name, c.Now())
	return addedKeyData{k, secret}, c.Store.AddAPIKey(r.Context(), k, secret)
}

// maxKeyName is how many characters the name of a key can have, as with the operator API.
const maxKeyName = 64

// keyPage asks before it removes a key.
func (c *Console) keyPage() page {
	return page{
		path: "accounts/{account}/keys/{sid}", template: "key.html", show: c.showKey,
		actions: map[string]func(*http.Request) (string, error){"remove": c.removeKey},
	}
}

func (c *Console) showKey(r *http.Request) (view, error) {
	_, keys, err := c.keysOf(r)
	if err != nil {
		return view{}, err
	}
	for _, k := range keys {
		if k.SID == r.PathValue("sid") {
			return view{title: "Remove an API key", data: k}, nil
		}
	}
	return view{}, errNotFound
}

func (c *Console) removeKey(r *http.Request) (location string, err error) {
	account, sid := r.PathValue("account"), r.PathValue("sid")
	if !accountSID.MatchString(account) || !trust.ValidAPIKeySID(sid) {
		return "", errNotFound
	}
	return done("accounts/"+account+"/keys", "removed"), c.Store.RemoveAPIKey(r.Context(), sid)
}
