package store

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// fullBundle returns a store with the account AC1 and its bundle BU9, to which IT1 is assigned as BV1, and PN1 as RA1, with the
// idempotency key "used".
func fullBundle(t *testing.T) (*Store, refusals) {
	t.Helper()
	s := openFile(t)
	must(t, s.PutAccount(t.Context(), Account{SID: "AC1", AuthToken: "t"}))
	must(t, s.Bundles.Create(t.Context(), trust.Bundle{SID: "BU9", Kind: trust.TrustProduct, AccountSID: "AC1", PolicySID: "RN1"}))
	must(t, s.EndUsers.Create(t.Context(), trust.EndUser{SID: "IT1", AccountSID: "AC1"}))
	of := refusals{t.Context(), s, BundlesOf("AC1", trust.TrustProduct)}
	must(t, of.assign("used", "IT1", nil))
	must(t, of.assignEndpoint("other", nil))
	return s, of
}

// refusals makes requests of an account.
type refusals struct {
	ctx context.Context //nolint:containedctx // that of the test
	s   *Store
	of  Scope
}

func (r refusals) request(key string) *Request {
	return &Request{AccountSID: "AC1", Key: key, Operation: "o", Fingerprint: "f", At: time.UnixMilli(1)}
}

func (r refusals) assign(key, object string, refused error) error {
	a := trust.Assignment{SID: "BV" + object[2:], AccountSID: "AC1", BundleSID: "BU9", ObjectSID: object}
	_, err := r.s.Assign(r.ctx, r.of, r.request(key), a, trust.Origin{},
		func(trust.Bundle, Object) (string, error) { return "t", refused })
	return err
}

func (r refusals) assignEndpoint(key string, refused error) error {
	e := trust.ChannelEndpoint{SID: "RA1", AccountSID: "AC1", BundleSID: "BU9", EndpointSID: "PN1"}
	_, err := r.s.AssignEndpoint(r.ctx, r.of, r.request(key), e, trust.Origin{}, func(trust.Bundle, bool) error { return refused })
	return err
}

// TestRefusalsDoNotRepeatBatches has requests that are refused in a batch with a write of another account, which runs once: no
// caller can cause the work of others to be done twice.
func TestRefusalsDoNotRepeatBatches(t *testing.T) {
	for name, request := range map[string]func(r refusals) error{
		"assign again":              func(r refusals) error { return r.assign("new", "IT1", nil) },
		"assign an unknown object":  func(r refusals) error { return r.assign("new", "IT2", nil) },
		"assign what may not be":    func(r refusals) error { return r.assign("new", "IT1", errRefused) },
		"assign an endpoint again":  func(r refusals) error { return r.assignEndpoint("new", nil) },
		"evaluate a missing bundle": refusals.evaluateMissing,
		"a key of another request":  refusals.reuseKey,
		"update":                    refusals.update,
		"update an object":          refusals.updateObject,
		"delete":                    refusals.delete,
		"delete an object":          refusals.deleteObject,
		"unassign":                  refusals.unassign,
		"promote no token": func(r refusals) error {
			_, err := r.s.PromoteToken(r.ctx, "AC1")
			return err
		},
		"replay nothing": func(r refusals) error { return r.s.Replay(r.ctx, "ND1", time.UnixMilli(1)) },
		"drop nothing":   func(r refusals) error { return r.s.Drop(r.ctx, "ND1", time.UnixMilli(1)) },
	} {
		t.Run(name, func(t *testing.T) {
			s, of := fullBundle(t)
			release := hold(t, s)
			var group sync.WaitGroup
			runs := 0
			group.Go(func() {
				if err := s.write(t.Context(), func(tx session) error { runs++; return addAccount(tx, "AC2") }); err != nil {
					t.Error(err)
				}
			})
			waitFor(s, 1)
			group.Go(func() {
				if err := request(of); err == nil || errors.Is(err, ErrUnavailable) {
					t.Errorf("the request was not refused: %v", err)
				}
			})
			waitFor(s, 2)
			release()
			group.Wait()
			if runs != 1 {
				t.Errorf("the write of another account ran %d times, want once", runs)
			}
			wantAccounts(t, s, "AC1 AC2")
		})
	}
}

