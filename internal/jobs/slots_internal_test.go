package jobs

import (
	"fmt"
	"testing"
)

// TestSilentEndpoints has more endpoints fall silent than are remembered: those that did last are known, and memory is bounded.
func TestSilentEndpoints(t *testing.T) {
	s := newSlots()
	for i := range 200_000 {
		endpoint := fmt.Sprintf("http://dead-%d.example", i)
		s.take(endpoint)
		s.free(endpoint)
		s.note(endpoint, false)
		if got := s.room()(endpoint); got != perSilent {
			t.Fatalf("%s has room for %d", endpoint, got)
		}
	}
	if len(s.silent) > maxSilent || len(s.byEndpoint) != 0 || s.taken != 0 {
		t.Errorf("%d silent endpoints, %d with slots, %d slots taken", len(s.silent), len(s.byEndpoint), s.taken)
	}
	s.note("http://dead-199999.example", true)
	if got := s.room()("http://dead-199999.example"); got != perEndpoint {
		t.Errorf("after an answer there is room for %d", got)
	}
}

func TestRoom(t *testing.T) {
	s := newSlots()
	room := s.room()
	for i := range maxSending / perEndpoint {
		endpoint := fmt.Sprint(i)
		if got := room(endpoint); got != perEndpoint {
			t.Errorf("endpoint %d has room for %d", i, got)
		}
		for range perEndpoint {
			s.take(endpoint)
		}
	}
	if got := room("one more"); got != 0 {
		t.Errorf("all slots are granted, and there is room for %d", got)
	}
	s.free("0")
	if got := s.room()("0"); got != 1 {
		t.Errorf("one slot is free, and there is room for %d", got)
	}
	if got := s.room()("1"); got != 0 {
		t.Errorf("an endpoint has all its slots, and there is room for %d", got)
	}
}
