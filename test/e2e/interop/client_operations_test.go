package interop

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/opentrusthub/trusthub/api/client"
)

// TestClientEveryOperation lets our client do what TestEveryOperation lets the SDK do, in one onboarding.
func TestClientEveryOperation(t *testing.T) {
	t.Parallel()
	onEachEngine(t, testClientEveryOperation)
}

func testClientEveryOperation(t *testing.T, server *url.URL) {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	succeeded := &recorder{next: transport}
	c, err := client.New(client.WithBaseURL(server.String()), client.WithCredentials(accountSID, authToken),
		client.WithHTTPClient(&http.Client{Transport: succeeded}))
	if err != nil {
		t.Fatal(err)
	}
	b := business{t, t.Context(), c}
	b.readCatalog()
	user, document := b.describe()
	b.registerProfile(user)
	b.register(user, document)
	readOperations(t).expect(t, succeeded)
}

// business is somebody who registers a business.
type business struct {
	t   *testing.T
	ctx context.Context //nolint:containedctx // of a single test
	c   *client.Client
}

// must returns what a call returned, and ends the test if it failed.
func must[T any](b business, result T, err error) T {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	return result
}

// one wants a list to have a single item that is like the one that was created.
func one[T any](b business, list iter.Seq2[*T, error], created *T) {
	b.t.Helper()
	var all []string
	for item, err := range list {
		all = append(all, show(must(b, item, err)))
	}
	if want := []string{show(created)}; !slices.Equal(all, want) {
		b.t.Errorf("the list is %s, want %s", all, want)
	}
}

// same wants what was fetched to be what was created.
func same[T any](b business, fetched T, err error, created T) {
	b.t.Helper()
	if err != nil || show(fetched) != show(created) {
		b.t.Errorf("fetched %s (%v), want %s", show(fetched), err, show(created))
	}
}

func (b business) readCatalog() {
	b.t.Helper()
	for listed, err := range b.c.ListPolicies(b.ctx, client.ListPoliciesRequest{PageSize: new(int64(2))}) {
		policy := must(b, listed, err)
		fetched, err := b.c.FetchPolicies(b.ctx, policy.SID)
		same(b, fetched, err, policy)
	}
	for listed, err := range b.c.ListEndUserType(b.ctx, client.ListEndUserTypeRequest{PageSize: new(int64(2))}) {
		endUserType := must(b, listed, err)
		fetched, err := b.c.FetchEndUserType(b.ctx, endUserType.MachineName)
		same(b, fetched, err, endUserType)
	}
	for listed, err := range b.c.ListSupportingDocumentType(b.ctx, client.ListSupportingDocumentTypeRequest{PageSize: new(int64(2))}) {
		documentType := must(b, listed, err)
		fetched, err := b.c.FetchSupportingDocumentType(b.ctx, documentType.MachineName)
		same(b, fetched, err, documentType)
	}
}

// describe creates an end user and a document, and reads and changes them.
func (b business) describe() (*client.EndUser, *client.SupportingDocument) {
	b.t.Helper()
	user, err := b.c.CreateEndUser(b.ctx, client.CreateEndUserRequest{
		FriendlyName: "Acme", Type: "cnam_information", Attributes: client.MustJSON(map[string]any{"cnam_display_name": "1"}),
	})
	user = must(b, user, err)
	user, err = b.c.UpdateEndUser(b.ctx, user.SID, client.UpdateEndUserRequest{
		Attributes: client.MustJSON(map[string]any{"cnam_display_name": "Acme"}),
	})
	user = must(b, user, err)
	if string(user.Attributes) != `{"cnam_display_name":"Acme"}` {
		b.t.Errorf("the attributes are %s", user.Attributes)
	}
	fetchedUser, err := b.c.FetchEndUser(b.ctx, user.SID)
	same(b, fetchedUser, err, user)
	one(b, b.c.ListEndUser(b.ctx, client.ListEndUserRequest{}), user)

	document, err := b.c.CreateSupportingDocument(b.ctx, client.CreateSupportingDocumentRequest{
		FriendlyName: "Address", Type: "customer_profile_address",
	})
	document = must(b, document, err)
	document, err = b.c.UpdateSupportingDocument(b.ctx, document.SID,
		client.UpdateSupportingDocumentRequest{FriendlyName: new("Head office")})
	document = must(b, document, err)
	fetchedDocument, err := b.c.FetchSupportingDocument(b.ctx, document.SID)
	same(b, fetchedDocument, err, document)
	one(b, b.c.ListSupportingDocument(b.ctx, client.ListSupportingDocumentRequest{}), document)
	return user, document
}

