package store_test

import "testing"

// TestTraceParent leases a notice that has one.
func TestTraceParent(t *testing.T) {
	for engine, open := range engines(t) {
		t.Run(engine, func(t *testing.T) {
			s := withDraft(t, open)
			notify(t, s, "http://a.example/1")
			leases, _ := exchange(t, s, 0, 1)
			const want = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
			if len(leases) != 1 || leases[0].Notice.TraceParent != want {
				t.Errorf("got %+v", leases)
			}
		})
	}
}
