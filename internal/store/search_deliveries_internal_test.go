package store

import (
	"path/filepath"
	"testing"
)

// TestSearchDeliveriesIsBounded: a search that finds nothing ends after searchStep notices, and the next page goes on behind them.
func TestSearchDeliveriesIsBounded(t *testing.T) {
	s := withManyNotices(t, filepath.Join(t.TempDir(), "trusthub.db"))
	filter, pages := DeliveryFilter{Channel: "callback", Limit: 50}, 0
	for ; pages < 10; pages++ {
		found, err := s.SearchDeliveries(t.Context(), filter)
		if err != nil || len(found.Deliveries) > 0 {
			t.Fatalf("found %d, %v", len(found.Deliveries), err)
		}
		if filter.Before = found.Next; found.Next == "" {
			break
		}
	}
	if want := 20000/searchStep - 1; pages != want {
		t.Errorf("%d pages before the last, want %d", pages, want)
	}
}
