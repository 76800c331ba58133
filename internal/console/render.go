package console

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

//go:embed templates
var templateFiles embed.FS

// templates are those of one page: the layout and the components that all pages share, and the block "main" of the page.
type templates = template.Template

// loadTemplates parses the templates of all pages. They take 2 MB of memory, so it is called by the first page.
func (c *Console) loadTemplates() (map[string]*templates, error) {
	shared, err := template.New("").Funcs(c.functions()).ParseFS(templateFiles, "templates/shared/*.html")
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	names, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, err
	}
	all := map[string]*templates{}
	for _, name := range names {
		own, err := shared.Clone()
		if err == nil {
			own, err = own.ParseFS(templateFiles, name)
		}
		if err != nil {
			return nil, fmt.Errorf("console: %w", err)
		}
		all[path.Base(name)] = own
	}
	for _, p := range c.pages {
		if all[p.template] == nil {
			return nil, fmt.Errorf("console: there is no template %q", p.template)
		}
	}
	return all, nil
}

// functions are what templates can call, besides those of html/template.
func (c *Console) functions() template.FuncMap {
	return template.FuncMap{
		"asset":    func(name string) (string, error) { return assetURL(c.assets, name) },
		"time":     newMoment,
		"duration": duration,
		"status":   statusOf,
		"number":   number,
		"dict":     dict,
	}
}

// document is what the layout shows.
type document struct {
	Title    string
	Nav      []navLink
	LoggedIn bool
	TestMode bool
	Docs     string // the URL of the API reference; empty if it is elsewhere
	Follows  string // the URL of the stream of marks; empty if the page does not change by itself
	Mark     string
	Note     string
	Data     any
}

// navLink is an entry of the navigation.
type navLink struct {
	Path, Name string
	Current    bool
}

// render writes a page. It is complete before its first byte is sent, so that an error becomes an error page.
func (c *Console) render(w http.ResponseWriter, r *http.Request, status int, p page, v view) {
	doc := document{
		Title: v.title, LoggedIn: hasSession(r), TestMode: c.Control != nil, Note: p.note(r), Data: v.data, Mark: v.mark,
	}
	if p.follows != followsNothing {
		doc.Follows = eventsPath + "?of=" + string(p.follows)
	}
	if doc.LoggedIn {
		doc.Nav = c.navigation(p)
	}
	if c.API == nil {
		doc.Docs = "/docs"
	}
	var body bytes.Buffer
	all, err := c.templates()
	if err == nil {
		err = all[p.template].ExecuteTemplate(&body, "layout", doc)
	}
	if err != nil {
		c.Logger.Error("a page of the console failed", "page", r.Pattern, "cause", err.Error())
		http.Error(w, errInternal.title, errInternal.status)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // if it fails, the browser has gone away
}

// navigation returns the links to the pages. The current one is p, or the list whose detail page p is.
func (c *Console) navigation(p page) (links []navLink) {
	section, _, _ := strings.Cut(p.path, "/")
	for _, to := range c.pages {
		if to.nav != "" {
			links = append(links, navLink{Path + to.path, to.nav, section != "" && section == to.path})
		}
	}
	return links
}

// moment is a time as the template "time" shows it: in UTC, which a script replaces by local time.
type moment struct{ Machine, UTC string }

func newMoment(t time.Time) moment {
	if t.IsZero() {
		return moment{}
	}
	t = t.UTC()
	return moment{t.Format(time.RFC3339Nano), t.Format("2006-01-02 15:04:05")}
}

// duration returns how long something took, in milliseconds, or in seconds from one on.
func duration(d time.Duration) string {
	if d >= time.Second {
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	}
	return strconv.FormatFloat(float64(d.Microseconds())/1000, 'f', 1, 64) + " ms"
}

// number returns a number with its thousands apart.
func number(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "\u202f" + digits[i:]
	}
	return digits
}

// dict returns the arguments of a component: a name, its value, and so on.
func dict(pairs ...any) (map[string]any, error) {
	all := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("argument %d of dict is not a name", i)
		}
		all[name] = pairs[i+1]
	}
	return all, nil
}
