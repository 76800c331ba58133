package console

import (
	"cmp"
	"context"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opentrusthub/trusthub/internal/requestlog"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// timeline is a part of what happened to a bundle, newest first: its history, requests about it, and deliveries.
type timeline struct {
	Entries  []timelineEntry
	Pager    pager
	Requests bool // whether the server keeps requests
}

// timelineEntry is an entry of a timeline. One of Event, Request and Delivery is set.
type timelineEntry struct {
	ID        string // of its element
	At        time.Time
	Who       string
	RequestID string // empty if unknown

	Event    *timelineEvent
	Request  *requestlog.Entry
	Delivery *timelineDelivery
}

// timelineEvent is an event with what the catalog and the evaluations know of it.
type timelineEvent struct {
	trust.Event

	Reasons    []trust.RejectionReason
	Evaluation trust.Compliance // of an event that reports one that is still stored, otherwise empty
}

// timelineDelivery is a delivery with its last attempts.
type timelineDelivery struct {
	store.Delivery

	Earlier   int  // attempts that are not shown
	CanReplay bool // not while it waits or is being sent, nor after its bundle was deleted
	CanDrop   bool
}

// shownAttempts bounds how many attempts of a delivery a timeline has.
const shownAttempts = 8

// timelinePlace says where a part of a timeline begins: behind an entry of each kind. The zero place is the start.
type timelinePlace struct {
	event    int64  // its number
	delivery string // its id
	request  int64  // its sequence
}

var timelinePlacePattern = regexp.MustCompile(`^([0-9]{1,18})\.(ND[0-9a-f]{32})?\.([0-9]{1,18})$`)

// parseTimelinePlace reads what String returns. The start has an empty text.
func parseTimelinePlace(text string) (timelinePlace, error) {
	if text == "" {
		return timelinePlace{}, nil
	}
	parts := timelinePlacePattern.FindStringSubmatch(text)
	if parts == nil {
		return timelinePlace{}, invalid("The parameter after does not come from this timeline.")
	}
	event, _ := strconv.ParseInt(parts[1], 10, 64) // 18 digits fit
	request, _ := strconv.ParseInt(parts[3], 10, 64)
	return timelinePlace{event, parts[2], request}, nil
}

func (p timelinePlace) String() string {
	return strconv.FormatInt(p.event, 10) + "." + p.delivery + "." + strconv.FormatInt(p.request, 10)
}

// behind returns the place behind an entry, which is the next of its kind.
func (p timelinePlace) behind(e timelineEntry) timelinePlace {
	switch {
	case e.Event != nil:
		p.event = e.Event.Number
	case e.Delivery != nil:
		p.delivery = e.Delivery.Notice.ID
	case e.Request != nil:
		p.request = e.Request.Sequence
	}
	return p
}

// readTimeline returns the part of a bundle's timeline that a request asks for.
func (c *Console) readTimeline(r *http.Request, b trust.Bundle, deleted bool) (timeline, error) {
	place, err := parseTimelinePlace(r.URL.Query().Get("after"))
	if err != nil {
		return timeline{}, err
	}
	events, err := c.timelineEvents(r.Context(), b.SID, place.event)
	if err != nil {
		return timeline{}, err
	}
	deliveries, err := c.timelineDeliveries(r.Context(), b.SID, place.delivery, deleted)
	if err != nil {
		return timeline{}, err
	}
	entries, more := mergeByTime(rowsPerPage, c.timelineRequests(b, place.request), deliveries, events)
	next := ""
	if more {
		for _, e := range entries {
			place = place.behind(e)
		}
		next = place.String()
	}
	return timeline{Entries: entries, Pager: newPager(r, next, ""), Requests: c.Requests.Log != nil}, nil
}

// mergeByTime merges lists, each of which is newest first, and reports whether there are more than limit entries. Of entries of
// one time, those of an earlier list come first.
func mergeByTime(limit int, lists ...[]timelineEntry) (merged []timelineEntry, more bool) {
	for {
		lists = slices.DeleteFunc(lists, func(list []timelineEntry) bool { return len(list) == 0 })
		if len(lists) == 0 || len(merged) == limit {
			return merged, len(lists) > 0
		}
		newest := 0
		for i, list := range lists {
			if list[0].At.After(lists[newest][0].At) {
				newest = i
			}
		}
		merged = append(merged, lists[newest][0])
		lists[newest] = lists[newest][1:]
	}
}

// timelineEvents returns the events before a number, 0 for the newest, and one more than a page has.
func (c *Console) timelineEvents(ctx context.Context, sid string, before int64) (entries []timelineEntry, err error) {
	events, err := c.Store.History(ctx, sid, store.HistoryPage{Newest: true, After: before, Limit: rowsPerPage + 1})
	if err != nil {
		return nil, err
	}
	var evaluated map[string]trust.Compliance
	if slices.ContainsFunc(events, func(e trust.Event) bool { return e.Type == trust.EventEvaluated }) {
		if evaluated, err = c.evaluationsOf(ctx, sid); err != nil {
			return nil, err
		}
	}
	for _, e := range events {
		entries = append(entries, timelineEntry{
			ID: "event-" + strconv.FormatInt(e.Number, 10), At: e.At, Who: string(e.By), RequestID: e.RequestID,
			Event: &timelineEvent{Event: e, Reasons: reasonsOf(e.Errors), Evaluation: evaluated[e.ObjectSID]},
		})
	}
	return entries, nil
}

// evaluationsOf returns the outcomes of a bundle's evaluations that are stored, by their SIDs.
func (c *Console) evaluationsOf(ctx context.Context, sid string) (map[string]trust.Compliance, error) {
	part, err := c.Store.Evaluations.List(ctx, store.Query{
		Of: store.Scope{sid}, Range: store.Range{Limit: store.KeptEvaluations, Bytes: maxListBytes},
	})
	outcomes := map[string]trust.Compliance{}
	for _, e := range part.Rows {
		outcomes[e.SID] = e.Status
	}
	return outcomes, err
}

// reasonsOf returns the meanings of rejection codes.
func reasonsOf(codes []int) (reasons []trust.RejectionReason) {
	for _, code := range codes {
		reasons = append(reasons, trust.Rejection(code))
	}
	return reasons
}

// timelineDeliveries returns the deliveries before an id, empty for the newest, and one more than a page has.
func (c *Console) timelineDeliveries(
	ctx context.Context, sid, before string, deleted bool,
) (entries []timelineEntry, err error) {
	all, err := c.Store.Deliveries(ctx, store.DeliveryFilter{BundleSID: sid, Before: before, Limit: rowsPerPage + 1})
	for _, d := range all {
		shown := &timelineDelivery{
			Delivery: d, Earlier: max(0, len(d.Attempts)-shownAttempts),
			CanReplay: !deleted && d.State != store.Sending && d.State != store.Waiting,
			CanDrop:   d.State == store.Waiting || d.State == store.Ready || d.State == store.Sending,
		}
		shown.Attempts = slices.Clone(d.Attempts[shown.Earlier:])
		slices.Reverse(shown.Attempts) // newest first, as everything here
		entries = append(entries, timelineEntry{ID: d.Notice.ID, At: d.Notice.Created, Delivery: shown})
	}
	return entries, err
}

// timelineRequests returns the requests about a bundle before a sequence, 0 for the newest, and one more than a page has.
func (c *Console) timelineRequests(b trust.Bundle, before int64) (entries []timelineEntry) {
	if c.Requests.Log == nil {
		return nil
	}
	for _, e := range requestsAbout(c.Requests.Log, b, before, rowsPerPage+1) {
		entries = append(entries, timelineEntry{
			ID: "request-" + strconv.FormatInt(e.Sequence, 10), At: e.Time, Who: caller(e, b), RequestID: e.RequestID,
			Request: e,
		})
	}
	return entries
}

// requestsAbout returns the requests that name a bundle: those of its account, and those of anybody that were refused. It does
// not look at others, because the log can have 100,000 requests, whose paths take long to read.
func requestsAbout(log *requestlog.Log, b trust.Bundle, before int64, limit int) []*requestlog.Entry {
	own := log.List(requestlog.Filter{BundleSID: b.SID, AccountSID: b.AccountSID}, before, limit)
	refused := log.List(requestlog.Filter{BundleSID: b.SID, StatusClass: 4}, before, limit)
	all := slices.SortedFunc(slices.Values(slices.Concat(own, refused)), func(a, b *requestlog.Entry) int {
		return cmp.Compare(b.Sequence, a.Sequence)
	})
	all = slices.Compact(all)
	return all[:min(len(all), limit)]
}

// caller returns who sent a request about a bundle.
func caller(e *requestlog.Entry, b trust.Bundle) string {
	switch {
	case e.AccountSID == b.AccountSID:
		return string(trust.AccountHolder)
	case e.AccountSID != "":
		return "account " + e.AccountSID
	case e.ClaimedAccountSID != "" || e.ClaimedAPIKeySID != "":
		return "without valid credentials, as " + cmp.Or(e.ClaimedAccountSID, e.ClaimedAPIKeySID)
	}
	return "without valid credentials"
}

// IsBundle reports whether the object of an event is a bundle, which has a page.
func (e timelineEvent) IsBundle() bool { return bundleSID.MatchString(e.ObjectSID) }

// FieldList returns the names of the fields that changed.
func (e timelineEvent) FieldList() string { return strings.Join(e.Fields, ", ") }

// Title returns the event in words. Its statuses, codes and objects are shown beside it.
func (e timelineEvent) Title() string {
	switch e.Type {
	case trust.EventCreated:
		return "Created"
	case trust.EventSeeded:
		return "Stored from a seed file"
	case trust.EventAssigned:
		return "Assigned"
	case trust.EventUnassigned:
		return "Assignment removed"
	case trust.EventObjectUpdated:
		return "Assigned object changed"
	case trust.EventEndpointAssigned:
		return "Phone number assigned"
	case trust.EventEndpointUnassigned:
		return "Phone number removed"
	case trust.EventEvaluated:
		return "Evaluated"
	case trust.EventDeleted:
		return "Deleted"
	case trust.EventUpdated:
		if e.To != "" {
			return "Status changed"
		}
		return "Changed"
	}
	return string(e.Type)
}

// Title returns the channel in words.
func (d timelineDelivery) Title() string {
	if d.Notice.Channel == trust.Email {
		return "E-mail"
	}
	return "Callback"
}
