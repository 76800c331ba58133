package crash_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/api/client"
)

// unkeyedCreates is a client of its own that creates products without an idempotency key, and so does not repeat what fails.
type unkeyedCreates struct {
	load *clientLoad
	lost int // creates that may have been made: the response, if any, has no Retry-After
}

const unkeyedPrefix = "unkeyed"

// createWithoutKeys creates products until the load ends.
func (l *clientLoad) createWithoutKeys(t *testing.T) *unkeyedCreates {
	t.Helper()
	u := &unkeyedCreates{load: l}
	l.running.Go(func() {
		for at := 0; !l.stopping.Load() && t.Context().Err() == nil; at++ {
			email := fmt.Sprintf("%s%d@acme.example", unkeyedPrefix, at)
			var failed error
			tried := false
			done := l.until(t, &at, func(api *client.Client) error {
				if tried {
					return nil // it has failed, and is not repeated
				}
				tried = true
				var product *client.TrustProduct
				product, failed = api.CreateTrustProduct(t.Context(), client.CreateTrustProductRequest{
					FriendlyName: "Acme", Email: email, PolicySID: policySID,
				})
				if failed == nil {
					l.run.noteCreated(product.SID, email)
				}
				return failed
			})
			if refused, ok := errors.AsType[*client.Error](failed); failed != nil && (!ok || refused.RetryAfter == 0) {
				u.lost++
			}
			if !done {
				return
			}
		}
	})
	return u
}

// verify expects every product to be known to a client, except for those whose only request may have been made.
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
		t.Errorf("no client knows %d products created without a key, but only %d such creates may have been made", unknown, u.lost)
	}
	t.Logf("%d creates without a key may have been made, %d of them were", u.lost, unknown)
}
