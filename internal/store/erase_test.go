package store_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

var operator = trust.Origin{By: trust.Operator, At: at}

// notCustomers are the tables without data of customers.
var notCustomers = []string{"event_positions", "console_logins", "settings"}

// TestEraseAccount puts an account's rows into every table beside those of another account. After the erasure each table must be
// as it was before.
func TestEraseAccount(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		otherCustomer(t, s)
		before := dump(t, s)
		check(t, s.PutAccount(t.Context(), store.Account{SID: accountSID, AuthToken: "token", Created: at}))
		check(t, s.Bundles.Create(t.Context(), draft()))
		fill(t, s)
		gone := draft()
		gone.SID = "BU00000000000000000000000000000003"
		check(t, s.Bundles.Create(t.Context(), gone))
		check(t, s.DeleteBundle(t.Context(), store.BundlesOf(accountSID, trust.TrustProduct), gone.SID, holder,
			func(trust.Bundle, []trust.Status) error { return nil })) // its history is left
		filled := dump(t, s)
		for table, rows := range filled {
			if len(rows) == len(before[table]) && !slices.Contains(notCustomers, table) {
				t.Errorf("%s has nothing of the account, which shows nothing: fill it, or name it in notCustomers", table)
			}
		}
		would, got := eraseTwice(t, s, store.Erasure{AccountSID: accountSID}, filled)
		if !maps.Equal(would, got) {
			t.Errorf("the dry run said %v, the erasure %v", would, got)
		}
		after := dump(t, s)
		for table, rows := range before {
			if slices.Contains(notCustomers, table) {
				continue
			}
			if !slices.Equal(after[table], rows) {
				t.Errorf("%s has %d rows after the erasure, want %d, or they differ", table, len(after[table]), len(rows))
			}
			if int(got[table]) != len(filled[table])-len(rows) {
				t.Errorf("%s: %d rows are said to be erased, want %d", table, got[table], len(filled[table])-len(rows))
			}
		}
		wantNowhere(t, after, accountSID, bundleSID, gone.SID)
		if again, err := s.Erase(t.Context(), store.Erasure{AccountSID: accountSID, By: operator}); err != nil || total(again) != 0 {
			t.Errorf("again: %v, %v", again, err)
		}
	})
}

// TestEraseBundle erases a bundle that has everything. What it shares with another bundle stays.
func TestEraseBundle(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		check(t, s.PutAccount(t.Context(), store.Account{SID: accountSID, AuthToken: "token", Created: at}))
		check(t, s.Bundles.Create(t.Context(), draft()))
		erased := draft()
		erased.SID, erased.Email, erased.FriendlyName = "BU00000000000000000000000000000002", "forget@acme.example", "Forget Inc."
		_, err := s.Bundles.CreateOnce(t.Context(), request("fingerprint", at), erased)
		check(t, err)
		fillContents(t, s, erased.SID) // with an end user of its own
		shared := person("IT00000000000000000000000000000009", "Shared", `{"email":"shared@acme.example"}`)
		check(t, s.EndUsers.Create(t.Context(), shared))
		assignAs(t, s, "BV00000000000000000000000000000008", bundleSID, shared.SID)
		assignAs(t, s, "BV00000000000000000000000000000009", erased.SID, shared.SID)
		assignAs(t, s, "BV00000000000000000000000000000007", bundleSID, erased.SID)
		filled := dump(t, s)

		would, got := eraseTwice(t, s, store.Erasure{BundleSID: erased.SID}, filled)
		want := map[string]int64{
			"bundles": 1, "end_users": 1, "assignments": 3, "channel_endpoints": 1, "evaluations": 1, "idempotency_keys": 1,
			"events": int64(strings.Count(strings.Join(filled["events"], "\n"), `bundle_sid="`+erased.SID)),
		}
		for table := range got {
			if got[table] != want[table] || would[table] != want[table] {
				t.Errorf("%s: %d rows are said to be erased, %d by the dry run, want %d", table, got[table], would[table], want[table])
			}
		}
		after := dump(t, s)
		wantNowhere(t, after, "Forget", "forget@", "Ada")
		for table, rows := range after {
			if text := strings.Join(rows, "\n"); table != "events" && strings.Contains(text, erased.SID) {
				t.Errorf("%s still names the bundle: %s", table, text)
			}
		}
		if _, err := s.EndUsers.Fetch(t.Context(), store.Scope{accountSID}, shared.SID); err != nil {
			t.Errorf("the end user that another bundle has: %v", err)
		}
		history, err := s.History(t.Context(), bundleSID, store.HistoryPage{Newest: true, Limit: 1})
		if err != nil || len(history) != 1 || history[0].Type != trust.EventUnassigned || history[0].ObjectSID != erased.SID ||
			history[0].By != trust.Operator {
			t.Errorf("the history of the bundle that stays ends with %+v, %v", history, err)
		}
		_, err = s.Erase(t.Context(), store.Erasure{BundleSID: trust.PrimarySID(accountSID), By: operator})
		if !errors.Is(err, trust.ErrPrimary) {
			t.Errorf("a Primary: %v", err)
		}
	})
}

