package main

import (
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/api/conformance"
)

// TestConformance runs every case of a Trust Product except those of the review, which this backend does not have.
func TestConformance(t *testing.T) {
	const sid, other = "AC0123456789abcdef0123456789abcdef", "ACfedcba9876543210fedcba9876543210"
	handler, err := newHandler(newBackend(time.Now), accounts{sid: "token", other: "another"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	conformance.Run(t, conformance.Target{
		BaseURL: server.URL, Username: sid, Password: "token", OtherUsername: other, OtherPassword: "another",
		StandIn: true, Idempotency: true,
		Unimplemented: []string{
			"TrustProductEntityAssignment", "TrustProductChannelEndpointAssignment", "TrustProductEvaluation",
			"CustomerProfile", "CustomerProfileEntityAssignment", "CustomerProfileChannelEndpointAssignment", "CustomerProfileEvaluation",
			"EndUser", "SupportingDocument", "EndUserType", "SupportingDocumentType", "Policies",
		},
	})
}
