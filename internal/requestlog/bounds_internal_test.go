package requestlog

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/internal/callbackurl"
)

func epoch() time.Time { return time.Unix(1e9, 0) }

// walk is a log with small limits, beside a model that keeps everything.
type walk struct {
	*rapid.T

	log       *Log
	limits    limits
	all       []*Entry // ever added, the oldest first
	followers []*Follower
}

// TestAnySequenceStaysWithinTheBounds does random things and checks after each that every limit holds, and that what is kept
// of an account is the latest without a gap.
func TestAnySequenceStaysWithinTheBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &walk{T: t, limits: limits{requests: 5, accountBytes: 8000, bytes: 20_000, followers: 2}}
		w.log = newLog(w.limits, epoch)
		t.Repeat(map[string]func(*rapid.T){
			"":        func(*rapid.T) { w.check() },
			"request": func(*rapid.T) { w.request() },
			"follow":  func(*rapid.T) { w.follow() },
			"next":    func(*rapid.T) { w.next() },
			"close":   func(*rapid.T) { w.close() },
			"clear": func(*rapid.T) {
				w.log.Clear()
				w.all = nil
			},
		})
	})
}

func (w *walk) request() {
	account := rapid.SampledFrom([]string{"", "a", "b", "c", "d", "e", "f"}).Draw(w.T, "account")
	values := url.Values{}
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"A", "B", "C", "D", "E", "F"}), 0, 6, rapid.ID[string]).Draw(w.T, "names") {
		values.Set(name, strings.Repeat("x", rapid.IntRange(0, 3000).Draw(w.T, "length")))
	}
	entry := newEntry(api.RequestInfo{AccountSID: account, Operation: "x", Form: values, Status: 200}, epoch())
	w.log.add(entry)
	w.all = append(w.all, entry)
}

func (w *walk) follow() {
	after := int64(-1)
	if len(w.all) > 0 && rapid.Bool().Draw(w.T, "from an earlier one") {
		after = rapid.SampledFrom(w.all).Draw(w.T, "after").Sequence
	}
	f, err := w.log.Follow(Filter{}, after)
	switch {
	case len(w.followers) == w.limits.followers && !errors.Is(err, ErrTooManyFollowers):
		w.Fatalf("one follower too many: %v", err)
	case len(w.followers) < w.limits.followers && err != nil:
		w.Fatal(err)
	case err == nil:
		w.followers = append(w.followers, f)
	}
}

func (w *walk) next() {
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	for _, f := range w.followers {
		_, _, _ = f.Next(canceled)
	}
}

func (w *walk) close() {
	if len(w.followers) > 0 {
		w.followers[0].Close()
		w.followers = w.followers[1:]
	}
}

func (w *walk) check() {
	queues, total := []*queue{&w.log.anonymous}, 0
	for element := w.log.latestLast.Front(); element != nil; element = element.Next() {
		queues = append(queues, &element.Value.(*account).requests)
	}
	for i, q := range queues {
		total += q.bytes
		w.checkQueue(q)
		if len(q.entries) == 0 {
			if i > 0 {
				w.Fatal("an account without requests is kept")
			}
			continue
		}
		var want []*Entry // all of the account
		for _, entry := range w.all {
			if entry.AccountSID == q.entries[0].AccountSID {
				want = append(want, entry)
			}
		}
		if !slices.Equal(q.entries, want[len(want)-len(q.entries):]) {
			w.Fatal("what is kept is not the latest")
		}
	}
	if total != w.log.bytes || total > w.limits.bytes {
		w.Fatalf("%d bytes are kept, counted as %d", total, w.log.bytes)
	}
	if len(w.log.accounts) != len(queues)-1 || len(w.log.followers) != len(w.followers) {
		w.Fatalf("%d accounts of %d, %d followers of %d", len(w.log.accounts), len(queues)-1, len(w.log.followers), len(w.followers))
	}
	for _, f := range w.followers {
		w.checkQueue(&f.waiting)
	}
	if listed := w.log.List(Filter{}, 0, 1); len(w.all) > 0 && (len(listed) != 1 || listed[0] != w.all[len(w.all)-1]) {
		w.Fatal("the latest request is not the first in the list")
	}
}

func (w *walk) checkQueue(q *queue) {
	bytes := 0
	for _, entry := range q.entries {
		bytes += entry.size()
	}
	if len(q.entries) > w.limits.requests || bytes > w.limits.accountBytes || bytes != q.bytes {
		w.Fatalf("%d entries with %d bytes, counted as %d", len(q.entries), bytes, q.bytes)
	}
}

