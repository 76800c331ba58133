package console

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// maxCodes is how many codes a rejection has at most, as in the operator API.
const maxCodes = 100

func (c *Console) startReview(r *http.Request) (location string, err error) {
	return c.decide(r, trust.Change{Status: new(trust.InReview)}, "review")
}

func (c *Console) approve(r *http.Request) (location string, err error) {
	return c.decide(r, trust.Change{Status: new(trust.TwilioApproved)}, "approved")
}

func (c *Console) reject(r *http.Request) (location string, err error) {
	codes, err := rejectionCodes(append(slices.Clone(r.PostForm["code"]), strings.FieldsFunc(
		r.PostForm.Get("codes"), func(c rune) bool { return c == ',' || c == ' ' })...))
	if err != nil {
		return "", err
	}
	return c.decide(r, trust.Change{Status: new(trust.TwilioRejected), Reasons: codes}, "rejected")
}

// rejectionCodes reads the codes of a rejection.
func rejectionCodes(texts []string) (codes []int, err error) {
	for _, text := range texts {
		code, err := strconv.Atoi(text)
		if err != nil || !trust.ValidRejectionCode(code) {
			return nil, invalid("Each code must be a number of five digits.")
		}
		codes = append(codes, code)
	}
	switch {
	case len(codes) == 0:
		return nil, invalid("A rejection needs at least one code.")
	case len(codes) > maxCodes:
		return nil, invalid("A rejection has at most 100 codes.")
	}
	return codes, nil
}

// decide makes a reviewer's change to the bundle of a page.
func (c *Console) decide(r *http.Request, change trust.Change, note string) (location string, err error) {
	sid := r.PathValue("sid")
	if !bundleSID.MatchString(sid) {
		return "", errNotFound
	}
	_, err = c.Operator.Decide(r.Context(), sid, c.Policy, change)
	return done("bundles/"+sid, note), err
}

func (c *Console) replayDelivery(r *http.Request) (location string, err error) {
	d, err := c.deliveryOfForm(r)
	if err != nil {
		return "", err
	}
	_, err = c.Operator.Replay(r.Context(), d.Notice.ID)
	return done("bundles/"+d.Notice.BundleSID, "replayed"), err
}

func (c *Console) dropDelivery(r *http.Request) (location string, err error) {
	d, err := c.deliveryOfForm(r)
	if err != nil {
		return "", err
	}
	_, err = c.Operator.Drop(r.Context(), d.Notice.ID)
	return done("bundles/"+d.Notice.BundleSID, "dropped"), err
}

// deliveryOfForm returns the delivery that a form names, which must be of the bundle of its page.
func (c *Console) deliveryOfForm(r *http.Request) (store.Delivery, error) {
	id := r.PostForm.Get("delivery")
	if !deliveryID.MatchString(id) {
		return store.Delivery{}, invalid("The parameter delivery must be the id of a delivery.")
	}
	d, err := c.Store.Delivery(r.Context(), id)
	if err == nil && d.Notice.BundleSID != r.PathValue("sid") {
		err = errNotFound
	}
	return d, err
}
