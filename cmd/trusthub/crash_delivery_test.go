package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/api/client"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

const (
	crashReceptions = 200             // at most so many notices are received before the kill
	crashInFlight   = 64              // notices that internal/jobs has on their way to one endpoint at a time
	crashWait       = 2 * time.Minute // for the last server, which has to wait for leases of 30 s
)

// TestCrashDeliveries kills the server with SIGKILL in the middle of changes and deliveries, again and again on one
// database, and then has one server finish. Every committed change must have been told over both channels, in order; twice
// only what was on its way at a kill. TRUSTHUB_CRASH_ROUNDS sets how often.
//
// It takes half a minute at least, for which the leases of the last server that was killed go on.
func TestCrashDeliveries(t *testing.T) {
	t.Parallel()
	rounds, _ := crashRounds(t, 3)
	run := newCrashRun(t)
	for range rounds {
		run.submitUntilKilled(t)
		if t.Failed() {
			t.FailNow()
		}
	}
	missing := run.undelivered(t)
	t.Logf("after %d kills %d notices are to be delivered", rounds, len(missing))
	server := run.start(t)
	run.customer.await(t, missing)
	run.stop(t, server)
	tally := run.verify(t)
	t.Logf("%d kills: %+v", rounds, tally)
	if tally.RepeatedCallbacks+tally.RepeatedMails < rounds {
		t.Error("each kill met a notice on its way, which must have been repeated")
	}
}

// TestNoDuplicatesWithoutACrash wants every notice exactly once from a server that lives. TRUSTHUB_CRASH_ROUNDS, at any
// value, makes it 10,000 callbacks and as many e-mails.
func TestNoDuplicatesWithoutACrash(t *testing.T) {
	t.Parallel()
	products := 540 // of five, one stays on hold after two changes, and four have three: 2.8 a product
	if _, many := crashRounds(t, 0); many {
		products = 3600
	}
	run := newCrashRun(t)
	server := run.start(t)
	api := server.api(t)
	var writing sync.WaitGroup
	for range crashWriters {
		writing.Go(func() {
			for run.number.Load() < int64(products) && run.submit(t, api) == nil {
			}
		})
	}
	writing.Wait()
	if len(run.submitted) < products {
		t.Fatalf("%d products were submitted, of %d", len(run.submitted), products)
	}
	run.customer.await(t, run.undelivered(t))
	run.stop(t, server)
	t.Logf("%+v", run.verify(t))
}

// crashRounds reads TRUSTHUB_CRASH_ROUNDS and tells whether it is set.
func crashRounds(t *testing.T, otherwise int) (rounds int, set bool) {
	t.Helper()
	s, set := os.LookupEnv("TRUSTHUB_CRASH_ROUNDS")
	if !set {
		return otherwise, false
	}
	rounds, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("TRUSTHUB_CRASH_ROUNDS: %v", err)
	}
	return rounds, true
}

// crashRun is the servers that live one after the other on one database, and the one customer of all of them.
type crashRun struct {
	binary, db string
	customer   *crashCustomer
	number     atomic.Int64 // of the last product

	mu        sync.Mutex
	submitted []string // SIDs of the products whose submission was acknowledged
}

func newCrashRun(t *testing.T) *crashRun {
	t.Helper()
	run := &crashRun{
		binary: filepath.Join(t.TempDir(), "trusthub"), db: filepath.Join(t.TempDir(), "crash.db"), customer: newCrashCustomer(t),
	}
	// Without the race detector, as in TestCrash.
	build := exec.CommandContext(t.Context(), "go", "build", "-race=false", "-o", run.binary, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return run
}

// start is startCrashServer for a server that delivers to the customer, over both channels.
func (run *crashRun) start(t *testing.T) *crashServer {
	t.Helper()
	s := &crashServer{log: new(bytes.Buffer), cmd: exec.CommandContext(t.Context(), run.binary,
		"serve", "--listen", "127.0.0.1:0", "--db", run.db, "--review", "auto", "--review-delay", "20ms",
		"--smtp", "smtp://"+run.customer.mails.Addr().String(), "--mail-from", "hub@trusthub.example")}
	s.cmd.Env = []string{"TWILIO_ACCOUNT_SID=" + crashAccount, "TWILIO_AUTH_TOKEN=" + crashToken}
	s.cmd.Stderr = s.log
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.kill() }) // where the test has not
	line, err := bufio.NewReader(stdout).ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "Listening on ")
	if !ok {
		_ = s.kill() // its log is complete only when it is gone
		t.Fatalf("the server does not listen: %q, %v\n%s", line, err, s.log)
	}
	s.url = url
	return s
}

