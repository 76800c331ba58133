package hub_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/internal/app"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// TestRandomContents sends random sequences of requests for a few bundles and objects, with the decisions of a reviewer and
// the end of approvals between them. It compares each response with what the model predicts, and at the end the history of each
// bundle with the changes that were made: each must be in it exactly once, as it was made. TRUSTHUB_CONTENTS_WALKS sets how many
// sequences there are for each engine. The number of a sequence is the seed of all that is random in it.
func TestRandomContents(t *testing.T) {
	t.Parallel()
	walks := 100
	if s, ok := os.LookupEnv("TRUSTHUB_CONTENTS_WALKS"); ok {
		var err error
		if walks, err = strconv.Atoi(s); err != nil {
			t.Fatalf("TRUSTHUB_CONTENTS_WALKS: %v", err)
		}
	}
	for engine, database := range storetest.Names() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			name := database(t)
			s := storetest.Open(t, name)
			if err := s.PutAccount(t.Context(), walkNeighbor); err != nil {
				t.Fatal(err)
			}
			walkAll(t, s, walks)
			storetest.UseSQL(t, name, func(db *sql.DB) { wantNoOrphans(t, db) })
		})
	}
}

// walkNeighbor is another account, whose Primary Customer Profile every sequence may assign.
var walkNeighbor = store.Account{SID: "ACffffffffffffffffffffffffffffffff", AuthToken: "secret", Created: start}

// walkAll runs sequences beside each other, each in an account of its own.
func walkAll(t *testing.T, db *store.Store, walks int) {
	t.Helper()
	handler := newHandler(t, app.Config{Store: db, Now: time.Now})
	var seed atomic.Uint64
	var walking sync.WaitGroup
	outcomes := make([]map[string]int, 4*runtime.GOMAXPROCS(0))
	for i := range outcomes {
		outcomes[i] = map[string]int{}
		walking.Go(func() {
			for n := seed.Add(1); n <= uint64(walks) && !t.Failed(); n = seed.Add(1) {
				newWalk(t, db, handler, n, outcomes[i]).run()
			}
		})
	}
	walking.Wait()
	if t.Failed() {
		return
	}
	all := map[string]int{}
	for _, some := range outcomes {
		for outcome, n := range some {
			all[outcome] += n
		}
	}
	for _, outcome := range slices.Sorted(maps.Keys(all)) {
		t.Logf("%6d %s", all[outcome], outcome)
	}
	for _, outcome := range interesting() {
		if all[outcome] == 0 {
			t.Errorf("%s never came: the walk shows less than it should", outcome)
		}
	}
}

// interesting are the outcomes that each run must have come to.
func interesting() []string {
	return []string{
		"assign 201", "assign 400", "assign 404", "assign 409", "unassign 204", "unassign 400", "update 200", "update 400",
		"delete object 204", "delete object 400", "endpoint 201", "endpoint 400", "endpoint 409", "take endpoint 204", "evaluate 201 compliant",
		"evaluate 201 noncompliant", "edit 200", "edit 400", "submit 200", "submit 400", "decide 200", "expire 200",
		"delete bundle 204", "delete bundle 400", "other kind 404",
	}
}

// wantNoOrphans looks for rows that refer to what is not there.
func wantNoOrphans(t *testing.T, db *sql.DB) {
	t.Helper()
	for name, query := range map[string]string{
		"assignments to no bundle": `SELECT COUNT(*) FROM assignments WHERE bundle_sid NOT IN (SELECT sid FROM bundles)`,
		"endpoints of no bundle":   `SELECT COUNT(*) FROM channel_endpoints WHERE bundle_sid NOT IN (SELECT sid FROM bundles)`,
		"evaluations of no bundle": `SELECT COUNT(*) FROM evaluations WHERE bundle_sid NOT IN (SELECT sid FROM bundles)`,
		"assignments of no object": `SELECT COUNT(*) FROM assignments WHERE object_sid NOT IN (SELECT sid FROM bundles
			UNION ALL SELECT sid FROM end_users UNION ALL SELECT sid FROM supporting_documents)`,
	} {
		var n int
		if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil || n > 0 {
			t.Errorf("%s: %d, %v", name, n, err)
		}
	}
}

