package crash_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"

	"github.com/opentrusthub/trusthub/api/client"
	"github.com/opentrusthub/trusthub/test/kit/programtest"
)

// The types of events, and the actors, as the table of events has them. A creation has no row.
const (
	created       = "created"
	updated       = "updated"
	assigned      = "assigned"
	unassigned    = "unassigned"
	objectUpdated = "object-updated"
	deleted       = "deleted"

	accountHolder = "account holder"
	reviewer      = "reviewer"
)

// maxAssigned is how many products a writer's end user is assigned to at the same time.
const maxAssigned = 5

// writer changes its own products and its own end user, one write at a time. Every write has a number, which is in every field
// that it sets, so that a partial write is noticed.
type writer struct {
	name         string
	number       int
	user         string                  // SID of the end user
	userName     string                  // as last written
	products     map[string]productState // as last written, by SID, including those that were deleted
	live         []string                // SIDs of those that were not deleted
	acknowledged map[string]int          // writes, by kind
	open         *productWrite           // the write that got no response
}

func newWriter(name string) *writer {
	return &writer{name: name, products: map[string]productState{}, acknowledged: map[string]int{}}
}

// productWrite is a request.
type productWrite struct {
	kind, user, userName  string   // of the end user as it was before
	sids                  []string // of the products that it changes; none for a create
	assignment            string   // to remove
	name, email, callback string
}

// outcome is what only the server knows about a write.
type outcome struct {
	request         string
	sid, assignment string
	updated         int64
}

// outcomeIn returns the outcome of a write that got no response, from its product as the database has it.
func outcomeIn(stored productState) outcome {
	o := outcome{sid: stored.row.sid, assignment: stored.assignment, updated: stored.row.updated}
	if n := len(stored.history); n > 0 {
		o.request = stored.history[n-1].request
	}
	return o
}

// next returns the writer's next request: every third creates a product, half of the others update one.
func (w *writer) next() *productWrite {
	w.number++
	tag := fmt.Sprintf("%sn%d", w.name, w.number)
	write := &productWrite{
		kind: created, user: w.user, userName: w.userName, name: tag, email: tag + "@acme.example", callback: "https://acme.example/" + tag,
	}
	if len(w.live) == 0 || w.number%3 == 0 {
		return write
	}
	sid := w.live[rand.IntN(len(w.live))]
	holding := slices.DeleteFunc(slices.Clone(w.live), func(sid string) bool { return w.products[sid].assignment == "" })
	write.kind, write.sids = updated, []string{sid}
	switch rand.IntN(8) {
	case 0:
		write.kind = deleted
	case 1, 2:
		if len(holding) < maxAssigned && !slices.Contains(holding, sid) {
			write.kind = assigned
		}
	case 3:
		if len(holding) > 0 {
			write.kind, write.sids = unassigned, holding[:1]
			write.assignment = w.products[holding[0]].assignment
		}
	case 4:
		if len(holding) > 0 {
			write.kind, write.sids = objectUpdated, holding
		}
	}
	return write
}

// write sends requests until one gets no response, and calls acknowledged after each response. Only a killed server may not
// respond.
func (w *writer) write(t *testing.T, s *instance, acknowledged func()) {
	t.Helper()
	var request string // the id of the last one
	api := s.apiOver(t, func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			response, err := next.RoundTrip(r)
			if err == nil {
				request = response.Header.Get("Twilio-Request-Id")
			}
			return response, err
		})
	})
	for w.user == "" {
		user, err := api.CreateEndUser(t.Context(), client.CreateEndUserRequest{FriendlyName: w.name, Type: "cnam_information"})
		if err != nil {
			return // the server was killed; what was stored changed no product
		}
		w.user, w.userName = user.SID, user.FriendlyName
	}
	for {
		w.open = w.next()
		o, got, err := w.open.send(t.Context(), api)
		if refused, ok := errors.AsType[*client.Error](err); ok {
			t.Errorf("%+v: %v", *w.open, refused)
		}
		if err != nil {
			return
		}
		o.request = request
		if w.open.kind == created {
			w.open.sids = []string{o.sid}
		}
		for _, sid := range w.open.sids {
			after := w.open.apply(w.products[sid], o)
			if got != nil && after.row != *got {
				t.Errorf("the response to %+v is %+v, want %+v", *w.open, *got, after.row)
			}
			w.keep(sid, after)
		}
		w.acknowledged[w.open.kind]++
		w.open = nil
		acknowledged()
	}
}