func (s *crashServer) api(t *testing.T) *client.Client {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: crashWriters}
	t.Cleanup(transport.CloseIdleConnections)
	api, err := client.New(client.WithBaseURL(s.url), client.WithCredentials(crashAccount, crashToken),
		client.WithHTTPClient(&http.Client{Transport: transport, Timeout: 30 * time.Second}))
	if err != nil {
		t.Fatal(err)
	}
	return api
}

// stop ends the server with SIGTERM, upon which it records what it has delivered.
func (run *crashRun) stop(t *testing.T, server *crashServer) {
	t.Helper()
	if err := server.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := server.cmd.Wait(); err != nil {
		t.Errorf("the server did not stop cleanly: %v\n%s", err, server.log)
	}
	run.customer.outlive(t)
}

// submitUntilKilled lets a server live in which products are created and submitted, until the customer kills it.
func (run *crashRun) submitUntilKilled(t *testing.T) {
	t.Helper()
	server := run.start(t)
	run.customer.killAfter(1+rand.IntN(crashReceptions), server.cmd.Process.Kill)
	api := server.api(t)
	var writing sync.WaitGroup
	for range crashWriters {
		writing.Go(func() {
			for run.submit(t, api) == nil {
			}
		})
	}
	writing.Wait()
	if err := server.kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Error(err)
	}
	run.customer.outlive(t)
	if t.Failed() {
		t.Logf("the server's log:\n%s", server.log)
	}
}

// submit creates a product and submits it. Only a killed server may leave it without an answer.
func (run *crashRun) submit(t *testing.T, api *client.Client) error {
	t.Helper()
	number := run.number.Add(1)
	tag := [...]string{"", "+reject-18601", "", "+hold", ""}[number%5]
	product, err := api.CreateTrustProduct(t.Context(), client.CreateTrustProductRequest{
		FriendlyName: "Acme", Email: fmt.Sprintf("n%d%s@acme.example", number, tag), PolicySID: crashPolicy,
		StatusCallback: new(run.customer.url + "/status?number=" + strconv.FormatInt(number, 10)),
	})
	if err == nil {
		product, err = api.UpdateTrustProduct(t.Context(), product.SID,
			client.UpdateTrustProductRequest{Status: new(client.StatusPendingReview)})
	}
	if refused, ok := errors.AsType[*client.Error](err); ok {
		t.Errorf("product %d: %v", number, refused)
	}
	if err != nil {
		return err
	}
	run.mu.Lock()
	defer run.mu.Unlock()
	run.submitted = append(run.submitted, product.SID)
	return nil
}

// crashTold is what a notice tells: one change of a product's status, over one channel.
type crashTold struct {
	channel trust.Channel
	sid     string
	status  trust.Status
}

// changes are those that a product goes through, unless it is a draft.
func (row crashRow) changes() []trust.Status {
	switch {
	case row.status == string(trust.Draft):
		return nil
	case strings.Contains(row.email, "+hold@"):
		return []trust.Status{trust.PendingReview, trust.InReview}
	case strings.Contains(row.email, "+reject-18601@"):
		return []trust.Status{trust.PendingReview, trust.InReview, trust.TwilioRejected}
	}
	return []trust.Status{trust.PendingReview, trust.InReview, trust.TwilioApproved}
}

// told is what a channel is to tell of the product.
func (row crashRow) told(channel trust.Channel) (all []crashTold) {
	for _, status := range row.changes() {
		all = append(all, crashTold{channel, row.sid, status})
	}
	return all
}

// deliveries returns all of them, the oldest first. It asks the program, which reads many times faster than a test that the
// race detector watches.
func (run *crashRun) deliveries(t *testing.T) []deliveryRow {
	t.Helper()
	var problem bytes.Buffer
	list := exec.CommandContext(t.Context(), run.binary, "deliveries", "--db", run.db, "--limit", strconv.Itoa(math.MaxInt32))
	list.Stderr = &problem
	out, err := list.Output()
	if err != nil {
		t.Fatalf("trusthub deliveries: %v\n%s", err, &problem)
	}
	var all []deliveryRow
	if err := json.Unmarshal(out, &all); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(all)
	return all
}

