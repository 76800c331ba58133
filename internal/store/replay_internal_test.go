package store

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/pgtest"
)

// TestReplaysKeepTheOrder replays what is dead in bundles whose notices are in random states. Afterwards the first open notice of
// each is ready and no other, unless one is being sent.
func TestReplaysKeepTheOrder(t *testing.T) {
	for engine, name := range map[string]string{
		"sqlite": filepath.Join(t.TempDir(), "trusthub.db"), "postgres": pgtest.New(t),
	} {
		t.Run(engine, func(t *testing.T) {
			s, err := Open(t.Context(), name, Options{})
			must(t, err)
			defer func() { must(t, s.Close()) }()
			const count = 1500
			lines, dead := map[string][]State{}, 0
			for n := range count {
				sid := fmt.Sprintf("BU%04d", n)
				lines[sid] = randomLine(1 + rand.IntN(5))
				for _, state := range lines[sid] {
					if state == Dead {
						dead++
					}
				}
			}
			insertLines(t, s, lines)
			replayed, err := s.ReplayAll(t.Context(), DeliveryFilter{State: Dead}, time.UnixMicro(7))
			if err != nil || replayed != dead || dead < 2*replaysAtOnce {
				t.Errorf("%d of %d are replayed, %v", replayed, dead, err)
			}
			got := map[string][]string{}
			must(t, queryEach(s.read(t.Context()), noticeRows.scan, func(n noticeRow) bool {
				got[n.BundleSID] = append(got[n.BundleSID], inWords(n.state, !n.due.IsZero(), n.ended.IsZero()))
				return true
			}, `SELECT `+noticeRows.list+` FROM notices ORDER BY bundle_sid, position`))
			for sid, states := range lines {
				if want := replayedLine(states); fmt.Sprint(got[sid]) != fmt.Sprint(want) {
					t.Errorf("%v became %v, want %v", states, got[sid], want)
				}
			}
		})
	}
}

// randomLine returns states of a bundle's notices: at most one open one is not waiting, the first.
func randomLine(count int) []State {
	states := make([]State, count)
	first := []State{Ready, Sending}[rand.IntN(2)]
	for i := range states {
		switch rand.IntN(4) {
		case 0:
			states[i], first = first, Waiting
		case 1:
			states[i] = Delivered
		default:
			states[i] = Dead
		}
	}
	return states
}

// replayedLine returns what becomes of such states after the dead are replayed.
func replayedLine(states []State) []string {
	taken := false // the place of the one that is ready or being sent
	for _, state := range states {
		taken = taken || state == Sending
	}
	var want []string
	for _, state := range states {
		switch {
		case state == Delivered || state == Sending:
			want = append(want, inWords(state, false, state == Sending))
		case taken:
			want = append(want, inWords(Waiting, false, true))
		default:
			want, taken = append(want, inWords(Ready, true, true)), true
		}
	}
	return want
}

func inWords(state State, due, open bool) string {
	return fmt.Sprintf("%s due=%t open=%t", state, due, open)
}

func insertLines(t *testing.T, s *Store, lines map[string][]State) {
	t.Helper()
	must(t, s.write(t.Context(), func(tx session) error {
		for sid, states := range lines {
			b := trust.NewBundle(trust.TrustProduct, sid, "AC1", "RN1", "Acme", "a@b.example", "", time.UnixMicro(1))
			if err := bundles.insert(tx, b); err != nil {
				return err
			}
			var rows []noticeRow
			for i, state := range states {
				n := noticeRow{
					Notice:   trust.Notice{ID: fmt.Sprint(sid, i), Channel: trust.Callback, AccountSID: "AC1", BundleSID: sid},
					position: int64(i + 1), state: state,
				}
				if state == Ready {
					n.due = time.UnixMicro(1)
				}
				if state == Dead || state == Delivered {
					n.ended = time.UnixMicro(1)
				}
				rows = append(rows, n)
			}
			if err := insertMany(s, tx, noticeRows, rows, 1); err != nil {
				return err
			}
		}
		return nil
	}))
}
