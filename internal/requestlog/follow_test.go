package requestlog_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/internal/requestlog"
)

func request(i int) api.RequestInfo {
	return api.RequestInfo{AccountSID: alice, Operation: "x", Path: strconv.Itoa(i), Status: 200 + i%2*200}
}

// number is that of the request that an entry is about.
func number(t *testing.T, entry *requestlog.Entry) int {
	t.Helper()
	i, err := strconv.Atoi(entry.Path)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// TestNextWaits: a follower gets a request as soon as it ends, only those that match, and nothing after its context.
func TestNextWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := requestlog.New(10, time.Now)
		log.Observe(request(1))
		follower, err := log.Follow(requestlog.Filter{StatusClass: 4}, -1)
		if err != nil {
			t.Fatal(err)
		}
		defer follower.Close()
		got := make(chan *requestlog.Entry)
		go func() {
			entry, _, err := follower.Next(t.Context())
			if err != nil {
				t.Error(err)
			}
			got <- entry
		}()
		for i := 2; i <= 3; i++ {
			synctest.Wait() // until the follower waits
			select {
			case entry := <-got:
				t.Fatalf("got request %d", number(t, entry))
			default:
			}
			log.Observe(request(i))
		}
		if i := number(t, <-got); i != 3 {
			t.Errorf("got request %d, want 3", i)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, _, err := follower.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after the end of the context: %v", err)
		}
	})
}

