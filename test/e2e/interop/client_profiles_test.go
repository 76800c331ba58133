package interop

import "github.com/opentrusthub/trusthub/api/client"

// registerProfile creates a Customer Profile, assigns to it, evaluates it, and deletes it.
func (b business) registerProfile(user *client.EndUser) {
	b.t.Helper()
	created, err := b.c.CreateCustomerProfile(b.ctx, client.CreateCustomerProfileRequest{
		FriendlyName: "Acme", Email: email, PolicySID: starterPolicy,
	})
	created = must(b, created, err)
	profile, err := b.c.UpdateCustomerProfile(b.ctx, created.SID, client.UpdateCustomerProfileRequest{FriendlyName: new("Acme, Inc.")})
	profile = must(b, profile, err)
	fetched, err := b.c.FetchCustomerProfile(b.ctx, profile.SID)
	same(b, fetched, err, profile)
	one(b, b.c.ListCustomerProfile(b.ctx, client.ListCustomerProfileRequest{FriendlyName: new("Acme, Inc.")}), profile)

	assignment, err := b.c.CreateCustomerProfileEntityAssignment(b.ctx, profile.SID,
		client.CreateCustomerProfileEntityAssignmentRequest{ObjectSID: user.SID})
	assignment = must(b, assignment, err)
	fetchedAssignment, err := b.c.FetchCustomerProfileEntityAssignment(b.ctx, profile.SID, assignment.SID)
	same(b, fetchedAssignment, err, assignment)
	one(b, b.c.ListCustomerProfileEntityAssignment(b.ctx, profile.SID, client.ListCustomerProfileEntityAssignmentRequest{}), assignment)

	endpoint, err := b.c.CreateCustomerProfileChannelEndpointAssignment(b.ctx, profile.SID,
		client.CreateCustomerProfileChannelEndpointAssignmentRequest{
			ChannelEndpointType: client.ChannelEndpointTypePhoneNumber, ChannelEndpointSID: "PN" + unknownDigits,
		})
	endpoint = must(b, endpoint, err)
	fetchedEndpoint, err := b.c.FetchCustomerProfileChannelEndpointAssignment(b.ctx, profile.SID, endpoint.SID)
	same(b, fetchedEndpoint, err, endpoint)
	one(b, b.c.ListCustomerProfileChannelEndpointAssignment(b.ctx, profile.SID,
		client.ListCustomerProfileChannelEndpointAssignmentRequest{}), endpoint)

	evaluation, err := b.c.CreateCustomerProfileEvaluation(b.ctx, profile.SID,
		client.CreateCustomerProfileEvaluationRequest{PolicySID: starterPolicy})
	evaluation = must(b, evaluation, err)
	fetchedEvaluation, err := b.c.FetchCustomerProfileEvaluation(b.ctx, profile.SID, evaluation.SID)
	same(b, fetchedEvaluation, err, evaluation)
	one(b, b.c.ListCustomerProfileEvaluation(b.ctx, profile.SID, client.ListCustomerProfileEvaluationRequest{}), evaluation)

	for _, err := range []error{
		b.c.DeleteCustomerProfileEntityAssignment(b.ctx, profile.SID, assignment.SID),
		b.c.DeleteCustomerProfileChannelEndpointAssignment(b.ctx, profile.SID, endpoint.SID),
		b.c.DeleteCustomerProfile(b.ctx, profile.SID),
	} {
		if err != nil {
			b.t.Error(err)
		}
	}
}
