package operator

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/opentrusthub/trusthub/api"
	gen "github.com/opentrusthub/trusthub/gen/operator"
	"github.com/opentrusthub/trusthub/internal/store"
)

const usualPageSize = 50

// page is a request for a page of a list. Lists are read forward, and a page token says after which row a page begins. It is not
// signed as those of customers are, because an operator may see all rows.
type page struct {
	url   *url.URL
	size  int
	token string // empty for the first page
}

// newPage reads the request for a page from that of the generated client. Its path and parameters have their names from the
// contract, which has validated them.
func newPage(r *http.Request, err error) (page, error) {
	if err != nil {
		return page{}, err
	}
	query := r.URL.Query()
	p := page{url: r.URL, size: usualPageSize, token: query.Get("page_token")}
	if size, err := strconv.Atoi(query.Get("page_size")); err == nil {
		p.size = size
	}
	return p, nil
}

var errToken = api.NewError(api.CodeInvalidParameter,
	"Invalid parameter page_token: must come from a page of the same list", nil)

// place returns the place in a list by time and SID that the page begins after.
func (p page) place() (store.Place, error) {
	if p.token == "" {
		return store.Place{}, nil
	}
	digits, sid, _ := strings.Cut(p.token, ".")
	micros, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || !isID(sid) {
		return store.Place{}, errToken
	}
	return store.Place{Time: time.UnixMicro(micros), SID: sid}, nil
}

// placeToken returns the token of the page after a place.
func placeToken(t time.Time, sid string) string {
	var micros int64
	if !t.IsZero() {
		micros = t.UnixMicro()
	}
	return strconv.FormatInt(micros, 10) + "." + sid
}

// id returns the id in a list by id that the page begins after.
func (p page) id() (string, error) {
	if p.token != "" && !isID(p.token) {
		return "", errToken
	}
	return p.token, nil
}

// sequence returns the number in a list by number that the page begins after, 0 for the first page.
func (p page) sequence() (int64, error) {
	if p.token == "" {
		return 0, nil
	}
	number, err := strconv.ParseInt(p.token, 10, 64)
	if err != nil || number < 1 {
		return 0, errToken
	}
	return number, nil
}

// isID reports whether text has only the characters of ids, which all databases compare alike.
func isID(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}

// present returns the rows of a page as they are shown, and its meta property. Another page follows if there is one row more than
// the page has. key is the name of the property with the rows.
func present[Row, Shown any](
	p page, key string, rows []Row, show func(Row) Shown, tokenAfter func(Row) string,
) ([]Shown, gen.PageMeta) {
	meta := gen.PageMeta{Key: key, PageSize: p.size, URL: p.link(p.token), FirstPageURL: p.link("")}
	if len(rows) > p.size {
		rows = rows[:p.size]
		next := p.link(tokenAfter(rows[p.size-1]))
		meta.NextPageURL = &next
	}
	shown := make([]Shown, len(rows))
	for i, row := range rows {
		shown[i] = show(row)
	}
	return shown, meta
}

// link returns the URL of a page of the list.
func (p page) link(token string) string {
	query := p.url.Query()
	query.Set("page_size", strconv.Itoa(p.size))
	query.Del("page_token")
	if token != "" {
		query.Set("page_token", token)
	}
	u := *p.url
	u.RawQuery = query.Encode()
	return u.String()
}