// TestClear: all requests are forgotten, whoever they are of, and followers and numbers go on.
func TestClear(t *testing.T) {
	log := requestlog.New(10, time.Now)
	follower, err := log.Follow(requestlog.Filter{}, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer follower.Close()
	log.Observe(request(1))
	log.Observe(api.RequestInfo{Path: "2", Status: 401})
	last := log.List(requestlog.Filter{}, 0, 1)[0].Sequence
	log.Clear()
	if left := log.List(requestlog.Filter{}, 0, 10); len(left) > 0 {
		t.Errorf("%d requests are left", len(left))
	}
	log.Observe(request(3))
	if all := log.List(requestlog.Filter{AccountSID: alice}, 0, 10); len(all) != 1 || number(t, all[0]) != 3 || all[0].Sequence <= last {
		t.Errorf("after the next request: %+v", all)
	}
	for want := 1; want <= 3; want++ {
		entry, missed, err := follower.Next(t.Context())
		if err != nil || missed != 0 || number(t, entry) != want {
			t.Errorf("got %+v, %d missed, %v; want request %d", entry, missed, err, want)
		}
	}
}

// TestFollowersAreBounded: a follower that is closed makes room.
func TestFollowersAreBounded(t *testing.T) {
	log := requestlog.New(10, time.Now)
	var followers []*requestlog.Follower
	for {
		follower, err := log.Follow(requestlog.Filter{}, -1)
		if err != nil {
			if !errors.Is(err, requestlog.ErrTooManyFollowers) || len(followers) != 16 {
				t.Fatalf("after %d followers: %v", len(followers), err)
			}
			break
		}
		followers = append(followers, follower)
	}
	followers[0].Close()
	followers[0].Close() // does nothing
	if _, err := log.Follow(requestlog.Filter{}, -1); err != nil {
		t.Error(err)
	}
}

// TestSlowFollower counts what a follower has missed.
func TestSlowFollower(t *testing.T) {
	log := requestlog.New(10, time.Now)
	follower, err := log.Follow(requestlog.Filter{}, -1)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 25 {
		log.Observe(request(i))
	}
	for i := 15; i < 25; i++ {
		entry, missed, err := follower.Next(t.Context())
		if want := map[bool]int{true: 15}[i == 15]; err != nil || missed != want || number(t, entry) != i {
			t.Fatalf("got request %d after %d missed, %v; want %d after %d", number(t, entry), missed, err, i, want)
		}
	}
}

// TestBreaks follows with 100 breaks while requests arrive, and must see each request once and in order.
func TestBreaks(t *testing.T) {
	const requests = 2000
	log := requestlog.New(requests, time.Now)
	go func() {
		for i := range requests {
			log.Observe(request(i))
		}
	}()
	after := int64(0)
	for next := 0; next < requests; {
		follower, err := log.Follow(requestlog.Filter{AccountSID: alice}, after)
		if err != nil {
			t.Fatal(err)
		}
		for range requests / 100 {
			entry, missed, err := follower.Next(t.Context())
			if err != nil || missed != 0 || number(t, entry) != next || entry.Sequence <= after {
				t.Fatalf("got request %d after %d missed, %v; want %d", number(t, entry), missed, err, next)
			}
			after = entry.Sequence
			next++
		}
		follower.Close()
	}
}

// TestSequenceRisesOverRestarts: what was read from an earlier process hides nothing of this one's.
func TestSequenceRisesOverRestarts(t *testing.T) {
	start := time.Now()
	last := func(log *requestlog.Log) int64 {
		for i := range 1000 {
			log.Observe(request(i))
		}
		return log.List(requestlog.Filter{}, 0, 1)[0].Sequence
	}
	earlier := last(requestlog.New(10, func() time.Time { return start }))
	log := requestlog.New(10, func() time.Time { return start.Add(time.Second) })
	last(log)
	if got := len(log.List(requestlog.Filter{}, 0, 100)); got != 10 {
		t.Fatalf("%d requests are kept", got)
	}
	for _, entry := range log.List(requestlog.Filter{}, 0, 100) {
		if entry.Sequence <= earlier {
			t.Errorf("request %d comes before %d of the earlier process", entry.Sequence, earlier)
		}
	}
}

// TestConcurrency has callers, readers and followers at once. What a follower gets and what it missed must add up.
func TestConcurrency(t *testing.T) {
	const callers, each = 4, 500
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // in case they do not add up
	defer cancel()
	log := requestlog.New(50, time.Now)
	var wait sync.WaitGroup
	for range 3 {
		follower, err := log.Follow(requestlog.Filter{}, -1)
		if err != nil {
			t.Fatal(err)
		}
		wait.Go(func() {
			defer follower.Close()
			last := int64(0)
			for seen := 0; seen < callers*each; {
				entry, missed, err := follower.Next(ctx)
				if err != nil || entry.Sequence <= last {
					t.Errorf("after %d requests: %v", seen, err)
					return
				}
				last = entry.Sequence
				seen += 1 + missed
			}
		})
	}
	for caller := range callers {
		wait.Go(func() {
			for i := range each {
				info := request(i)
				info.AccountSID = []string{alice, bob, "", "x" + strconv.Itoa(i)}[caller]
				log.Observe(info)
			}
		})
		wait.Go(func() {
			for range 50 {
				page := log.List(requestlog.Filter{AccountSID: []string{alice, "", bob, ""}[caller]}, 0, 100)
				for i := 1; i < len(page); i++ {
					if page[i].Sequence >= page[i-1].Sequence {
						t.Error("a list is not newest first")
					}
				}
			}
		})
	}
	wait.Wait()
}

// TestGapOfAFollower resumes after requests that the log still has, that it has forgotten, and that an earlier process had.
func TestGapOfAFollower(t *testing.T) {
	now := time.Unix(1e9, 0)
	log := requestlog.New(3, func() time.Time { return now })
	earlierProcess := now.UnixMicro() - 1
	var sequences []int64
	follow := func(after int64, want bool) {
		t.Helper()
		follower, err := log.Follow(requestlog.Filter{}, after)
		if err != nil {
			t.Fatal(err)
		}
		defer follower.Close()
		if got := follower.HasGap(); got != want {
			t.Errorf("after %d of %v: %t, want %t", after, sequences, got, want)
		}
	}
	for i := range 5 {
		log.Observe(request(i))
		sequences = append(sequences, log.List(requestlog.Filter{}, 0, 1)[0].Sequence)
	}
	follow(earlierProcess, true)
	follow(sequences[0], true)  // the next one was forgotten
	follow(sequences[1], false) // it was forgotten, but has been read
	follow(sequences[4], false)
	follow(0, false) // it wants what there is
	follow(-1, false)
	log.Clear()
	follow(sequences[3], true)
	follow(sequences[4], false)
}