// walk is one sequence.
type walk struct {
	t        *testing.T
	db       *store.Store
	handler  http.Handler
	account  store.Account
	rand     *rand.Rand
	outcomes map[string]int
	log      []string
	request  string // the id of the last
	model
}

func newWalk(t *testing.T, db *store.Store, handler http.Handler, seed uint64, outcomes map[string]int) *walk {
	t.Helper()
	w := &walk{
		t: t, db: db, handler: handler, rand: rand.New(rand.NewPCG(seed, 0)), outcomes: outcomes,
		account: store.Account{SID: fmt.Sprintf("AC%032x", seed), AuthToken: "secret", Created: start},
		log:     []string{fmt.Sprintf("sequence %d", seed)},
	}
	if err := db.PutAccount(t.Context(), w.account); err != nil {
		t.Fatal(err)
	}
	w.addBundle(trust.CustomerProfile, trust.PrimarySID(w.account.SID), trust.PrimaryPolicySID).status = trust.TwilioApproved
	return w
}

func (w *walk) run() {
	for range 3 {
		w.createBundle()
		w.createObject()
	}
	steps := []func(){
		w.assign, w.assign, w.assign, w.assign, w.assign, w.unassign, w.unassign, w.update, w.update, w.update, w.deleteObject,
		w.endpoint, w.endpoint, w.takeEndpoint, w.evaluate, w.evaluate, w.evaluate, w.edit, w.edit, w.submit, w.submit,
		w.decide, w.decide, w.expire, w.deleteBundle, w.createObject, w.otherKind,
	}
	for range 30 {
		steps[w.rand.IntN(len(steps))]()
		w.wantFrozen()
		if w.t.Failed() {
			return
		}
	}
	w.wantAll()
}

// one returns one of several, and the zero value of none.
func one[T any](w *walk, all []T) (chosen T) {
	if len(all) > 0 {
		chosen = all[w.rand.IntN(len(all))]
	}
	return chosen
}

// bundle returns a random bundle, seldom one that was deleted.
func (w *walk) bundle() *walkBundle {
	b := one(w, w.bundles)
	for tries := 0; b.gone && tries < 3; tries++ {
		b = one(w, w.bundles)
	}
	return b
}

// object returns a random object, seldom one that was deleted.
func (w *walk) object() *walkObject {
	o := one(w, w.objects)
	for tries := 0; o.gone && tries < 3; tries++ {
		o = one(w, w.objects)
	}
	return o
}

// answer is what the tests read of a response.
type answer struct {
	SID     string          `json:"sid"`
	Code    api.Code        `json:"code"`
	Message string          `json:"message"`
	Status  any             `json:"status"` // of an error, a number
	Results json.RawMessage `json:"results"`
	body    string
}

// send sends a request, and wants its response to have a status and a code, 0 for none.
func (w *walk) send(step, method, path, form string, status int, code api.Code) (a answer) {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), method, "http://hub.example/v1"+path, strings.NewReader(form))
	r.SetBasicAuth(w.account.SID, w.account.AuthToken)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response := httptest.NewRecorder()
	w.handler.ServeHTTP(response, r)
	w.log = append(w.log, fmt.Sprintf("%s: %s %s %s: %d", step, method, path, form, response.Code))
	w.outcomes[fmt.Sprint(step, " ", response.Code)]++
	a.body, w.request = response.Body.String(), response.Header().Get("Twilio-Request-Id")
	if response.Body.Len() > 0 {
		if err := json.Unmarshal(response.Body.Bytes(), &a); err != nil {
			w.fail("%v in %s", err, response.Body)
		}
	}
	if response.Code != status || a.Code != code {
		w.fail("got %d, code %d, want %d, code %d: %s", response.Code, a.Code, status, code, a.Message)
	}
	return a
}

// fail reports what is wrong, and all that led to it.
func (w *walk) fail(format string, args ...any) {
	w.t.Helper()
	w.t.Errorf("%s\n%s", fmt.Sprintf(format, args...), strings.Join(w.log, "\n"))
}

