package console

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
)

// pager is what the component "pager" shows below a list: links to its first page and to the next.
type pager struct {
	First, Next string // empty: no link
	Note        string
}

// newPager returns the links of a list. The query has its filter; after is the value of the parameter with which the next page
// begins, empty on the last page.
func newPager(r *http.Request, after, note string) pager {
	p := pager{Note: note}
	if r.URL.Query().Get("after") != "" {
		p.First = withAfter(r.URL, "")
	}
	if after != "" {
		p.Next = withAfter(r.URL, after)
	}
	return p
}

// withAfter returns the URL of another page of a list.
func withAfter(u *url.URL, after string) string {
	query := u.Query()
	query.Del(noteParameter)
	query.Del("after")
	if after != "" {
		query.Set("after", after)
	}
	if len(query) == 0 {
		return u.Path
	}
	return u.Path + "?" + query.Encode()
}

// placeOf reads where a page of a list by time and SID begins. The first page has an empty text.
func placeOf(text string, sids *regexp.Regexp) (store.Place, error) {
	if text == "" {
		return store.Place{}, nil
	}
	digits, sid, _ := strings.Cut(text, ".")
	micros, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || !sids.MatchString(sid) {
		return store.Place{}, invalid("The parameter after does not come from this list.")
	}
	return store.Place{Time: time.UnixMicro(micros), SID: sid}, nil
}

// placeText returns the text that placeOf reads.
func placeText(t time.Time, sid string) string {
	return strconv.FormatInt(t.UnixMicro(), 10) + "." + sid
}
