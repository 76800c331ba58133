package console

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
)

const (
	loginPath  = Path + "login"
	logoutPath = Path + "logout"

	// LinkLife and sessionLife are how long a login link and a session can be used.
	LinkLife    = 5 * time.Minute
	sessionLife = 12 * time.Hour
)

// NewLink stores a login and returns the link that uses it, once. base is the URL of the server of the console, life how long the
// link can be used: LinkLife, unless whoever sees the link may know it for longer.
func NewLink(ctx context.Context, db *store.Store, base string, now time.Time, life time.Duration) (string, error) {
	code := rand.Text()
	if err := db.AddLoginCode(ctx, hash(code), now, now.Add(life)); err != nil {
		return "", err
	}
	return strings.TrimSuffix(base, "/") + loginPath + "?" + url.Values{"code": {code}}.Encode(), nil
}

// hash returns what the database keeps of a code or a session. Both have at least 128 random bits, so that nobody can find them
// from their hash.
func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// maxCode bounds what is taken for a code.
const maxCode = 100

// showLogin shows a button that uses the code of the link. The GET itself does not use it, because mail programs, chats and
// browsers fetch links in advance.
func (c *Console) showLogin(w http.ResponseWriter, r *http.Request) {
	code := r.URL.Query().Get("code")
	if len(code) > maxCode {
		code = ""
	}
	c.render(w, r, http.StatusOK, page{template: "login.html"}, view{title: "Log in", data: code})
}

// logIn uses a code, sets the cookie of a new session and goes to the start page.
func (c *Console) logIn(w http.ResponseWriter, r *http.Request) {
	now, session := c.LoginNow(), rand.Text()
	code := strings.TrimSpace(r.PostForm.Get("code"))
	err := c.Store.StartSession(r.Context(), hash(code), hash(session), now, now.Add(sessionLife))
	if errors.Is(err, store.ErrNotFound) {
		err = errLink
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	http.SetCookie(w, c.cookie(r, session, int(sessionLife/time.Second)))
	http.Redirect(w, r, Path, http.StatusSeeOther)
}

// logOut ends the session.
func (c *Console) logOut(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie(cookieName(r)); err == nil {
		if err := c.Store.EndSession(r.Context(), hash(cookie.Value)); err != nil {
			c.fail(w, r, err)
			return
		}
	}
	http.SetCookie(w, c.cookie(r, "", -1))
	http.Redirect(w, r, loginPath, http.StatusSeeOther)
}

// cookie returns the cookie of a session.
func (c *Console) cookie(r *http.Request, value string, maxAge int) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // G124: it is Secure where browsers use TLS; on loopback they do not
		Name: cookieName(r), Value: value, Path: strings.TrimSuffix(Path, "/"), MaxAge: maxAge,
		HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.TLS != nil || strings.HasPrefix(c.PublicURL, "https:"),
	}
}

// cookieName returns a name of its own for each port, because browsers send the cookies of one port of a host to all.
func cookieName(r *http.Request) string {
	_, port, err := net.SplitHostPort(r.Host)
	if err != nil || strings.ContainsFunc(port, func(digit rune) bool { return digit < '0' || digit > '9' }) {
		port = "default"
	}
	return "trusthub_console_" + port
}

// loggedIn returns nil if the request has a session, store.ErrNotFound if it has none.
func (c *Console) loggedIn(r *http.Request) error {
	cookie, err := r.Cookie(cookieName(r))
	if err != nil {
		return store.ErrNotFound
	}
	return c.Store.FindSession(r.Context(), hash(cookie.Value), c.LoginNow())
}

type sessionKey struct{}

// hasSession reports whether private has passed the request on.
func hasSession(r *http.Request) bool { return r.Context().Value(sessionKey{}) != nil }

// private returns a handler that serves sessions only, and sends others to the login.
func (c *Console) private(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch err := c.loggedIn(r); {
		case errors.Is(err, store.ErrNotFound) && r.URL.Path == eventsPath:
			w.WriteHeader(http.StatusNoContent) // has the browser not try again
		case errors.Is(err, store.ErrNotFound):
			http.Redirect(w, r, loginPath, http.StatusSeeOther)
		case err != nil:
			c.fail(w, r, err)
		case c.Admit != nil && c.Admit(r.Context()) != nil:
			c.fail(w, r, errBusy)
		default:
			next(w, r.WithContext(context.WithValue(r.Context(), sessionKey{}, true)))
		}
	}
}
