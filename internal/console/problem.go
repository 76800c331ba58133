package console

import (
	"context"
	"errors"
	"net/http"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/internal/operator"
	"github.com/opentrusthub/trusthub/internal/store"
)

// problem is an error with a page that explains it.
type problem struct {
	status int
	title  string
	text   string // what to do about it
}

func (p *problem) Error() string { return p.title }

var (
	errNotFound = &problem{
		http.StatusNotFound, "Not found",
		"There is no such page, or what it showed has been deleted.",
	}
	errForeignSite = &problem{
		http.StatusForbidden, "Refused",
		"The form was sent by another site. Open the console itself and try again.",
	}
	errForeignHost = &problem{
		http.StatusMisdirectedRequest, "Unknown host",
		"The console does not serve this host name. Open it by localhost or 127.0.0.1, or start the server with --public-url.",
	}
	errNoForm = &problem{
		http.StatusBadRequest, "Invalid form",
		"The form could not be read. Go back, reload the page and try again.",
	}
	errLargeForm = &problem{
		http.StatusRequestEntityTooLarge, "Form too large",
		"The form has more than the server accepts. Choose fewer items.",
	}
	errUnavailable = &problem{
		http.StatusServiceUnavailable, "The database is unavailable",
		"Wait a moment and reload the page. The server's log has the cause.",
	}
	errInternal = &problem{
		http.StatusInternalServerError, "Internal error",
		"The server's log has the cause.",
	}
	errTooManyKeys = &problem{
		http.StatusConflict, "Too many API keys",
		"The account has as many keys as it can. Remove one before you add another.",
	}
	errBusy = &problem{
		http.StatusTooManyRequests, "Too many requests",
		"Wait a moment and reload the page.",
	}
	errLink = &problem{
		http.StatusForbidden, "The link does not work",
		"It has been used, is too old, or is not complete. Run “trusthub console” for a new one.",
	}
)

// invalid returns a problem with what the browser sent. The text names the parameter, and never its value.
func invalid(text string) error {
	return &problem{http.StatusBadRequest, "Invalid request", text}
}

// problemOf returns the problem to show for an error.
func problemOf(err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	if status, ok := errors.AsType[*operator.StatusError](err); ok {
		return &problem{http.StatusConflict, "Not possible in this status", "The bundle " + status.Error() + "."}
	}
	if refused, ok := errors.AsType[*api.Error](err); ok && refused.Code == api.CodeInvalidState {
		return &problem{http.StatusConflict, "Not possible in this state", refused.Message + "."}
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		return errNotFound
	case errors.Is(err, store.ErrTooManyAPIKeys):
		return errTooManyKeys
	case errors.Is(err, store.ErrUnavailable):
		return errUnavailable
	}
	return errInternal
}

type problemData struct{ Title, Text string }

// fail shows an error page. It logs errors whose cause the page does not show.
func (c *Console) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return // the browser has gone away
	}
	p := problemOf(err)
	if p.status >= http.StatusInternalServerError {
		c.Logger.Error("a page of the console failed", "page", r.Pattern, "cause", err.Error())
	}
	c.render(w, r, p.status, page{template: "problem.html"}, view{title: p.title, data: problemData{p.title, p.text}})
}
