package console

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/opentrusthub/trusthub/internal/operator"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// messagesPage lists the e-mails, newest first.
func (c *Console) messagesPage() page {
	return page{path: "messages", nav: "Messages", template: "messages.html", follows: followsDatabase, show: c.showMessages}
}

type messagesData struct {
	States   []option
	To       string
	Filtered bool
	Messages []operator.Envelope
	Pager    pager
}

func (c *Console) showMessages(r *http.Request) (view, error) {
	query := r.URL.Query()
	filter, found, err := c.searchDeliveries(r, messageFilter)
	if err != nil {
		return view{}, err
	}
	data := messagesData{
		States: options(query.Get("state"), messageStates()), To: filter.Target,
		Filtered: query.Get("state")+filter.Target != "", Pager: newPager(r, found.Next, searchNote(found)),
	}
	for _, d := range found.Deliveries {
		data.Messages = append(data.Messages, c.Operator.Envelope(d))
	}
	return view{title: "Messages", data: data}, nil
}

// messageStates are the states of the filter. Without any, all messages match.
func messageStates() []option {
	return slices.DeleteFunc(stateOptions(), func(o option) bool { return o.Value == stateAll })
}

// messageFilter reads the filter of the list from a query.
func messageFilter(query url.Values) (store.DeliveryFilter, error) {
	state := query.Get("state")
	if state == "" {
		state = stateAll
	}
	filter, err := deliveryFilter(url.Values{"state": {state}, "channel": {string(trust.Email)}})
	filter.Target = query.Get("to")
	if err == nil && !plainText(filter.Target) {
		err = invalid("The parameter to must be an e-mail address.")
	}
	return filter, err
}

// messagePage shows one e-mail as text.
func (c *Console) messagePage() page {
	return page{path: "messages/{id}", template: "message.html", follows: followsDatabase, show: c.showMessage}
}

func (c *Console) showMessage(r *http.Request) (view, error) {
	id := r.PathValue("id")
	if !deliveryID.MatchString(id) {
		return view{}, errNotFound
	}
	m, err := c.Operator.Message(r.Context(), id)
	return view{title: "Message", data: m}, err
}
