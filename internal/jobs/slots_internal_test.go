package jobs

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// backlog returns queues of an account, to each of which more is due than there are places.
func backlog(account string, endpoints int) []store.Grant {
	due := make([]store.Grant, endpoints)
	for i := range due {
		due[i] = store.Grant{Queue: store.Queue{AccountSID: account, Endpoint: fmt.Sprint(i)}, Limit: 1000}
	}
	return due
}

// takeAll takes the places that choose grants, and returns how many.
func takeAll(s *slots, due []store.Grant, now time.Time) int {
	count := 0
	for _, g := range s.choose(due, now) {
		for range g.Limit {
			s.acquire(g.Queue)
			count++
		}
	}
	return count
}

// TestPlacesByAccount has accounts with endless backlogs come one after another: each finds places, and none takes all.
func TestPlacesByAccount(t *testing.T) {
	s := newSlots(512, 0)
	if got := takeAll(s, backlog("AC1", 1000), noon); got != 256 {
		t.Errorf("an account alone got %d places of 512", got)
	}
	if got := takeAll(s, backlog("AC1", 1000), noon); got != 0 {
		t.Errorf("it got %d more", got)
	}
	for i, want := range []int{128, 64, 32, 16} {
		if got := takeAll(s, backlog(fmt.Sprintf("AC%d", i+2), 1000), noon); got != want {
			t.Errorf("account %d got %d places, want %d", i+2, got, want)
		}
	}
	both := slices.Concat(backlog("AC8", 1), backlog("AC9", 1))
	if takeAll(s, both, noon); s.byAccount["AC9"] < 5 || s.byAccount["AC8"] > s.byAccount["AC9"]+1 {
		t.Errorf("two that came together got %d and %d places", s.byAccount["AC8"], s.byAccount["AC9"])
	}
}

// TestPlacesByEndpoint: of an account's places each endpoint gets some, and one alone does not get all.
func TestPlacesByEndpoint(t *testing.T) {
	s := newSlots(512, 0)
	if got := takeAll(s, backlog("AC1", 1), noon); got != perEndpoint {
		t.Errorf("an endpoint alone got %d places", got)
	}
	s = newSlots(512, 0)
	takeAll(s, backlog("AC1", 64), noon)
	for q, got := range s.byQueue {
		if got != 4 {
			t.Errorf("endpoint %s of 64 got %d places of 256", q.Endpoint, got)
		}
	}
	s = newSlots(512, 0)
	few := backlog("AC1", 2)
	few[0].Limit, few[1].Limit = 3, 1
	if grants := s.choose(few, noon); len(grants) != 2 || grants[0].Limit != 3 || grants[1].Limit != 1 || s.inUse != 0 {
		t.Errorf("granted %+v, %d places taken", grants, s.inUse)
	}
}

// TestLateEndpoint: an endpoint that comes late gets its share of what becomes free, however its name sorts among those that hold
// all places of the account.
func TestLateEndpoint(t *testing.T) {
	s := newSlots(512, 0)
	takeAll(s, backlog("AC1", 4), noon)
	due := backlog("AC1", 5)
	for i := range 1000 {
		s.release(due[i%4].Queue)
		takeAll(s, due, noon)
	}
	if got := s.byQueue[due[4].Queue]; got < 50 {
		t.Errorf("it has %d places of 256", got)
	}
}

// TestSilentEndpoints has more endpoints fall silent than are remembered: those that did last are known, and memory is bounded.
func TestSilentEndpoints(t *testing.T) {
	s := newSlots(512, 0)
	var last store.Queue
	for i := range 200_000 {
		last = store.Queue{AccountSID: "AC1", Endpoint: fmt.Sprintf("http://dead-%d.example", i)}
		s.acquire(last)
		s.release(last)
		s.note(last, trust.Attempt{Verdict: trust.TryAgain})
		if got := s.queueRoom(last, 256); got != perSilent {
			t.Fatalf("%s has room for %d", last.Endpoint, got)
		}
	}
	if len(s.silent) > maxNoted || len(s.byQueue) != 0 || len(s.byAccount) != 0 || s.inUse != 0 {
		t.Errorf("%d silent endpoints, %d with places, %d places taken", len(s.silent), len(s.byQueue), s.inUse)
	}
	s.note(last, trust.Attempt{Verdict: trust.Delivered, Duration: quickTime + 1})
	if got := s.queueRoom(last, 256); got != perEndpoint {
		t.Errorf("after an answer there is room for %d", got)
	}
}

// TestQuickEndpoint: an endpoint that accepts quickly gets more places, as long as others have room, until it responds otherwise.
func TestQuickEndpoint(t *testing.T) {
	quick := trust.Attempt{Verdict: trust.Delivered, StatusCode: 204, Duration: quickTime}
	s := newSlots(512, 0)
	due := backlog("AC1", 3)
	s.note(due[0].Queue, quick)
	if got := takeAll(s, due[:1], noon); got != perQuick {
		t.Errorf("it got %d places", got)
	}
	s.note(due[1].Queue, quick)
	if got := takeAll(s, due[1:2], noon); got != perEndpoint {
		t.Errorf("the next one, with less room, got %d places", got)
	}
	if got := takeAll(s, due[2:], noon); got != perEndpoint {
		t.Errorf("the other one got %d places", got)
	}
	for _, test := range []struct {
		trust.Attempt
		limit int
	}{
		{trust.Attempt{Verdict: trust.Delivered, StatusCode: 204, Duration: quickTime + 1}, perEndpoint},
		{trust.Attempt{Verdict: trust.TryAgain, StatusCode: 503}, perEndpoint},
		{trust.Attempt{Verdict: trust.TryAgain}, perSilent},
	} {
		s.note(due[0].Queue, quick)
		s.note(due[0].Queue, test.Attempt)
		if got := s.queueRoom(due[0].Queue, 256); got != test.limit-perQuick {
			t.Errorf("after %+v: room for %d", test.Attempt, got)
		}
	}
	for i := range 2 * maxNoted {
		s.note(store.Queue{AccountSID: "AC1", Endpoint: fmt.Sprint(i)}, quick)
	}
	if len(s.quick) > maxNoted {
		t.Errorf("%d quick endpoints", len(s.quick))
	}
}

// TestMailsPerHour: an account that has sent its share waits for the next hour, and nobody else does.
func TestMailsPerHour(t *testing.T) {
	s := newSlots(64, 10)
	send := func(account string, now time.Time) int {
		count := 0
		for _, g := range s.choose(backlog(account, 1), now) {
			for range g.Limit {
				s.acquire(g.Queue)
				s.release(g.Queue)
				count++
			}
		}
		return count
	}
	for _, test := range []struct {
		account string
		after   time.Duration
		want    int
	}{
		{"AC1", 0, 10}, {"AC1", time.Minute, 0}, {"AC2", time.Minute, 10}, {"AC1", time.Hour, 10}, {"AC1", time.Hour, 0},
	} {
		if got := send(test.account, noon.Add(test.after)); got != test.want {
			t.Errorf("%s sent %d after %v, want %d", test.account, got, test.after, test.want)
		}
	}
}