// register creates a product, assigns to it, evaluates it, and deletes everything.
func (b business) register(user *client.EndUser, document *client.SupportingDocument) {
	b.t.Helper()
	created, err := b.c.CreateTrustProduct(b.ctx, client.CreateTrustProductRequest{
		FriendlyName: "Acme", Email: email, PolicySID: cnamPolicy,
	})
	created = must(b, created, err)
	product, err := b.c.UpdateTrustProduct(b.ctx, created.SID, client.UpdateTrustProductRequest{FriendlyName: new("Acme, Inc.")})
	product = must(b, product, err)
	fetched, err := b.c.FetchTrustProduct(b.ctx, product.SID)
	same(b, fetched, err, product)
	one(b, b.c.ListTrustProduct(b.ctx, client.ListTrustProductRequest{}), product)

	b.assign(product.SID, user.SID, document.SID)
	b.evaluate(product.SID)
	for _, err := range []error{
		b.c.DeleteTrustProduct(b.ctx, product.SID), b.c.DeleteEndUser(b.ctx, user.SID), b.c.DeleteSupportingDocument(b.ctx, document.SID),
	} {
		if err != nil {
			b.t.Error(err)
		}
	}
}

func (b business) assign(product, user, document string) {
	b.t.Helper()
	assign := func(object string) (*client.TrustProductEntityAssignment, error) {
		return b.c.CreateTrustProductEntityAssignment(b.ctx, product,
			client.CreateTrustProductEntityAssignmentRequest{ObjectSID: object})
	}
	first, err := assign(user)
	first = must(b, first, err)
	second, err := assign(document)
	second = must(b, second, err)
	_, err = assign(user)
	if failure, ok := errors.AsType[*client.Error](err); !ok || failure.Status != 409 || failure.Code != 70003 {
		b.t.Errorf("assigned again: %v", err)
	}
	fetched, err := b.c.FetchTrustProductEntityAssignment(b.ctx, product, first.SID)
	same(b, fetched, err, first)
	one(b, b.c.ListTrustProductEntityAssignment(b.ctx, product,
		client.ListTrustProductEntityAssignmentRequest{ObjectType: new("cnam_information")}), first)
	if err := b.c.DeleteTrustProductEntityAssignment(b.ctx, product, second.SID); err != nil {
		b.t.Error(err)
	}

	number := "PN" + unknownDigits
	profile, err := b.c.CreateCustomerProfile(b.ctx, client.CreateCustomerProfileRequest{
		FriendlyName: "Acme", Email: "a@acme.example", PolicySID: secondaryPolicy,
	})
	profile = must(b, profile, err)
	_, err = b.c.CreateCustomerProfileChannelEndpointAssignment(b.ctx, profile.SID,
		client.CreateCustomerProfileChannelEndpointAssignmentRequest{
			ChannelEndpointType: client.ChannelEndpointTypePhoneNumber, ChannelEndpointSID: number,
		})
	_, assignErr := assign(profile.SID)
	if err := errors.Join(err, assignErr); err != nil {
		b.t.Error(err)
	}
	endpoint, err := b.c.CreateTrustProductChannelEndpointAssignment(b.ctx, product,
		client.CreateTrustProductChannelEndpointAssignmentRequest{
			ChannelEndpointType: client.ChannelEndpointTypePhoneNumber, ChannelEndpointSID: number,
		})
	endpoint = must(b, endpoint, err)
	fetchedEndpoint, err := b.c.FetchTrustProductChannelEndpointAssignment(b.ctx, product, endpoint.SID)
	same(b, fetchedEndpoint, err, endpoint)
	one(b, b.c.ListTrustProductChannelEndpointAssignment(b.ctx, product,
		client.ListTrustProductChannelEndpointAssignmentRequest{ChannelEndpointSID: &number}), endpoint)
	if err := b.c.DeleteTrustProductChannelEndpointAssignment(b.ctx, product, endpoint.SID); err != nil {
		b.t.Error(err)
	}
}

func (b business) evaluate(product string) {
	b.t.Helper()
	evaluation, err := b.c.CreateTrustProductEvaluation(b.ctx, product,
		client.CreateTrustProductEvaluationRequest{PolicySID: cnamPolicy})
	evaluation = must(b, evaluation, err)
	if evaluation.Status != client.EvaluationStatusNoncompliant || !evaluation.Results[0].Passed || evaluation.Results[1].Passed {
		b.t.Errorf("the evaluation is %s, want all but the profile", show(evaluation))
	}
	fetched, err := b.c.FetchTrustProductEvaluation(b.ctx, product, evaluation.SID)
	same(b, fetched, err, evaluation)
	one(b, b.c.ListTrustProductEvaluation(b.ctx, product, client.ListTrustProductEvaluationRequest{}), evaluation)
}