// wantFrozen compares what is assigned to the bundles that are frozen with what was when they were submitted.
func (w *walk) wantFrozen() {
	w.t.Helper()
	for _, b := range w.bundles {
		if b.gone || b.status.Editable() {
			continue
		}
		if now := w.contents(b); now != b.submitted {
			w.fail("%s is %s and has changed\nfrom %s\nto   %s", b.sid, b.status, b.submitted, now)
		}
	}
}

// contents are the SIDs and attributes of what is assigned to a bundle, as the store has them.
func (w *walk) contents(b *walkBundle) string {
	w.t.Helper()
	_, assigned, err := w.db.AssignedTo(w.t.Context(), store.BundlesOf(w.account.SID, b.kind), b.sid)
	if err != nil {
		w.fail("read %s: %v", b.sid, err)
	}
	var all []string
	for _, u := range assigned.EndUsers {
		all = append(all, u.SID+string(u.Attributes))
	}
	for _, d := range assigned.Documents {
		all = append(all, d.SID+string(d.Attributes))
	}
	for _, other := range assigned.Bundles { // whose status may change
		all = append(all, other.SID)
	}
	return strings.Join(all, " ")
}

// wantAll compares all that the account has with the model.
func (w *walk) wantAll() {
	w.t.Helper()
	for _, o := range w.objects {
		if o.gone {
			w.send("read", http.MethodGet, o.path+"/"+o.sid, "", http.StatusNotFound, api.CodeNotFound)
			continue
		}
		var got struct {
			Attributes json.RawMessage `json:"attributes"`
		}
		body := w.send("read", http.MethodGet, o.path+"/"+o.sid, "", http.StatusOK, 0).body
		if err := json.Unmarshal([]byte(body), &got); err != nil || string(got.Attributes) != o.attributes {
			w.fail("%s has the attributes %s, want %s, %v", o.sid, got.Attributes, o.attributes, err)
		}
	}
	for _, b := range w.bundles {
		w.wantHistory(b)
		if b.gone {
			w.send("read", http.MethodGet, b.path()+"/EntityAssignments", "", http.StatusNotFound, api.CodeNotFound)
			continue
		}
		w.wantList(b.path()+"/EntityAssignments", slices.Sorted(maps.Values(b.assigned)))
		w.wantList(b.path()+"/ChannelEndpointAssignments", slices.Sorted(maps.Values(b.endpoints)))
		w.wantList(b.path()+"/Evaluations", slices.Sorted(maps.Keys(b.evaluations)))
		for sid, body := range b.evaluations {
			if now := w.send("read", http.MethodGet, b.path()+"/Evaluations/"+sid, "", http.StatusOK, 0).body; now != body {
				w.fail("an evaluation has changed from %s\nto %s", body, now)
			}
		}
	}
}

// wantHistory compares the history of a bundle with what was done.
func (w *walk) wantHistory(b *walkBundle) {
	w.t.Helper()
	events, err := w.db.History(w.t.Context(), b.sid, store.HistoryPage{Limit: 1 + store.MaxEvents})
	if err != nil {
		w.fail("the history of %s: %v", b.sid, err)
		return
	}
	if !b.gone {
		if events[0].Type != trust.EventCreated {
			w.fail("the history of %s begins with %+v", b.sid, events[0])
		}
		events = events[1:]
	}
	var got []string
	for _, e := range events {
		got = append(got, walkEvent(e))
	}
	if !slices.Equal(got, b.history) {
		w.fail("the history of %s is\n%s\nwant\n%s", b.sid, strings.Join(got, ""), strings.Join(b.history, ""))
	}
	w.outcomes["events in histories"] += len(got)
}

// wantList compares the SIDs of a list.
func (w *walk) wantList(path string, want []string) {
	w.t.Helper()
	var list struct{ Results []answer }
	body := w.send("read", http.MethodGet, path+"?PageSize=1000", "", http.StatusOK, 0).body
	if err := json.Unmarshal([]byte(body), &list); err != nil {
		w.fail("%v", err)
	}
	var got []string
	for _, a := range list.Results {
		got = append(got, a.SID)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		w.fail("%s has %v, want %v", path, got, want)
	}
}
