package hub

import (
	"context"
	"time"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// present is a product as the API shows it.
func present(ctx context.Context, p trust.Bundle) gen.TrustProduct {
	url := api.BaseURL(ctx) + "/v1/TrustProducts/" + p.SID
	answer := gen.TrustProduct{
		SID:          p.SID,
		AccountSID:   p.AccountSID,
		PolicySID:    p.PolicySID,
		FriendlyName: p.FriendlyName,
		Status:       gen.TrustProductStatus(p.Status),
		Email:        p.Email,
		DateCreated:  wholeSeconds(p.Created),
		DateUpdated:  wholeSeconds(p.Updated),
		URL:          url,
		Links: gen.TrustProductLinks{
			TrustProductsEntityAssignments:         url + "/EntityAssignments",
			TrustProductsEvaluations:               url + "/Evaluations",
			TrustProductsChannelEndpointAssignment: url + "/ChannelEndpointAssignments",
		},
	}
	if p.StatusCallback != "" {
		answer.StatusCallback = &p.StatusCallback
	}
	if !p.ValidUntil.IsZero() {
		until := wholeSeconds(p.ValidUntil)
		answer.ValidUntil = &until
	}
	for _, code := range p.Errors {
		answer.Errors = append(answer.Errors, gen.TrustProductError{Code: code})
	}
	return answer
}

// wholeSeconds is how the API shows times: twilio-python hands a time with a fraction back as a raw string.
func wholeSeconds(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }
