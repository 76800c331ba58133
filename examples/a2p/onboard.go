package main

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/opentrusthub/trusthub/api/client"
)

// The policies, which are the same in every account.
const (
	secondaryPolicySID = "RNdfbf3fae0e1107f8aded0e7cead80bf5" // a customer of the account's owner, a business
	a2pPolicySID       = "RNb0d4771c2c98518d916a3d4cd70a8f8b"
)

// onboarding registers businesses.
type onboarding struct {
	api        *client.Client
	primarySID string // Primary Customer Profile of the account's owner, approved
	log        *log.Logger
	pause      func(context.Context) error // between two looks at a review
}

// onboard registers a business and returns the SID of its approved Trust Product.
func (o onboarding) onboard(ctx context.Context, b business) (string, error) {
	profileSID, err := o.submitProfile(ctx, b)
	if err != nil {
		return "", fmt.Errorf("customer profile: %w", err)
	}
	// A product may be submitted while its profile is in review. This program waits: a product needs its profile.
	if err := o.awaitApproval(ctx, func() (review, error) {
		profile, err := o.api.FetchCustomerProfile(ctx, profileSID)
		if err != nil {
			return review{}, err
		}
		return review{profile.Status, profile.Errors}, nil
	}); err != nil {
		return "", fmt.Errorf("customer profile %s: %w", profileSID, err)
	}
	productSID, err := o.submitProduct(ctx, b, profileSID)
	if err != nil {
		return "", fmt.Errorf("trust product: %w", err)
	}
	if err := o.awaitApproval(ctx, func() (review, error) {
		product, err := o.api.FetchTrustProduct(ctx, productSID)
		if err != nil {
			return review{}, err
		}
		return review{product.Status, product.Errors}, nil
	}); err != nil {
		return "", fmt.Errorf("trust product %s: %w", productSID, err)
	}
	return productSID, nil
}

// submitProfile describes the business in a Customer Profile, submits it and returns its SID.
func (o onboarding) submitProfile(ctx context.Context, b business) (string, error) {
	profile, err := o.api.CreateCustomerProfile(ctx, client.CreateCustomerProfileRequest{
		FriendlyName: b.Name, Email: b.Email, PolicySID: secondaryPolicySID,
	})
	if err != nil {
		return "", err
	}
	information, err := o.createEndUser(ctx, "customer_profile_business_information", b.Information)
	if err != nil {
		return "", err
	}
	representative, err := o.createEndUser(ctx, "authorized_representative_1", b.Representative)
	if err != nil {
		return "", err
	}
	address, err := o.api.CreateSupportingDocument(ctx, client.CreateSupportingDocumentRequest{
		FriendlyName: b.Name + ", address", Type: "customer_profile_address",
		Attributes: client.MustJSON(map[string]any{"address_sids": b.AddressSID}),
	})
	if err != nil {
		return "", err
	}
	for _, object := range []string{information, representative, address.SID, o.primarySID} {
		if _, err := o.api.CreateCustomerProfileEntityAssignment(ctx, profile.SID,
			client.CreateCustomerProfileEntityAssignmentRequest{ObjectSID: object}); err != nil {
			return "", err
		}
	}
	evaluation, err := o.api.CreateCustomerProfileEvaluation(ctx, profile.SID,
		client.CreateCustomerProfileEvaluationRequest{PolicySID: secondaryPolicySID})
	if err != nil {
		return "", err
	}
	if err := compliant(evaluation.Results); err != nil {
		return "", err
	}
	submitted, err := o.api.UpdateCustomerProfile(ctx, profile.SID,
		client.UpdateCustomerProfileRequest{Status: new(client.BundleStatusPendingReview)})
	if err != nil {
		return "", err
	}
	o.log.Printf("Customer Profile %s: %s", submitted.SID, submitted.Status)
	return submitted.SID, nil
}

// submitProduct creates a Trust Product for messaging that stands on the profile, submits it and returns its SID.
func (o onboarding) submitProduct(ctx context.Context, b business, profileSID string) (string, error) {
	product, err := o.api.CreateTrustProduct(ctx, client.CreateTrustProductRequest{
		FriendlyName: b.Name, Email: b.Email, PolicySID: a2pPolicySID,
	})
	if err != nil {
		return "", err
	}
	messaging, err := o.createEndUser(ctx, "us_a2p_messaging_profile_information", b.Messaging)
	if err != nil {
		return "", err
	}
	for _, object := range []string{messaging, profileSID} {
		if _, err := o.api.CreateTrustProductEntityAssignment(ctx, product.SID,
			client.CreateTrustProductEntityAssignmentRequest{ObjectSID: object}); err != nil {
			return "", err
		}
	}
	evaluation, err := o.api.CreateTrustProductEvaluation(ctx, product.SID,
		client.CreateTrustProductEvaluationRequest{PolicySID: a2pPolicySID})
	if err != nil {
		return "", err
	}
	if err := compliant(evaluation.Results); err != nil {
		return "", err
	}
	submitted, err := o.api.UpdateTrustProduct(ctx, product.SID,
		client.UpdateTrustProductRequest{Status: new(client.BundleStatusPendingReview)})
	if err != nil {
		return "", err
	}
	o.log.Printf("Trust Product %s: %s", submitted.SID, submitted.Status)
	return submitted.SID, nil
}

func (o onboarding) createEndUser(ctx context.Context, machineName string, attributes any) (string, error) {
	user, err := o.api.CreateEndUser(ctx, client.CreateEndUserRequest{
		FriendlyName: machineName, Type: machineName, Attributes: client.MustJSON(attributes),
	})
	if err != nil {
		return "", err
	}
	return user.SID, nil
}

// compliant returns an error that names the requirements that are not fulfilled, nil if all are.
func compliant(results []client.EvaluationResult) error {
	var missing []error
	for _, r := range results {
		if !r.Passed {
			missing = append(missing, fmt.Errorf("%s: %s", r.RequirementName, *r.FailureReason)) // every failed one has a reason
		}
	}
	return errors.Join(missing...)
}

// review is what the review of a profile or product has come to.
type review struct {
	status client.BundleStatus
	errors []client.BundleError // of a rejection
}

// awaitApproval returns once the review has ended in an approval. A rejection is an error with its codes.
func (o onboarding) awaitApproval(ctx context.Context, look func() (review, error)) error {
	for {
		found, err := look()
		if err != nil {
			return err
		}
		if found.status == client.BundleStatusTwilioApproved {
			o.log.Print("approved")
			return nil
		}
		if found.status == client.BundleStatusTwilioRejected {
			return fmt.Errorf("rejected: %v", found.errors)
		}
		if err := o.pause(ctx); err != nil {
			return err
		}
	}
}
