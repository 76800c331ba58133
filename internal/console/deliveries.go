package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/opentrusthub/trusthub/internal/operator"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// deliveriesPage lists callbacks and e-mails, those that could not be delivered unless the URL has another filter.
func (c *Console) deliveriesPage() page {
	return page{
		path: "deliveries", nav: "Deliveries", template: "deliveries.html", follows: followsDatabase, show: c.showDeliveries,
		notes: map[string]string{
			"queued":   "The delivery is queued again.",
			"dropped":  "The delivery is dropped.",
			"replayed": "The deliveries are queued again.",
		},
	}
}

// deliveryFields are the names of the fields of the filter.
func deliveryFields() []string { return []string{"state", "channel", "endpoint", "bundle"} }

type deliveriesData struct {
	States, Channels []option
	Endpoint, Bundle string
	Filtered         bool
	Dead             bool   // whether the list is of dead ones
	ReplayURL        string // of the form that replays all of them; empty if those of the filter cannot be replayed
	Deliveries       []deliveryRow
	Pager            pager
}

// deliveryRow is a delivery with what can be done about it.
type deliveryRow struct {
	store.Delivery

	Open   bool
	Last   trust.Attempt // zero without attempts
	InList bool          // whether it is a row of the list, not on a page of its own
	Filter string        // of the list
}

func newDeliveryRow(d store.Delivery) deliveryRow {
	row := deliveryRow{Delivery: d}
	row.Open = d.State == store.Waiting || d.State == store.Ready || d.State == store.Sending
	if len(d.Attempts) > 0 {
		row.Last = d.Attempts[len(d.Attempts)-1]
	}
	return row
}

// searchDeliveries returns the page of a list that the query asks for, and its filter, which filterOf reads.
func (c *Console) searchDeliveries(
	r *http.Request, filterOf func(url.Values) (store.DeliveryFilter, error),
) (filter store.DeliveryFilter, found store.FoundDeliveries, err error) {
	query := r.URL.Query()
	if filter, err = filterOf(query); err != nil {
		return filter, found, err
	}
	if filter.Before, err = deliveryAfter(query); err != nil {
		return filter, found, err
	}
	found, err = c.Store.SearchDeliveries(r.Context(), filter)
	return filter, found, err
}

func (c *Console) showDeliveries(r *http.Request) (view, error) {
	query := r.URL.Query()
	filter, found, err := c.searchDeliveries(r, deliveryFilter)
	if err != nil {
		return view{}, err
	}
	fields := fieldsOf(query, deliveryFields())
	data := deliveriesData{
		States: options(stateOf(query), stateOptions()), Channels: options(string(filter.Channel), channelOptions()),
		Endpoint: filter.Endpoint, Bundle: filter.BundleSID, Filtered: len(fields) > 0,
		Dead: filter.State == store.Dead, Pager: newPager(r, found.Next, searchNote(found)),
	}
	if replayable(filter) && len(found.Deliveries) > 0 {
		data.ReplayURL = Path + "deliveries/replay?" + fields.Encode()
	}
	for _, d := range found.Deliveries {
		row := newDeliveryRow(d)
		row.InList, row.Filter = true, fields.Encode()
		data.Deliveries = append(data.Deliveries, row)
	}
	return view{title: "Deliveries", data: data}, nil
}

// searchNote says that a page with few rows is not the end of the list.
func searchNote(found store.FoundDeliveries) string {
	if found.Next != "" && len(found.Deliveries) < rowsPerPage {
		return "Older deliveries have not been searched yet."
	}
	return ""
}

// The states of the filter that are not those of one delivery.
const (
	stateQueued = "queued" // waiting, ready or sending
	stateAll    = "all"
)

// stateOf returns the state in a filter.
func stateOf(query url.Values) string {
	if state := query.Get("state"); state != "" {
		return state
	}
	return string(store.Dead)
}

// deliveryFilter reads the filter of the list from a query.
func deliveryFilter(query url.Values) (store.DeliveryFilter, error) {
	filter := store.DeliveryFilter{
		Channel: trust.Channel(query.Get("channel")), Endpoint: query.Get("endpoint"), BundleSID: query.Get("bundle"),
		Limit: rowsPerPage,
	}
	state := stateOf(query)
	switch {
	case state == stateQueued:
		filter.Open = true
	case state != stateAll:
		filter.State = store.State(state)
	}
	known := slices.ContainsFunc(stateOptions(), func(o option) bool { return o.Value == state })
	switch {
	case !known:
		return filter, invalid("The parameter state is not one of those in the list.")
	case filter.Channel != "" && !slices.Contains(trust.Channels(), filter.Channel):
		return filter, invalid("The parameter channel is not one of those in the list.")
	case !plainText(filter.Endpoint):
		return filter, invalid("The parameter endpoint must be the name of an endpoint, such as https://example.com:443.")
	case filter.BundleSID != "" && !bundleSID.MatchString(filter.BundleSID):
		return filter, invalid("The parameter bundle must be the SID of a bundle.")
	}
	return filter, nil
}