// TestEraseEmail erases an address wherever it is, in whichever form, and nothing of similar ones.
func TestEraseEmail(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		check(t, s.PutAccount(t.Context(), store.Account{SID: accountSID, AuthToken: "token", Created: at}))
		stays := draft()
		stays.Email = "canada@acme.example"
		check(t, s.Bundles.Create(t.Context(), stays))
		check(t, s.EndUsers.Create(t.Context(), person("IT00000000000000000000000000000001", "Canada", `{"email":"canada@acme.example"}`)))
		check(t, s.EndUsers.Create(t.Context(), person("IT00000000000000000000000000000002", "Tag", `{"email":"ada+x@acme.example"}`)))
		notifyAs(t, s, bundleSID, "canada@acme.example")
		before := dump(t, s)

		mine := draft()
		mine.SID, mine.Email = "BU00000000000000000000000000000002", "Ada@Acme.example"
		_, err := s.Bundles.CreateOnce(t.Context(), request("fingerprint", at), mine)
		check(t, err)
		for sid, attributes := range map[string]string{
			"IT00000000000000000000000000000003": `{"email":"ADA@acme.example"}`,
			"IT00000000000000000000000000000004": `{"email":"ada\u0040acme.example"}`,
			"IT00000000000000000000000000000005": `{"contacts":["x", {"mail":"Ada <ada@acme.example>"}]}`,
		} {
			check(t, s.EndUsers.Create(t.Context(), person(sid, "Somebody", attributes)))
		}
		assignAs(t, s, "BV00000000000000000000000000000001", bundleSID, "IT00000000000000000000000000000003")
		notifyAs(t, s, bundleSID, "ada@acme.example") // the bundle had this Email for a while
		notifyAs(t, s, bundleSID, "canada@acme.example")
		filled := dump(t, s)

		would, got := eraseTwice(t, s, store.Erasure{Email: "ada@acme.example"}, filled)
		if !maps.Equal(would, got) {
			t.Errorf("the dry run said %v, the erasure %v", would, got)
		}
		if got["bundles"] != 1 || got["end_users"] != 3 || got["notices"] != 1 || got["idempotency_keys"] != 1 || got["assignments"] != 1 {
			t.Errorf("erased %v", got)
		}
		after := dump(t, s)
		for _, table := range []string{"bundles", "end_users", "idempotency_keys", "assignments"} {
			if !slices.Equal(after[table], before[table]) {
				t.Errorf("%s has %d rows, want %d, or they differ", table, len(after[table]), len(before[table]))
			}
		}
		for table, rows := range after {
			for _, word := range strings.FieldsFunc(strings.Join(rows, " "), func(r rune) bool { return strings.ContainsRune("\"` =<>:\\,{}[]", r) }) {
				if strings.EqualFold(word, "ada@acme.example") {
					t.Errorf("%s still has the address", table)
				}
			}
		}
	})
}

// TestEraseFile erases beside an open server's store: neither the file nor its log may have the texts any more.
func TestEraseFile(t *testing.T) {
	t.Parallel()
	name := storetest.Names()["sqlite"](t)
	server := openFile(t, name)
	check(t, server.PutAccount(t.Context(), store.Account{SID: accountSID, AuthToken: "tokenToForget", Created: at}))
	b := draft()
	b.FriendlyName = "Name to forget"
	check(t, server.Bundles.Create(t.Context(), b))
	createMany(t, server, 300) // so that the bundle's page is split, and others are freed
	check(t, server.EndUsers.Create(t.Context(), person("IT00000000000000000000000000000001", "x",
		`{"address":"Lane to forget `+strings.Repeat("x", 10_000)+`"}`)))
	forgotten := [][]byte{[]byte("tokenToForget"), []byte("Name to forget"), []byte("Lane to forget")}
	has := func() (found []string) {
		for _, file := range []string{name, name + "-wal"} {
			content, err := os.ReadFile(file)
			check(t, err)
			for _, text := range forgotten {
				if bytes.Contains(content, text) {
					found = append(found, file+": "+string(text))
				}
			}
		}
		return found
	}
	if found := has(); len(found) < len(forgotten) {
		t.Fatalf("before the erasure only %q", found)
	}
	command := openFile(t, name)
	counts, err := command.Erase(t.Context(), store.Erasure{AccountSID: accountSID, By: operator})
	check(t, err)
	if counts["bundles"] != 302 || counts["end_users"] != 1 || counts["accounts"] != 1 {
		t.Errorf("erased %v", counts)
	}
	check(t, command.Scrub(t.Context()))
	if found := has(); len(found) > 0 {
		t.Errorf("after the erasure: %q", found)
	}
	other := draft()
	other.AccountSID = otherSID
	check(t, server.Bundles.Create(t.Context(), other)) // the server goes on
}