func (r refusals) evaluateMissing() error {
	_, err := r.s.Evaluate(r.ctx, r.of, r.request("new"), trust.Evaluation{SID: "EL1", AccountSID: "AC1", BundleSID: "BU2"},
		trust.Origin{}, func(*trust.Evaluation, trust.Assigned) {})
	return err
}

func (r refusals) reuseKey() error {
	other := *r.request("used")
	other.Fingerprint = "another"
	_, err := r.s.Bundles.CreateOnce(r.ctx, other, trust.Bundle{SID: "BU3", AccountSID: "AC1"})
	return err
}

func (r refusals) update() error {
	_, err := r.s.UpdateBundle(r.ctx, r.of, "BU9", func(trust.Bundle) (trust.Outcome, error) { return trust.Outcome{}, errRefused })
	return err
}

func (r refusals) updateObject() error {
	_, err := r.s.EndUsers.UpdateObject(r.ctx, Scope{"AC1"}, "IT1", trust.Origin{},
		func(*trust.EndUser, []trust.Status) (bool, error) { return true, errRefused })
	return err
}

func (r refusals) delete() error {
	return r.s.DeleteBundle(r.ctx, r.of, "BU9", trust.Origin{}, func(trust.Bundle, []trust.Status) error { return errRefused })
}

func (r refusals) deleteObject() error {
	return r.s.EndUsers.DeleteObject(r.ctx, Scope{"AC1"}, "IT1", trust.Origin{},
		func(trust.EndUser, []trust.Status) error { return errRefused })
}

func (r refusals) unassign() error {
	return r.s.Unassign(r.ctx, r.of, "BU9", "BV1", trust.Origin{}, func(trust.Bundle) error { return errRefused })
}

// TestRunAgainReturnsTheLastAnswer has a batch that runs twice, with two requests of one key: the first is refused in the first
// run only, so the second is a repeat in the second run.
func TestRunAgainReturnsTheLastAnswer(t *testing.T) {
	s, of := fullBundle(t)
	for _, sid := range []string{"IT2", "IT3"} {
		must(t, s.EndUsers.Create(t.Context(), trust.EndUser{SID: sid, AccountSID: "AC1"}))
	}
	runs := 0
	assign := func(object string, prepare func() error) (trust.Assignment, error) {
		a := trust.Assignment{SID: "BV" + object[2:], AccountSID: "AC1", BundleSID: "BU9", ObjectSID: object}
		return s.Assign(t.Context(), of.of, of.request("new"), a, trust.Origin{},
			func(trust.Bundle, Object) (string, error) { return "t", prepare() })
	}
	release := hold(t, s)
	var answers [2]trust.Assignment
	var group sync.WaitGroup
	for i, write := range []func() error{
		func() (err error) {
			answers[0], err = assign("IT2", func() error {
				if runs++; runs == 1 {
					return errRefused
				}
				return nil
			})
			return err
		},
		func() (err error) {
			answers[1], err = assign("IT3", func() error { return nil })
			return err
		},
		func() error {
			err := s.write(t.Context(), func(tx session) error { return errors.Join(addAccount(tx, "AC2"), errRefused) })
			if errors.Is(err, errRefused) {
				return nil
			}
			return errors.Join(errors.New("it was not refused"), err)
		},
	} {
		group.Go(func() {
			if err := write(); err != nil {
				t.Errorf("write %d: %v", i, err)
			}
		})
		waitFor(s, i+1)
	}
	release()
	group.Wait()
	if runs != 2 || answers[0].SID != "BV2" || answers[1].SID != "BV2" {
		t.Errorf("%d runs, answers %+v, want two and BV2 twice", runs, answers)
	}
}
