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
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/gen/server"
	"github.com/opentrusthub/trusthub/internal/callback"
	"github.com/opentrusthub/trusthub/internal/connections"
	"github.com/opentrusthub/trusthub/internal/guessing"
	"github.com/opentrusthub/trusthub/internal/hub"
	"github.com/opentrusthub/trusthub/internal/jobs"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

const (
	accountSID = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	authToken  = "0123456789abcdef0123456789abcdef" // of databases that live for a minute
	policySID  = "RN7a97559effdf62d00f4298208492a5ea"
	email      = "compliance@acme.example"
)

// local is a server in this process, wired as cmd/trusthub wires it, without a log.
type local struct {
	address string
	limiter *connections.Limiter // nil for what is no server of the API
	db      *store.Store
	stops   []func() error // the last one first
}

func (s *local) close() error {
	var errs []error
	for _, stop := range slices.Backward(s.stops) {
		errs = append(errs, stop())
	}
	return errors.Join(errs...)
}

// serveDatabase serves a database. storage may replace the hub by something around it.
func serveDatabase(
	ctx context.Context, name string, storage func(*hub.Hub) server.StrictServerInterface,
) (_ *local, err error) {
	s := &local{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.db, err = store.Open(ctx, name, store.Options{}); err != nil {
		return nil, err
	}
	s.stops = append(s.stops, s.db.Close)
	account := store.Account{SID: accountSID, AuthToken: authToken, Created: time.Now()}
	if err := s.db.PutAccount(ctx, account); err != nil {
		return nil, err
	}
	quotas := hub.Quotas{Products: 10_000_000, OpenNotices: 10_000_000} // more than the longest run makes
	h := hub.New(s.db, policy(), quotas, time.Now)
	log := slog.New(slog.DiscardHandler)
	s.limiter = connections.New(connections.Config{Max: 4096, MaxPerAddress: 1024, Now: time.Now, Logger: log})
	handler, err := api.New(storage(h), api.Config{
		Authenticate: s.limiter.Authenticate(guessing.New(s.db, h.Authenticate, time.Now, log).Authenticate),
		MapError:     hub.MapError, Health: h.Health,
	})
	if err != nil {
		return nil, err
	}
	return s, s.listen(ctx, handler)
}

// policy leaves the decision to people, so that a product that is submitted has one change to be told.
func policy() trust.Policy { return trust.Policy{ValidFor: time.Hour} }

func durable(h *hub.Hub) server.StrictServerInterface { return h }

// listen has the handler served on a free port, with the time-outs of cmd/trusthub: each costs a system call or two.
func (s *local) listen(ctx context.Context, handler http.Handler) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.address = listener.Addr().String()
	web := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 60 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelWarn),
	}
	if s.limiter != nil {
		listener = s.limiter.Limit(web, listener)
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = web.Serve(listener) }) // it ends with ErrServerClosed; any other end shows at the load generator
	s.stops = append(s.stops, func() error {
		err := web.Close()
		serving.Wait()
		return err
	})
	return nil
}

// work starts the worker that delivers callbacks, to loopback too.
func (s *local) work(ctx context.Context) {
	sender := callback.NewSender(callback.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Now: time.Now})
	worker := jobs.NewWorker(jobs.Config{
		Store: s.db, Policy: policy(), Retries: jobs.StandardRetries(), Call: sender.Send, Keep: time.Hour,
		Now: time.Now, Random: rand.Float64, Logger: slog.New(slog.DiscardHandler),
	})
	ctx, stop := context.WithCancel(ctx)
	var working sync.WaitGroup
	working.Go(func() { worker.Run(ctx) })
	s.stops = append(s.stops, func() error {
		stop()
		working.Wait()
		sender.Close()
		return nil
	})
}

// noStorage answers a create as the hub does, and stores nothing.
type noStorage struct{ *hub.Hub }

func withoutStorage(h *hub.Hub) server.StrictServerInterface { return noStorage{h} }

// CreateTrustProduct makes a product and forgets it.
func (noStorage) CreateTrustProduct(
	ctx context.Context, r server.CreateTrustProductRequestObject,
) (server.CreateTrustProductResponseObject, error) {
	now := time.Now()
	sid := trust.NewSID(trust.BundlePrefix, now)
	p := trust.NewBundle(trust.TrustProduct, sid, api.AccountSID(ctx), r.Body.PolicySID, r.Body.FriendlyName, r.Body.Email, "", now)
	url := api.BaseURL(ctx) + "/v1/TrustProducts/" + p.SID
	return server.CreateTrustProduct201JSONResponse{Body: gen.TrustProduct{
		SID: p.SID, AccountSID: p.AccountSID, PolicySID: p.PolicySID, FriendlyName: p.FriendlyName, Email: p.Email,
		Status: gen.TrustProductStatus(p.Status), DateCreated: p.Created.Truncate(time.Second),
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
	request := post("/v1/TrustProducts", "FriendlyName=Acme&Email="+email+"&PolicySid="+policySID)
	return load{
		address: address, connections: connections, status: http.StatusCreated,
		request: func(buffer []byte, _ int) []byte { return append(buffer, request...) },
	}
}

// updates is a load of edits, each of one of the products and with a new name, in an order that has no pattern.
func updates(address string, connections int, sids []string) load {
	salt := rand.IntN(1e6) //nolint:gosec // G404: names that were not there before
	return load{
		address: address, connections: connections, status: http.StatusOK,
		request: func(buffer []byte, number int) []byte {
			sid := sids[rand.IntN(len(sids))] //nolint:gosec // G404: nothing secret
			name := "FriendlyName=Acme+" + strconv.Itoa(salt) + "+" + strconv.Itoa(number)
			return append(buffer, post("/v1/TrustProducts/"+sid, name)...)
		},
	}
}

func post(path, form string) string {
	credentials := base64.StdEncoding.EncodeToString([]byte(accountSID + ":" + authToken))
	return "POST " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic " + credentials +
		"\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: " + strconv.Itoa(len(form)) + "\r\n\r\n" + form
}