// keep records a product as written.
func (w *writer) keep(sid string, product productState) {
	switch _, known := w.products[sid]; {
	case !known:
		w.live = append(w.live, sid)
	case product.row.sid == "":
		w.live = slices.DeleteFunc(w.live, func(of string) bool { return of == sid })
	}
	w.products[sid] = product
	if product.assignment != "" {
		w.userName = product.userName
	}
}

// send sends the request. It returns the product of the response if there is one.
func (c *productWrite) send(ctx context.Context, api *client.Client) (o outcome, got *productRow, err error) {
	var product *client.TrustProduct
	switch c.kind {
	case created:
		product, err = api.CreateTrustProduct(ctx, client.CreateTrustProductRequest{
			FriendlyName: c.name, Email: c.email, PolicySID: policySID, StatusCallback: &c.callback,
		})
	case updated:
		product, err = api.UpdateTrustProduct(ctx, c.sids[0], client.UpdateTrustProductRequest{
			FriendlyName: &c.name, Email: &c.email, StatusCallback: &c.callback,
		})
	case assigned:
		assignment, err := api.CreateTrustProductEntityAssignment(ctx, c.sids[0],
			client.CreateTrustProductEntityAssignmentRequest{ObjectSID: c.user})
		if err != nil {
			return o, nil, err
		}
		return outcome{assignment: assignment.SID}, nil, nil
	case unassigned:
		err = api.DeleteTrustProductEntityAssignment(ctx, c.sids[0], c.assignment)
	case objectUpdated:
		_, err = api.UpdateEndUser(ctx, c.user, client.UpdateEndUserRequest{FriendlyName: &c.name})
	case deleted:
		err = api.DeleteTrustProduct(ctx, c.sids[0])
	}
	if err != nil || product == nil {
		return o, nil, err
	}
	row := &productRow{
		sid: product.SID, account: product.AccountSID, policy: product.PolicySID, name: product.FriendlyName,
		email: product.Email, status: string(product.Status),
		created: product.DateCreated.Unix(), updated: product.DateUpdated.Unix(),
	}
	if product.StatusCallback != nil {
		row.callback = *product.StatusCallback
	}
	return outcome{sid: row.sid, updated: row.updated}, row, nil
}

// apply returns what the write makes of one of its products.
func (c *productWrite) apply(before productState, o outcome) productState {
	after := before
	event := eventRow{number: len(before.history) + 2, kind: c.kind, actor: accountHolder, request: o.request}
	switch c.kind {
	case created:
		after.row = productRow{
			sid: o.sid, account: programtest.AccountSID, policy: policySID, name: c.name, email: c.email, callback: c.callback,
			status: string(client.BundleStatusDraft), created: o.updated, updated: o.updated,
		}
		return after
	case updated:
		after.row.name, after.row.email, after.row.callback = c.name, c.email, c.callback
		after.row.updated = max(before.row.updated, o.updated)
		event.fields = "friendly_name,email,status_callback"
	case assigned:
		after.assignment, after.userName, event.object = o.assignment, c.userName, c.user
	case unassigned:
		after.assignment, after.userName, event.object = "", "", c.user
	case objectUpdated:
		after.userName, event.object = c.name, c.user
	case deleted:
		after.row, after.assignment, after.userName = productRow{}, "", ""
	}
	after.history = append(slices.Clip(before.history), event)
	return after
}
