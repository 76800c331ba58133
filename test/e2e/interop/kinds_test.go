package interop

import trusthub "github.com/twilio/twilio-go/rest/trusthub/v1"

const (
	bundleName  = "friendly_name" // as published
	bundleEmail = "email"         // an address is not required
)

// kind has the SDK's calls for one of the two kinds of bundles. They differ only in their names, but the SDK has types for each.
type kind interface {
	name() string  // in the names of operations
	field() string // that has the bundle's SID, in what belongs to it
	create(policySID string, callback *string) error
	submit(sid string, callback *string) error
	fetch(sid string) error
	assign(sid, objectSID string) error
	addNumber(sid, numberSID string) error
	evaluate(sid, policySID string) error
	fetchEvaluation(sid, evaluationSID string) error
}

type (
	profiles struct{ service *trusthub.ApiService }
	products struct{ service *trusthub.ApiService }
)

func (profiles) name() string  { return "CustomerProfile" }
func (profiles) field() string { return "customer_profile_sid" }

func (p profiles) create(policySID string, callback *string) error {
	_, err := p.service.CreateCustomerProfile(&trusthub.CreateCustomerProfileParams{
		FriendlyName: new(bundleName), Email: new(bundleEmail), PolicySid: &policySID, StatusCallback: callback,
	})
	return err
}

func (p profiles) submit(sid string, callback *string) error {
	_, err := p.service.UpdateCustomerProfile(sid, &trusthub.UpdateCustomerProfileParams{
		Status: new("pending-review"), StatusCallback: callback,
	})
	return err
}

func (p profiles) fetch(sid string) error {
	_, err := p.service.FetchCustomerProfile(sid)
	return err
}

func (p profiles) assign(sid, objectSID string) error {
	_, err := p.service.CreateCustomerProfileEntityAssignment(sid,
		new(trusthub.CreateCustomerProfileEntityAssignmentParams).SetObjectSid(objectSID))
	return err
}

func (p profiles) addNumber(sid, numberSID string) error {
	_, err := p.service.CreateCustomerProfileChannelEndpointAssignment(sid,
		new(trusthub.CreateCustomerProfileChannelEndpointAssignmentParams).
			SetChannelEndpointType("phone-number").SetChannelEndpointSid(numberSID))
	return err
}

func (p profiles) evaluate(sid, policySID string) error {
	_, err := p.service.CreateCustomerProfileEvaluation(sid,
		new(trusthub.CreateCustomerProfileEvaluationParams).SetPolicySid(policySID))
	return err
}

func (p profiles) fetchEvaluation(sid, evaluationSID string) error {
	_, err := p.service.FetchCustomerProfileEvaluation(sid, evaluationSID)
	return err
}

func (products) name() string  { return "TrustProduct" }
func (products) field() string { return "trust_product_sid" }

func (p products) create(policySID string, callback *string) error {
	_, err := p.service.CreateTrustProduct(&trusthub.CreateTrustProductParams{
		FriendlyName: new(bundleName), Email: new(bundleEmail), PolicySid: &policySID, StatusCallback: callback,
	})
	return err
}

func (p products) submit(sid string, callback *string) error {
	_, err := p.service.UpdateTrustProduct(sid, &trusthub.UpdateTrustProductParams{
		Status: new("pending-review"), StatusCallback: callback,
	})
	return err
}

func (p products) fetch(sid string) error {
	_, err := p.service.FetchTrustProduct(sid)
	return err
}

func (p products) assign(sid, objectSID string) error {
	_, err := p.service.CreateTrustProductEntityAssignment(sid,
		new(trusthub.CreateTrustProductEntityAssignmentParams).SetObjectSid(objectSID))
	return err
}

func (p products) addNumber(sid, numberSID string) error {
	_, err := p.service.CreateTrustProductChannelEndpointAssignment(sid,
		new(trusthub.CreateTrustProductChannelEndpointAssignmentParams).
			SetChannelEndpointType("phone-number").SetChannelEndpointSid(numberSID))
	return err
}

func (p products) evaluate(sid, policySID string) error {
	_, err := p.service.CreateTrustProductEvaluation(sid,
		new(trusthub.CreateTrustProductEvaluationParams).SetPolicySid(policySID))
	return err
}

func (p products) fetchEvaluation(sid, evaluationSID string) error {
	_, err := p.service.FetchTrustProductEvaluation(sid, evaluationSID)
	return err
}
