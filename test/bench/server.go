package main

import (
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/api/client"
	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/gen/server"
	"github.com/opentrusthub/trusthub/internal/app"
	"github.com/opentrusthub/trusthub/internal/callback"
	"github.com/opentrusthub/trusthub/internal/hub"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

const (
	accountSID = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	authToken  = "0123456789abcdef0123456789abcdef" // of temporary databases
	policySID  = "RN7a97559effdf62d00f4298208492a5ea"
	email      = "compliance@acme.example"
	createForm = "FriendlyName=Acme&Email=" + email + "&PolicySid=" + policySID
)

// process runs functions in the background until it is stopped.
type process struct {
	address string // that it listens on
	stops   []context.CancelFunc
	running sync.WaitGroup
}

func (p *process) start(ctx context.Context, run func(context.Context)) {
	ctx, stop := context.WithCancel(ctx)
	p.stops = append(p.stops, stop)
	p.running.Go(func() { run(ctx) })
}

func (p *process) halt() {
	for _, stop := range p.stops {
		stop()
	}
	p.running.Wait()
}

// local is a server of the API in this process.
type local struct {
	*app.App
	process
}

func (s *local) close() error {
	s.halt()
	return s.Close()
}

// serveDatabase serves a database. storage may replace or wrap the hub.
func serveDatabase(
	ctx context.Context, name string, storage func(*hub.Hub) server.StrictServerInterface,
) (*local, error) {
	db, err := store.Open(ctx, name, store.Options{})
	if err != nil {
		return nil, err
	}
	s := &local{}
	if s.App, err = app.New(ctx, app.Config{
		Store: db, Now: time.Now, Listen: "127.0.0.1:0", Policy: policy(), Wrap: storage, Keep: time.Hour,
		RequestLog: 1000,                                                     // as serve
		Quotas:     app.Quotas{Objects: 10_000_000, OpenNotices: 10_000_000}, // more than the longest run creates
		Callbacks: func(net.Addr) callback.Config {
			return callback.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
		},
	}); err != nil {
		return nil, err
	}
	account := store.Account{SID: accountSID, AuthToken: authToken, Created: time.Now()}
	if err := db.PutAccount(ctx, account); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.address = s.Addr().String()
	s.start(ctx, func(ctx context.Context) { _ = s.Serve(ctx) }) // the load generator notices a failure
	return s, nil
}

// work starts the worker that delivers callbacks, including those to loopback.
func (s *local) work(ctx context.Context) { s.start(ctx, s.Work) }

// listen serves the handler on a free port, with the server's timeouts, each of which costs a system call or two.
func (p *process) listen(ctx context.Context, handler http.Handler) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	p.address = listener.Addr().String()
	p.start(ctx, func(ctx context.Context) { _ = app.ServeHandler(ctx, handler, listener, slog.New(slog.DiscardHandler)) })
	return nil
}

// policy leaves decisions to people, so that a submitted product has exactly one change to report.
func policy() trust.Policy { return trust.Policy{ValidFor: time.Hour} }

func durable(h *hub.Hub) server.StrictServerInterface { return h }

// noStorage responds to creates like the hub, but stores nothing.
type noStorage struct{ *hub.Hub }

func withoutStorage(h *hub.Hub) server.StrictServerInterface { return noStorage{h} }

// CreateTrustProduct returns a product without storing it.
func (noStorage) CreateTrustProduct(
	ctx context.Context, r server.CreateTrustProductRequestObject,
) (server.CreateTrustProductResponseObject, error) {
	now := time.Now()
	sid := trust.NewSID(trust.BundlePrefix, now)
	form := r.Body
	p := trust.NewBundle(trust.TrustProduct, sid, api.AccountSID(ctx), form.PolicySID, form.FriendlyName, form.Email, "", now)
	url := api.BaseURL(ctx) + "/v1/TrustProducts/" + p.SID
	return server.CreateTrustProduct201JSONResponse{Body: gen.TrustProduct{
		SID: p.SID, AccountSID: p.AccountSID, PolicySID: p.PolicySID, FriendlyName: p.FriendlyName, Email: p.Email,
		Status: gen.BundleStatus(p.Status), DateCreated: p.Created.Truncate(time.Second),
		DateUpdated: p.Updated.Truncate(time.Second), URL: url,
		Links: gen.TrustProductLinks{
			TrustProductsEntityAssignments:         url + "/EntityAssignments",
			TrustProductsEvaluations:               url + "/Evaluations",
			TrustProductsChannelEndpointAssignment: url + "/ChannelEndpointAssignments",
		},
	}}, nil
}

// creates is a load of creates.
func creates(address string, connections int) load {
	request := post("/v1/TrustProducts", createForm)
	return load{
		address: address, connections: connections, status: http.StatusCreated,
		request: func(buffer []byte, _ int) []byte { return append(buffer, request...) },
	}
}

// keyedCreates is creates with idempotency keys, each of its own, as our client sends them.
func keyedCreates(address string, connections int) load {
	all := creates(address, connections)
	all.request = func(buffer []byte, _ int) []byte {
		return append(buffer, post("/v1/TrustProducts", createForm, "Idempotency-Key: "+client.NewIdempotencyKey())...)
	}
	return all
}

// updates is a load of edits, each of which gives a random product a new name.
func updates(address string, connections int, sids []string) load {
	salt := rand.IntN(1e6) //nolint:gosec // G404: new names
	return load{
		address: address, connections: connections, status: http.StatusOK,
		request: func(buffer []byte, number int) []byte {
			name := "FriendlyName=Acme+" + strconv.Itoa(salt) + "+" + strconv.Itoa(number)
			return append(buffer, post("/v1/TrustProducts/"+oneOf(sids), name)...)
		},
	}
}

// fetches is a load of fetches of random products.
func fetches(address string, connections int, sids []string) load {
	return load{
		address: address, connections: connections, status: http.StatusOK,
		request: func(buffer []byte, _ int) []byte { return append(buffer, get("/v1/TrustProducts/"+oneOf(sids))...) },
	}
}

func oneOf(sids []string) string { return sids[rand.IntN(len(sids))] } //nolint:gosec // G404: nothing secret

// get returns a request.
func get(path string) string { return begin("GET", path) + "\r\n" }

// begin returns the first line of a request and the headers that all have.
func begin(method, path string) string {
	credentials := base64.StdEncoding.EncodeToString([]byte(accountSID + ":" + authToken))
	return method + " " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic " + credentials + "\r\n"
}

// post returns a request. headers are lines without their ends.
func post(path, form string, headers ...string) string {
	return withForm(begin("POST", path)+strings.Join(append(headers, ""), "\r\n"), form)
}

// withForm returns a request with a body.
func withForm(beginning, form string) string {
	return beginning + "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: " + strconv.Itoa(len(form)) +
		"\r\n\r\n" + form
}
