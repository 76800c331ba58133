package crash_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/opentrusthub/trusthub/api/client"
)

const (
	secondaryPolicySID = "RNdfbf3fae0e1107f8aded0e7cead80bf5"
	a2pPolicySID       = "RNb0d4771c2c98518d916a3d4cd70a8f8b"
	pollPause          = 100 * time.Millisecond
)

// onboarder is a program that onboards one business after the other for A2P messaging, as Twilio's guide says. Its creates have idempotency keys that
// follow from the business and the step, so that its client may repeat them; whether a submission without a response was
// stored, it asks the server.
type onboarder struct {
	run     *campaignRun
	api     *client.Client
	primary string // SID of the account's Primary Customer Profile
	polls   bool   // for the end of a review, otherwise it waits for the callback
	unknown *atomic.Int64
}

// business is one that a program onboards. At the end both bundles are approved.
type business struct {
	onboarder
	number               int64
	profile, product     string   // SIDs
	ofProfile, ofProduct []string // SIDs of what is assigned
	phoneNumber          string   // SID, on the profile
}

func (p onboarder) onboard(ctx context.Context, number int64) (*business, error) {
	b := &business{onboarder: p, number: number, phoneNumber: fmt.Sprintf("PN%032x", number)}
	if err := b.fileProfile(ctx); err != nil {
		return b, fmt.Errorf("business %d, profile %s: %w", number, b.profile, err)
	}
	if err := b.fileProduct(ctx); err != nil {
		return b, fmt.Errorf("business %d, product %s: %w", number, b.product, err)
	}
	return b, nil
}

// key returns the idempotency key of a step.
func (b *business) key(step string) client.CallOption {
	return client.WithIdempotencyKey(fmt.Sprintf("business-%d-%s", b.number, step))
}

func (b *business) email(kind string) string { return fmt.Sprintf("%s%d@acme.example", kind, b.number) }

func (b *business) callback() *string {
	return new(fmt.Sprintf("%s/status?business=%d", b.run.customer.url, b.number))
}

// fileProfile makes a Secondary Customer Profile with all that it needs, and returns when it is approved.
func (b *business) fileProfile(ctx context.Context) error {
	email := b.email("profile")
	profile, err := b.api.CreateCustomerProfile(ctx, client.CreateCustomerProfileRequest{
		FriendlyName: fmt.Sprintf("Business %d", b.number), Email: email, PolicySID: secondaryPolicySID, StatusCallback: b.callback(),
	}, b.key("profile"))
	if err != nil {
		return err
	}
	b.profile = profile.SID
	b.run.noteCreated(profile.SID, email)
	if err := b.fillProfile(ctx); err != nil {
		return err
	}
	_, err = b.api.CreateCustomerProfileChannelEndpointAssignment(ctx, b.profile, client.CreateCustomerProfileChannelEndpointAssignmentRequest{
		ChannelEndpointType: client.ChannelEndpointTypePhoneNumber, ChannelEndpointSID: b.phoneNumber,
	}, b.key("number"))
	if err != nil {
		return err
	}
	evaluation, err := b.api.CreateCustomerProfileEvaluation(ctx, b.profile,
		client.CreateCustomerProfileEvaluationRequest{PolicySID: secondaryPolicySID}, b.key("profile-evaluation"))
	if err != nil {
		return err
	}
	if err := compliant(evaluation.Status, evaluation.Results); err != nil {
		return err
	}
	return b.approval(ctx, b.profile, func(status *client.BundleStatus) (client.BundleStatus, error) {
		profile, err := b.api.UpdateCustomerProfile(ctx, b.profile, client.UpdateCustomerProfileRequest{Status: status})
		if err != nil {
			return "", err
		}
		return profile.Status, nil
	}, func() (client.BundleStatus, error) {
		profile, err := b.api.FetchCustomerProfile(ctx, b.profile)
		if err != nil {
			return "", err
		}
		return profile.Status, nil
	})
}

// fillProfile makes the end users and the document of the profile, and assigns them and the Primary.
func (b *business) fillProfile(ctx context.Context) error {
	information, err := b.endUser(ctx, "customer_profile_business_information", map[string]any{
		"business_name": fmt.Sprintf("Business %d", b.number), "business_identity": "direct_customer", "business_type": "Corporation",
		"business_industry": "RETAIL", "business_registration_identifier": "EIN", "business_registration_number": "12-3456789",
		"business_regions_of_operation": "USA_AND_CANADA", "website_url": "https://acme.example",
	})
	if err != nil {
		return err
	}
	representative, err := b.endUser(ctx, "authorized_representative_1", map[string]any{
		"first_name": "Ada", "last_name": "Byron", "email": "ada@acme.example", "phone_number": "+14155550100",
		"business_title": "Owner", "job_position": "CEO",
	})
	if err != nil {
		return err
	}
	document, err := b.api.CreateSupportingDocument(ctx, client.CreateSupportingDocumentRequest{
		FriendlyName: "Address", Type: "customer_profile_address",
		Attributes: client.MustJSON(map[string]any{"address_sids": fmt.Sprintf("AD%032x", b.number)}),
	}, b.key("document"))
	if err != nil {
		return err
	}
	b.ofProfile = []string{information, representative, document.SID, b.primary}
	for _, object := range b.ofProfile {
		if _, err := b.api.CreateCustomerProfileEntityAssignment(ctx, b.profile,
			client.CreateCustomerProfileEntityAssignmentRequest{ObjectSID: object}, b.key("profile-"+object)); err != nil {
			return err
		}
	}
	return nil
}