// TestEraseInterrupted ends erasures midway. The next one does the rest.
func TestEraseInterrupted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		check(t, s.PutAccount(t.Context(), store.Account{SID: accountSID, AuthToken: "token", Created: at}))
		before := dump(t, s)["bundles"]
		check(t, s.Bundles.Create(t.Context(), draft()))
		createMany(t, s, 200)
		midway := 0
		for uses := int64(100); ; uses += 100 { // until one is not interrupted
			ctx, cancel := context.WithCancel(t.Context())
			_, err := s.Erase(&endingContext{Context: ctx, end: cancel, uses: uses}, store.Erasure{Email: draft().Email, By: operator})
			cancel()
			if err == nil {
				break
			}
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("interrupted: %v", err)
			}
			left, err := s.CountBundles(t.Context(), accountSID, trust.TrustProduct, 1000)
			check(t, err)
			if 0 < left && left < 201 {
				midway++
			}
		}
		if midway == 0 {
			t.Error("no erasure was interrupted after it had deleted something")
		}
		if after := dump(t, s)["bundles"]; !slices.Equal(after, before) {
			t.Errorf("%d bundles are left, want %d", len(after), len(before))
		}
	})
}

// endingContext is a context that ends when it has been used a number of times.
type endingContext struct {
	context.Context //nolint:containedctx // it is one

	end  context.CancelFunc
	uses int64
	used atomic.Int64
}

func (c *endingContext) Done() <-chan struct{} {
	if c.used.Add(1) == c.uses {
		c.end()
	}
	return c.Context.Done()
}

// eraseTwice erases, first as a dry run, which must change nothing, and returns what both said.
func eraseTwice(t *testing.T, s *store.Store, e store.Erasure, filled map[string][]string) (would, got map[string]int64) {
	t.Helper()
	e.By, e.DryRun = operator, true
	would, err := s.Erase(t.Context(), e)
	check(t, err)
	unchanged := dump(t, s)
	for table, rows := range filled {
		if !slices.Equal(unchanged[table], rows) {
			t.Errorf("the dry run changed %s", table)
		}
	}
	e.DryRun = false
	got, err = s.Erase(t.Context(), e)
	check(t, err)
	return would, got
}

func total(counts map[string]int64) (sum int64) {
	for _, n := range counts {
		sum += n
	}
	return sum
}

func dump(t *testing.T, s *store.Store) map[string][]string {
	t.Helper()
	rows, err := s.Dump(t.Context())
	check(t, err)
	return rows
}

func wantNowhere(t *testing.T, rows map[string][]string, texts ...string) {
	t.Helper()
	for table, all := range rows {
		for _, text := range texts {
			if strings.Contains(strings.Join(all, "\n"), text) {
				t.Errorf("%s still has %q", table, text)
			}
		}
	}
}

// otherCustomer is an account whose rows must stay.
func otherCustomer(t *testing.T, s *store.Store) {
	t.Helper()
	check(t, s.PutAccount(t.Context(), store.Account{SID: otherSID, AuthToken: "other", Created: at}))
	k := key(9)
	k.AccountSID = otherSID
	check(t, s.AddAPIKey(t.Context(), k, "other"))
	b := draft()
	b.SID, b.AccountSID = "BU0000000000000000000000000000000f", otherSID
	check(t, s.Bundles.Create(t.Context(), b))
	notifyAs(t, s, b.SID, "other@acme.example")
	all, err := s.Deliveries(t.Context(), store.DeliveryFilter{BundleSID: b.SID, Limit: 1})
	check(t, err)
	check(t, s.Drop(t.Context(), all[0].Notice.ID, at)) // so that fill does not send it
	request := request("other", at)
	request.AccountSID = otherSID
	b.SID = "BU0000000000000000000000000000000e"
	_, err = s.Bundles.CreateOnce(t.Context(), request, b)
	check(t, err)
}

func person(sid, name, attributes string) trust.EndUser {
	return trust.EndUser{
		SID: sid, AccountSID: accountSID, FriendlyName: name, Type: "authorized_representative_1",
		Attributes: []byte(attributes), Created: at, Updated: at,
	}
}

func assignAs(t *testing.T, s *store.Store, sid, bundle, object string) {
	t.Helper()
	_, err := s.Assign(t.Context(), store.BundlesOf(accountSID, trust.TrustProduct), nil, trust.Assignment{
		SID: sid, AccountSID: accountSID, BundleSID: bundle, ObjectSID: object, Created: at,
	}, holder, func(trust.Bundle, store.Object) (string, error) { return "", nil })
	check(t, err)
}

// notifyAs queues an e-mail about a bundle.
func notifyAs(t *testing.T, s *store.Store, sid, address string) {
	t.Helper()
	_, err := s.ReviewBundle(t.Context(), sid, func(b trust.Bundle) (trust.Outcome, error) {
		return trust.Outcome{Bundle: b, Changed: true, Notices: []trust.Notice{{
			Channel: trust.Email, Target: address, AccountSID: b.AccountSID, BundleSID: b.SID, BundleKind: b.Kind,
			FriendlyName: b.FriendlyName, Status: b.Status, Created: at,
		}}}, nil
	})
	check(t, err)
}
