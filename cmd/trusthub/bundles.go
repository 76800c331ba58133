package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/opentrusthub/trusthub/api/client"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// kindFlag chooses the kind of bundle for the commands that are not given a SID.
type kindFlag struct {
	Kind trust.Kind `enum:"trust-product,customer-profile" default:"trust-product" help:"Kind of bundle: trust-product or customer-profile."`
}

// bundle is what the program reads of a Trust Product or a Customer Profile.
type bundle struct {
	SID          string       `json:"sid"`
	PolicySID    string       `json:"policy_sid"`
	FriendlyName string       `json:"friendly_name"`
	Status       trust.Status `json:"status"`
	Errors       []struct {
		Code int `json:"code"`
	} `json:"errors"`
	DateUpdated time.Time `json:"date_updated"`

	kind trust.Kind
	all  any // what the server sent, to be printed
}

func newBundle(kind trust.Kind, body json.RawMessage) (bundle, error) {
	b := bundle{kind: kind}
	if err := cmp.Or(json.Unmarshal(body, &b), json.Unmarshal(body, &b.all)); err != nil || b.SID == "" {
		return bundle{}, errUnexpected // err may repeat a value
	}
	return b, nil
}

func (b bundle) path() string { return bundlesPath(b.kind) + "/" + url.PathEscape(b.SID) }

func bundlesPath(kind trust.Kind) string {
	if kind == trust.CustomerProfile {
		return "/v1/CustomerProfiles"
	}
	return "/v1/TrustProducts"
}

// findBundle returns the bundle with this SID, whichever kind it is. SIDs of both kinds look the same.
func findBundle(ctx context.Context, api *client.Client, sid string) (bundle, error) {
	var unknown error
	for _, kind := range []trust.Kind{trust.TrustProduct, trust.CustomerProfile} {
		b, err := fetchBundle(ctx, api, bundle{SID: sid, kind: kind})
		if !isAbsent(err) {
			return b, err
		}
		unknown = cmp.Or(unknown, err)
	}
	return bundle{}, fmt.Errorf("%w; the account has no Customer Profile with this SID either", unknown)
}

// isAbsent reports whether err says that the account does not have what was asked for, or the server not the operation.
func isAbsent(err error) bool {
	refused, ok := errors.AsType[*client.Error](err)
	return ok && (refused.Status == http.StatusNotFound || refused.Status == http.StatusNotImplemented)
}

// fetchBundle returns the present state of a bundle.
func fetchBundle(ctx context.Context, api *client.Client, b bundle) (bundle, error) {
	return sendForBundle(ctx, api, b.kind, http.MethodGet, b.path(), nil)
}

// sendForBundle is send for an operation that returns a bundle.
func sendForBundle(
	ctx context.Context, api *client.Client, kind trust.Kind, method, path string, form url.Values,
) (bundle, error) {
	var body json.RawMessage
	if err := send(ctx, api, method, path, form, &body); err != nil {
		return bundle{}, err
	}
	return newBundle(kind, body)
}

// listBundles yields the bundles of a kind, newest first.
func listBundles(ctx context.Context, api *client.Client, kind trust.Kind, query url.Values) iter.Seq2[bundle, error] {
	return func(yield func(bundle, error) bool) {
		for item, err := range list(ctx, api, bundlesPath(kind), query) {
			var b bundle
			if err == nil {
				b, err = newBundle(kind, *item)
			}
			if !yield(b, err) {
				return
			}
		}
	}
}

// list yields the items of a list as JSON.
func list(ctx context.Context, api *client.Client, path string, query url.Values) iter.Seq2[*json.RawMessage, error] {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, path+"?"+query.Encode(), nil)
	if err != nil {
		return func(yield func(*json.RawMessage, error) bool) { yield(nil, err) }
	}
	return api.List(request)
}

// send sends a request, with the form if it is a POST, and decodes the response into result, which is nil if it has no body.
func send(ctx context.Context, api *client.Client, method, path string, form url.Values, result any) error {
	request, err := http.NewRequestWithContext(ctx, method, path, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	if method == http.MethodPost {
		request.Header.Set("Content-Type", formType)
	}
	response, err := api.Do(request) //nolint:bodyclose // Do has read it
	if err != nil {
		return err
	}
	body, err := io.ReadAll(response.Body)
	if err != nil || result == nil {
		return err
	}
	if err := json.Unmarshal(body, result); err != nil {
		return errUnexpected // err may repeat a value
	}
	return nil
}

var errUnexpected = errors.New("the server's response has an unexpected form")

// setOptional adds a parameter to a form or a query if the flag for it was given.
func setOptional[T ~string](values url.Values, name string, value *T) {
	if value != nil {
		values.Set(name, string(*value))
	}
}