// fileProduct makes an A2P Trust Product of the profile, and returns when it is approved.
func (b *business) fileProduct(ctx context.Context) error {
	email := b.email("product")
	product, err := b.api.CreateTrustProduct(ctx, client.CreateTrustProductRequest{
		FriendlyName: fmt.Sprintf("Messages of business %d", b.number), Email: email, PolicySID: a2pPolicySID, StatusCallback: b.callback(),
	}, b.key("product"))
	if err != nil {
		return err
	}
	b.product = product.SID
	b.run.noteCreated(product.SID, email)
	about, err := b.endUser(ctx, "us_a2p_messaging_profile_information", map[string]any{"company_type": "private"})
	if err != nil {
		return err
	}
	b.ofProduct = []string{about, b.profile}
	for _, object := range b.ofProduct {
		if _, err := b.api.CreateTrustProductEntityAssignment(ctx, b.product,
			client.CreateTrustProductEntityAssignmentRequest{ObjectSID: object}, b.key("product-"+object)); err != nil {
			return err
		}
	}
	evaluation, err := b.api.CreateTrustProductEvaluation(ctx, b.product,
		client.CreateTrustProductEvaluationRequest{PolicySID: a2pPolicySID}, b.key("product-evaluation"))
	if err != nil {
		return err
	}
	if err := compliant(evaluation.Status, evaluation.Results); err != nil {
		return err
	}
	return b.approval(ctx, b.product, func(status *client.BundleStatus) (client.BundleStatus, error) {
		product, err := b.api.UpdateTrustProduct(ctx, b.product, client.UpdateTrustProductRequest{Status: status})
		if err != nil {
			return "", err
		}
		return product.Status, nil
	}, func() (client.BundleStatus, error) {
		product, err := b.api.FetchTrustProduct(ctx, b.product)
		if err != nil {
			return "", err
		}
		return product.Status, nil
	})
}

// endUser makes an end user of a type, of which the business has one, and returns its SID.
func (b *business) endUser(ctx context.Context, kind string, attributes map[string]any) (sid string, err error) {
	user, err := b.api.CreateEndUser(ctx, client.CreateEndUserRequest{
		FriendlyName: kind, Type: kind, Attributes: client.MustJSON(attributes),
	}, b.key(kind))
	if err != nil {
		return "", err
	}
	return user.SID, nil
}

// compliant returns an error with the first reason if an evaluation is not compliant.
func compliant(status client.EvaluationStatus, results []client.EvaluationResult) error {
	if status == client.EvaluationStatusCompliant && len(results) > 0 {
		return nil
	}
	for _, result := range results {
		if !result.Passed {
			return fmt.Errorf("the evaluation is %s: %s: %s", status, result.RequirementName, *result.FailureReason)
		}
	}
	return fmt.Errorf("the evaluation is %s, with %d results", status, len(results))
}

// approval submits a bundle and waits until it is approved. Without a response it asks for the status, by an update that changes
// nothing, which waits for a transaction that the killed server may have left.
func (b *business) approval(
	ctx context.Context, sid string, update func(*client.BundleStatus) (client.BundleStatus, error), fetch func() (client.BundleStatus, error),
) error {
	decided := b.run.customer.decision(sid)
	status, err := update(new(client.BundleStatusPendingReview))
	for err != nil || status == client.BundleStatusDraft {
		if _, refused := errors.AsType[*client.Error](err); refused || ctx.Err() != nil {
			return err
		}
		if err == nil { // it was not stored
			status, err = update(new(client.BundleStatusPendingReview))
		} else {
			b.unknown.Add(1)
			status, err = update(nil)
		}
	}
	b.run.noteSubmitted(sid)
	ctx, cancel := context.WithTimeout(ctx, waitLimit)
	defer cancel()
	if b.polls {
		status, err = poll(ctx, fetch)
	} else {
		select {
		case status = <-decided:
		case <-ctx.Done():
			err = fmt.Errorf("no callback: %w", ctx.Err())
		}
	}
	if err == nil && status != client.BundleStatusTwilioApproved {
		err = fmt.Errorf("the review ended %s", status)
	}
	return err
}

// poll fetches a bundle until its review has ended, and returns its status.
func poll(ctx context.Context, fetch func() (client.BundleStatus, error)) (client.BundleStatus, error) {
	pause := time.NewTicker(pollPause)
	defer pause.Stop()
	for {
		status, err := fetch()
		if err != nil || status == client.BundleStatusTwilioApproved || status == client.BundleStatusTwilioRejected {
			return status, err
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return "", fmt.Errorf("the status is still %s: %w", status, ctx.Err())
		}
	}
}