// undelivered returns what a server has to tell until there is nothing left to tell.
func (run *crashRun) undelivered(t *testing.T) (missing []crashTold) {
	t.Helper()
	recorded := map[crashTold]bool{}
	for _, d := range run.deliveries(t) {
		if d.State == store.Delivered {
			recorded[crashTold{d.Channel, d.ProductSID, d.Status}] = true
		}
	}
	for _, row := range readCrashRows(t, run.db) {
		for _, channel := range []trust.Channel{trust.Callback, trust.Email} {
			for _, told := range row.told(channel) {
				if !recorded[told] {
					missing = append(missing, told)
				}
			}
		}
	}
	return missing
}

// crashDelivered counts, to show that the kills met the deliveries.
type crashDelivered struct {
	Products, Changes                int
	Callbacks, Mails                 int // received
	RepeatedCallbacks, RepeatedMails int // of those, received again in a later life
	MostRepeated                     int // of one life and channel
}

// verify compares the database, in which nothing is left to do, with what the customer has received.
func (run *crashRun) verify(t *testing.T) crashDelivered {
	t.Helper()
	rows, c := readCrashRows(t, run.db), run.customer
	notices := map[trust.Channel]map[string][]deliveryRow{trust.Callback: {}, trust.Email: {}}
	for _, d := range run.deliveries(t) {
		of := notices[d.Channel]
		of[d.ProductSID] = append(of[d.ProductSID], d)
	}
	for _, sid := range run.submitted {
		if status := rows[sid].status; status == "" || status == string(trust.Draft) {
			t.Errorf("the submission of %s was acknowledged, its status is %q", sid, status)
		}
	}
	tally, told := crashDelivered{Products: len(rows)}, 0
	for sid, row := range rows {
		changes := row.changes()
		if len(changes) > 0 && row.status != string(changes[len(changes)-1]) {
			t.Errorf("%s with %s ended %s", sid, row.email, row.status)
		}
		tally.Changes += len(changes)
		for channel, of := range notices {
			want := row.told(channel)
			if told += len(want); len(of[sid]) != len(want) {
				t.Errorf("%s of %s: %d notices of %d changes", channel, sid, len(of[sid]), len(want))
				continue
			}
			if order := c.first[crashTold{channel: channel, sid: sid}]; !slices.Equal(order, want) {
				t.Errorf("received in the order %v, want %v", order, want)
			}
			for i, d := range of[sid] {
				verifyDelivery(t, d, want[i], c.received[want[i]])
			}
		}
		if t.Failed() {
			t.FailNow() // one product tells enough
		}
	}
	if len(c.received) != told {
		t.Errorf("%d changes were told, want %d", len(c.received), told)
	}
	tally.count(t, c.received)
	return tally
}

// verifyDelivery wants a notice to be recorded as delivered once, and to have been received at most once in a life, under
// its own id each time.
func verifyDelivery(t *testing.T, d deliveryRow, want crashTold, received []crashReception) {
	t.Helper()
	if d.Status != want.status || d.State != store.Delivered || len(d.Attempts) != 1 {
		t.Errorf("%+v is recorded as %+v", want, d)
	}
	if len(received) == 0 {
		t.Errorf("%+v was never received", want)
	}
	for i, r := range received {
		if r.token != d.ID {
			t.Errorf("%+v was received as %s, want %s", want, r.token, d.ID)
		}
		if i > 0 && received[i-1].life >= r.life {
			t.Errorf("%+v was received twice in life %d: %v", want, r.life, received)
		}
	}
}

// count wants no life to have left more behind than it can have had on its way.
func (tally *crashDelivered) count(t *testing.T, received map[crashTold][]crashReception) {
	t.Helper()
	type left struct {
		channel trust.Channel
		life    int
	}
	repeated := map[left]int{}
	for told, receptions := range received {
		all, again := &tally.Callbacks, &tally.RepeatedCallbacks
		if told.channel == trust.Email {
			all, again = &tally.Mails, &tally.RepeatedMails
		}
		*all += len(receptions)
		*again += len(receptions) - 1
		for _, r := range receptions[:len(receptions)-1] { // what was received once more was not recorded
			repeated[left{told.channel, r.life}]++
		}
	}
	for of, n := range repeated {
		tally.MostRepeated = max(tally.MostRepeated, n)
		if n > crashInFlight {
			t.Errorf("of life %d %d notices (%s) were repeated, more than are on their way at a time", of.life, n, of.channel)
		}
	}
}
