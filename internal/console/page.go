package console

import (
	"net/http"
	"strings"
)

// page is a page of the console: what a file of this package and its template describe.
type page struct {
	path     string // below Path, such as "bundles/{sid}"; empty for the start page
	nav      string // its name in the navigation; empty if it is not there
	template string // its file in the folder templates
	follows  follows

	// show returns what the page shows. Its errors become error pages, see fail.
	show func(r *http.Request) (view, error)
	// actions are the forms that the page sends by POST, by their name, which is the last part of their path. Each returns where
	// the browser goes then: usually done(...).
	actions map[string]func(r *http.Request) (location string, err error)
	// notes are what the page says after an action, by the code that it passed to done.
	notes map[string]string
}

// view is what a page shows.
type view struct {
	title string
	data  any    // of the page's template
	mark  string // of what the page follows; showPage sets it
}

// pattern returns the page's path for http.ServeMux.
func (p page) pattern() string {
	if p.path == "" {
		return Path + "{$}"
	}
	return Path + p.path
}

// actionPattern returns the path of an action for http.ServeMux.
func (p page) actionPattern(name string) string {
	return strings.TrimSuffix(Path+p.path, "/") + "/" + name
}

// showPage returns the handler of a page.
func (c *Console) showPage(p page) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		mark, err := c.marks.of(r.Context(), p.follows) // before the page reads what it shows
		if err != nil {
			c.fail(w, r, err)
			return
		}
		v, err := p.show(r)
		v.mark = mark
		if err != nil {
			c.fail(w, r, err)
			return
		}
		c.render(w, r, http.StatusOK, p, v)
	}
}

// perform returns the handler of an action. It redirects, so that reloading the next page does not repeat the action.
func (c *Console) perform(act func(*http.Request) (string, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		location, err := act(r)
		if err != nil {
			c.fail(w, r, err)
			return
		}
		http.Redirect(w, r, location, http.StatusSeeOther)
	}
}

// noteParameter is the query parameter with the code of a note.
const noteParameter = "done"

// done returns the location of a page that says the note with this code. path is below Path, and may have a query.
func done(path, code string) string {
	separator := "?"
	if strings.Contains(path, "?") {
		separator = "&"
	}
	return Path + path + separator + noteParameter + "=" + code
}

// note returns what the page says after an action, or an empty string. It is one of the page's own texts, because anybody can
// make a link with any query.
func (p page) note(r *http.Request) string { return p.notes[r.URL.Query().Get(noteParameter)] }