// deliveryAfter reads where a page of a list of deliveries begins.
func deliveryAfter(query url.Values) (string, error) {
	after := query.Get("after")
	if after != "" && !deliveryID.MatchString(after) {
		return "", invalid("The parameter after must be the id of a delivery.")
	}
	return after, nil
}

// plainText reports whether a text to look for is short, and one that all databases accept.
func plainText(text string) bool {
	return len(text) <= maxSearch && !strings.ContainsRune(text, 0) && strings.ToValidUTF8(text, "") == text
}

// fieldsOf returns those of the fields that a query has.
func fieldsOf(query url.Values, names []string) url.Values {
	fields := url.Values{}
	for _, name := range names {
		if value := query.Get(name); value != "" {
			fields.Set(name, value)
		}
	}
	return fields
}

func stateOptions() []option {
	return []option{
		{Value: string(store.Dead), Name: "dead"},
		{Value: stateQueued, Name: "queued"},
		{Value: string(store.Delivered), Name: "delivered"},
		{Value: string(store.Dropped), Name: "dropped"},
		{Value: string(store.NotSent), Name: "not sent"},
		{Value: stateAll, Name: "all"},
	}
}

func channelOptions() (all []option) {
	for _, channel := range trust.Channels() {
		all = append(all, option{Value: string(channel), Name: string(channel)})
	}
	return all
}

// replayable reports whether all deliveries of a filter can be replayed at once: those that nobody received.
func replayable(f store.DeliveryFilter) bool {
	return f.State == store.Dead || f.State == store.Dropped
}

// deliveryPage shows one delivery with all attempts. Its actions are also those of the rows of the list.
func (c *Console) deliveryPage() page {
	return page{
		path: "deliveries/{id}", template: "delivery.html", follows: followsDatabase, show: c.showDelivery,
		actions: map[string]func(*http.Request) (string, error){
			"replay": changeDelivery(c.Operator.Replay, "queued"), "drop": changeDelivery(c.Operator.Drop, "dropped"),
		},
		notes: c.deliveriesPage().notes,
	}
}

func (c *Console) showDelivery(r *http.Request) (view, error) {
	id := r.PathValue("id")
	if !deliveryID.MatchString(id) {
		return view{}, errNotFound
	}
	d, err := c.Store.Delivery(r.Context(), id)
	return view{title: "Delivery", data: newDeliveryRow(d)}, err
}

// changeDelivery returns an action. The browser then goes to the list with its filter if the form came from there.
func changeDelivery(
	change func(ctx context.Context, id string) (store.Delivery, error), note string,
) func(*http.Request) (string, error) {
	return func(r *http.Request) (location string, err error) {
		id := r.PathValue("id")
		if !deliveryID.MatchString(id) {
			return "", errNotFound
		}
		if _, err := change(r.Context(), id); err != nil {
			return "", err
		}
		if !r.PostForm.Has("filter") {
			return done("deliveries/"+id, note), nil
		}
		query, _ := url.ParseQuery(r.PostForm.Get("filter")) // the list validates the fields
		return deliveriesAt(fieldsOf(query, deliveryFields()), note), nil
	}
}

// deliveriesAt returns the location of the list with a filter and a note.
func deliveriesAt(fields url.Values, note string) string {
	if len(fields) == 0 {
		return done("deliveries", note)
	}
	return done("deliveries?"+fields.Encode(), note)
}

// replayPage asks before it replays all deliveries of a filter.
func (c *Console) replayPage() page {
	return page{
		path: "deliveries/replay", template: "replay.html", show: c.showReplay,
		actions: map[string]func(*http.Request) (string, error){"confirm": c.replayAll},
	}
}

type replayData struct {
	Count    int
	More     bool // whether more match than are replayed at once
	State    store.State
	Fields   []option // of the filter, to be sent again
	BackPath string
}

func (c *Console) showReplay(r *http.Request) (view, error) {
	filter, fields, err := replayFilter(r.URL.Query())
	if err != nil {
		return view{}, err
	}
	filter.Limit = operator.MaxReplayed + 1
	count, err := c.Store.CountReplayable(r.Context(), filter)
	if err != nil {
		return view{}, err
	}
	data := replayData{
		Count: min(count, operator.MaxReplayed), More: count > operator.MaxReplayed, State: filter.State,
		BackPath: Path + "deliveries?" + fields.Encode(),
	}
	for _, name := range deliveryFields() {
		if value := fields.Get(name); value != "" {
			data.Fields = append(data.Fields, option{Name: name, Value: value})
		}
	}
	return view{title: "Replay deliveries", data: data}, nil
}

func (c *Console) replayAll(r *http.Request) (location string, err error) {
	filter, fields, err := replayFilter(r.PostForm)
	if err != nil {
		return "", err
	}
	_, err = c.Operator.ReplayAll(r.Context(), filter)
	return deliveriesAt(fields, "replayed"), err
}

// replayFilter is deliveryFilter for filters whose deliveries can be replayed at once.
func replayFilter(query url.Values) (store.DeliveryFilter, url.Values, error) {
	filter, err := deliveryFilter(query)
	if err == nil && !replayable(filter) {
		err = invalid("The parameter state must be dead or dropped: only such deliveries can be replayed at once.")
	}
	return filter, fieldsOf(query, deliveryFields()), err
}