// TestLeastRecentAccountIsForgotten: an account that calls stays, however many others come and go.
func TestLeastRecentAccountIsForgotten(t *testing.T) {
	log := newLog(limits{requests: 10, accountBytes: 10_000, bytes: 10_000, followers: 1}, epoch)
	request := func(account string) {
		log.Observe(api.RequestInfo{AccountSID: account, Operation: "x", Status: 200})
	}
	request("")
	for i := range 100 {
		request("busy")
		request(fmt.Sprint(i))
	}
	for account, want := range map[string]int{"busy": 10, "99": 1, "0": 0} {
		got := 0
		for _, entry := range log.List(Filter{AccountSID: account}, 0, 1000) {
			if entry.AccountSID == account {
				got++
			}
		}
		if got != want {
			t.Errorf("%d requests of account %s are kept, want %d", got, account, want)
		}
	}
	if len(log.anonymous.entries) != 1 {
		t.Error("the request without an account is forgotten")
	}
}

// TestMemory compares the counted bytes with the real ones. Each request is parsed from a large body of its own, as a
// request's is, of which nothing else may be kept.
func TestMemory(t *testing.T) {
	for name, requests := range map[string]func(i int) api.RequestInfo{
		"small requests of many accounts": func(i int) api.RequestInfo {
			return api.RequestInfo{AccountSID: fmt.Sprintf("AC%032d", i), Operation: "x", Status: 200}
		},
		"one account with parts of large bodies": func(i int) api.RequestInfo {
			body := fmt.Sprintf("%05d", i) + strings.Repeat("x", 60_000)
			return api.RequestInfo{
				ID: fmt.Sprintf("RQ%032d", i), AccountSID: "a", ClaimedAccountSID: body[:34], Client: netip.MustParseAddr("2001:db8::1"),
				Operation: "x", Status: 400, Method: body[5:9], Path: body[5:30], IdempotencyKey: body[30:60], Message: body[60:100],
				Form: url.Values{body[5:15]: {body[15:40]}, body[:12]: {body[40:90]}, body[:13]: {body}},
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			log := New(1000, epoch)
			before := heap()
			for i := range 1000 {
				log.Observe(requests(i))
			}
			grown := heap() - before
			if kept := len(log.List(Filter{}, 0, 2000)); kept != 1000 {
				t.Errorf("%d requests are kept", kept)
			}
			if counted := int64(log.bytes); grown > counted || grown < counted/3 {
				t.Errorf("the heap has grown by %d bytes, counted are %d", grown, counted)
			}
		})
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// TestValues shortens what is too long, and at the edge of a character.
func TestValues(t *testing.T) {
	for _, text := range []string{"", "x", strings.Repeat("x", maxValue), strings.Repeat("x", maxValue+1), strings.Repeat("é", maxValue), strings.Repeat("\xff", 2*maxValue)} {
		got := presentable(text)
		if len(text) <= maxValue && got != text {
			t.Errorf("%d bytes became %d", len(text), len(got))
		}
		if len(text) > maxValue && (len(got) > maxValue || len(got) < maxValue-8 || !strings.HasSuffix(got, cutMark)) {
			t.Errorf("%d bytes became %d: %q", len(text), len(got), got[len(got)-8:])
		}
		if want := strings.ToValidUTF8(text, ""); want == text && strings.ToValidUTF8(got, "") != got {
			t.Errorf("a character is cut in half: %q", got)
		}
	}
}

// TestUserinfoIsRemoved removes the user name and password from arbitrary URLs that callbacks can be sent to. A URL that has
// neither, and no @ elsewhere, must stay as it is.
func TestUserinfoIsRemoved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const word = `[a-z0-9.~!$&'()*+,;=%:/?#\[\]-]*`
		user := rapid.StringMatching(`[A-Z]{3,9}(:[A-Z:@;]{0,9}[A-Z]{3})?`).Draw(t, "user")
		host := rapid.SampledFrom([]string{"acme.example", "acme.example:8080", "[::1]:80", "10.0.0.1"}).Draw(t, "host")
		rest := rapid.StringMatching(`([/?#]`+word+`(@`+word+`)?)?`).Draw(t, "rest")
		if parsed, err := callbackurl.Parse("https://" + user + "@" + host + rest); err == nil && parsed.User == nil {
			t.Fatal("no user")
		}
		for _, around := range []string{"%s", "see %s there", `{"a": "%s", "b": "x"}`} {
			shown := presentable(fmt.Sprintf(around, "https://"+user+"@"+host+rest))
			if strings.ContainsAny(strings.ReplaceAll(shown, redacted, ""), "ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
				t.Fatalf("%s@ is shown: %s", user, shown)
			}
			if plain := fmt.Sprintf(around, "https://"+host+rest); !strings.Contains(plain, "@") && presentable(plain) != plain {
				t.Fatalf("%s is shown as %s", plain, presentable(plain))
			}
		}
	})
	for _, text := range []string{"a@b.example", "Acme: a@b.example", `{"email":"a@b.example","url":"https://acme.example"}`, "https://acme.example/?to=a@b.example"} {
		if got := presentable(text); got != text {
			t.Errorf("%s is shown as %s", text, got)
		}
	}
}
