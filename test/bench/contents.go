package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/opentrusthub/trusthub/api/client"
	"github.com/opentrusthub/trusthub/internal/trust"
)

const (
	evaluationGoal   = 3.0
	assignmentGoal   = 1.5
	largestPolicy    = "RNdfbf3fae0e1107f8aded0e7cead80bf5" // Secondary Customer Profile of type Business
	evaluatedBundles = 64
	assignedToEach   = 10 // objects of each product, more than any policy requires
)

// contents is figure 14: evaluations of the largest policy, compared with fetches, and entity assignments, compared with creates.
func (b *bench) contents(ctx context.Context) (_ []row, err error) {
	s, err := serveDatabase(ctx, b.path("contents.db"), durable)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	api, err := client.New(client.WithBaseURL("http://"+s.address), client.WithCredentials(accountSID, authToken))
	if err != nil {
		return nil, err
	}
	profiles, err := makeProfiles(ctx, api)
	if err != nil {
		return nil, err
	}
	products, err := makeDrafts(ctx, s.Store(), smallSize, unreachable)
	if err != nil {
		return nil, err
	}
	evaluated, err := inTurns(ctx, b.Rounds, load{
		address: s.address, connections: b.Connections, status: http.StatusCreated,
		request: func(buffer []byte, _ int) []byte {
			return append(buffer, post("/v1/CustomerProfiles/"+oneOf(profiles)+"/Evaluations", "PolicySid="+largestPolicy)...)
		},
	}.rounds(b.Round), fetches(s.address, b.Connections, products).rounds(b.Round))
	if err != nil {
		return nil, err
	}
	count := int(b.Round.Seconds() * changesASecond)
	created := creates(s.address, b.Connections)
	assigned, err := inTurns(ctx, b.Rounds, b.assignments(s, api, count), func(ctx context.Context) (loaded, error) {
		return created.times(ctx, count)
	})
	if err != nil {
		return nil, err
	}
	rows := []row{
		timesRow("an evaluation of the largest policy, of a fetch", evaluated, evaluationGoal),
		timesRow("an entity assignment, of a create", assigned, assignmentGoal),
	}
	rows[0].number = "14"
	return rows, nil
}

// assignments assigns end users to products, both of which are made before each round.
func (b *bench) assignments(s *local, api *client.Client, count int) side {
	return func(ctx context.Context) (loaded, error) {
		products, err := makeDrafts(ctx, s.Store(), count/assignedToEach+1, unreachable)
		if err != nil {
			return loaded{}, err
		}
		users := make([]string, assignedToEach)
		for i := range users {
			user, err := api.CreateEndUser(ctx, newEndUser("authorized_representative_1", representative))
			if err != nil {
				return loaded{}, err
			}
			users[i] = user.SID
		}
		return load{
			address: s.address, connections: b.Connections, status: http.StatusCreated,
			request: func(buffer []byte, number int) []byte {
				path := "/v1/TrustProducts/" + products[number/assignedToEach] + "/EntityAssignments"
				return append(buffer, post(path, "ObjectSid="+users[number%assignedToEach])...)
			},
		}.times(ctx, count)
	}
}

// The attributes of what complies with the largest policy.
const (
	business = `{"business_name": "Acme, Inc.", "business_identity": "direct_customer", "business_type": "Corporation",
		"business_industry": "RETAIL", "business_registration_identifier": "EIN", "business_registration_number": "12-3456789",
		"business_regions_of_operation": "USA_AND_CANADA", "website_url": "https://acme.example"}`
	representative = `{"first_name": "Jane", "last_name": "Doe", "email": "jane@acme.example", "phone_number": "+12025550100",
		"business_title": "CEO", "job_position": "CEO"}`
	office = `{"address_sids": "ADaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}`
)

func newEndUser(machineName string, attributes client.Attributes) client.CreateEndUserRequest {
	return client.CreateEndUserRequest{FriendlyName: "Acme", Type: machineName, Attributes: attributes}
}

// makeProfiles creates Customer Profiles that comply with the largest policy, and returns their SIDs.
func makeProfiles(ctx context.Context, c *client.Client) ([]string, error) {
	objects := []string{trust.PrimarySID(accountSID)}
	for machineName, attributes := range map[string]client.Attributes{
		"customer_profile_business_information": business,
		"authorized_representative_1":           representative,
		"authorized_representative_2":           representative,
	} {
		user, err := c.CreateEndUser(ctx, newEndUser(machineName, attributes))
		if err != nil {
			return nil, err
		}
		objects = append(objects, user.SID)
	}
	document, err := c.CreateSupportingDocument(ctx, client.CreateSupportingDocumentRequest{
		FriendlyName: "Acme", Type: "customer_profile_address", Attributes: client.Attributes(office),
	})
	if err != nil {
		return nil, err
	}
	objects = append(objects, document.SID)
	profiles := make([]string, evaluatedBundles)
	for i := range profiles {
		if profiles[i], err = makeProfile(ctx, c, objects); err != nil {
			return nil, err
		}
	}
	return profiles, nil
}

// makeProfile creates a Customer Profile with objects, and returns its SID. It fails unless the profile complies.
func makeProfile(ctx context.Context, c *client.Client, objects []string) (string, error) {
	profile, err := c.CreateCustomerProfile(ctx, client.CreateCustomerProfileRequest{
		FriendlyName: "Acme", Email: email, PolicySID: largestPolicy,
	})
	if err != nil {
		return "", err
	}
	for _, object := range objects {
		request := client.CreateCustomerProfileEntityAssignmentRequest{ObjectSID: object}
		if _, err := c.CreateCustomerProfileEntityAssignment(ctx, profile.SID, request); err != nil {
			return "", err
		}
	}
	evaluation, err := c.CreateCustomerProfileEvaluation(ctx, profile.SID,
		client.CreateCustomerProfileEvaluationRequest{PolicySID: largestPolicy})
	if err == nil && evaluation.Status != client.EvaluationStatusCompliant {
		err = fmt.Errorf("the profile is %s", evaluation.Status)
	}
	return profile.SID, err
}
