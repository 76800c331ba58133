package crash_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/api/client"
)

// unkeyedCreates is a client of its own that creates products without an idempotency key, and so does not repeat what fails.
type unkeyedCreates struct {
	load *clientLoad
	lost int // creates without a response; some of them may have been stored
}

const unkeyedPrefix = "unkeyed"

// createWithoutKeys creates products until the load ends.
func (l *clientLoad) createWithoutKeys(t *testing.T) *unkeyedCreates {
	t.Helper()
	u := &unkeyedCreates{load: l}
	l.running.Go(func() {
		for at := 0; !l.stopping.Load() && t.Context().Err() == nil; at++ {
			email := fmt.Sprintf("%s%d@acme.example", unkeyedPrefix, at)
			tries := 0
			done := l.until(t, &at, func(api *client.Client) error {
				if tries++; tries > 1 {
					u.lost++
					return nil
				}
				product, err := api.CreateTrustProduct(t.Context(), client.CreateTrustProductRequest{
					FriendlyName: "Acme", Email: email, PolicySID: policySID,
				})
				if err == nil {
					l.run.noteCreated(product.SID, email)
				}
				return err
			})
			if !done {
				return
			}
		}
	})
	return u
}

// verify expects every product to be known to a client, except for those whose only request had no response.
func (u *unkeyedCreates) verify(t *testing.T) {
	t.Helper()
	unknown := 0
	for sid, row := range readRows(t, u.load.run.db) {
		if _, ok := u.load.run.created[sid]; ok {
			continue
		}
		if unknown++; !strings.HasPrefix(row.email, unkeyedPrefix) {
			t.Errorf("no client knows %+v", row)
		}
	}
	if unknown > u.lost {
		t.Errorf("no client knows %d products created without a key, but only %d such creates had no response", unknown, u.lost)
	}
	t.Logf("%d creates without a key had no response, %d of them were made", u.lost, unknown)
}
