package interop

import (
	"net/url"
	"testing"

	trusthub "github.com/twilio/twilio-go/rest/trusthub/v1"
)

// meta is what the SDK calls the position of a page in any list.
type meta = trusthub.ListCustomerProfileResponseMeta

// collection is what the SDK has for a list. Params, Item and Page are the types that it has for this list alone.
type collection[Params, Item, Page any] struct {
	list   func(Params) ([]Item, error)
	stream func(Params) (chan Item, chan error)
	page   func(params Params, token, number string) (*Page, error)
	params func(pageSize int) Params
	items  func(*Page) ([]Item, meta)
	sid    func(Item) *string
}

// expect reads the list in each way that the SDK has.
func (c collection[Params, Item, Page]) expect(t *testing.T, name string, want ...string) {
	t.Helper()
	const pageSize = 2
	all, err := c.list(c.params(pageSize))
	expectSIDs(t, "list "+name, c.sids(all), want, err)

	var streamed []Item
	items, failures := c.stream(c.params(pageSize))
	for item := range items {
		streamed = append(streamed, item)
	}
	expectSIDs(t, "stream "+name, c.sids(streamed), want, <-failures)

	var paged []Item
	token, number := "", ""
	for range maxPages {
		page, err := c.page(c.params(pageSize), token, number)
		if err != nil {
			t.Fatalf("a page of %s: %v", name, err)
		}
		items, meta := c.items(page)
		if len(items) > pageSize {
			t.Errorf("a page of %s has %d items, want at most %d", name, len(items), pageSize)
		}
		paged = append(paged, items...)
		if meta.NextPageUrl == nil {
			break
		}
		next, err := url.Parse(*meta.NextPageUrl)
		if err != nil {
			t.Fatal(err)
		}
		token, number = next.Query().Get("PageToken"), next.Query().Get("Page")
	}
	expectSIDs(t, "pages of "+name, c.sids(paged), want, nil)
}

func (c collection[Params, Item, Page]) sids(all []Item) []string {
	var sids []string
	for _, item := range all {
		sids = append(sids, *c.sid(item))
	}
	return sids
}

func endUsers(s *trusthub.ApiService) collection[*trusthub.ListEndUserParams, trusthub.TrusthubV1EndUser, trusthub.ListEndUserResponse] {
	return collection[*trusthub.ListEndUserParams, trusthub.TrusthubV1EndUser, trusthub.ListEndUserResponse]{
		s.ListEndUser, s.StreamEndUser, s.PageEndUser,
		func(pageSize int) *trusthub.ListEndUserParams {
			return new(trusthub.ListEndUserParams).SetPageSize(pageSize)
		},
		func(p *trusthub.ListEndUserResponse) ([]trusthub.TrusthubV1EndUser, meta) { return p.Results, p.Meta },
		func(item trusthub.TrusthubV1EndUser) *string { return item.Sid },
	}
}

func documents(s *trusthub.ApiService) collection[*trusthub.ListSupportingDocumentParams, trusthub.TrusthubV1SupportingDocument, trusthub.ListSupportingDocumentResponse] {
	return collection[*trusthub.ListSupportingDocumentParams, trusthub.TrusthubV1SupportingDocument, trusthub.ListSupportingDocumentResponse]{
		s.ListSupportingDocument, s.StreamSupportingDocument, s.PageSupportingDocument,
		func(pageSize int) *trusthub.ListSupportingDocumentParams {
			return new(trusthub.ListSupportingDocumentParams).SetPageSize(pageSize)
		},
		func(p *trusthub.ListSupportingDocumentResponse) ([]trusthub.TrusthubV1SupportingDocument, meta) {
			return p.Results, p.Meta
		},
		func(item trusthub.TrusthubV1SupportingDocument) *string { return item.Sid },
	}
}

func endUserTypes(s *trusthub.ApiService) collection[*trusthub.ListEndUserTypeParams, trusthub.TrusthubV1EndUserType, trusthub.ListEndUserTypeResponse] {
	return collection[*trusthub.ListEndUserTypeParams, trusthub.TrusthubV1EndUserType, trusthub.ListEndUserTypeResponse]{
		s.ListEndUserType, s.StreamEndUserType, s.PageEndUserType,
		func(pageSize int) *trusthub.ListEndUserTypeParams {
			return new(trusthub.ListEndUserTypeParams).SetPageSize(pageSize)
		},
		func(p *trusthub.ListEndUserTypeResponse) ([]trusthub.TrusthubV1EndUserType, meta) {
			return p.EndUserTypes, p.Meta
		},
		func(item trusthub.TrusthubV1EndUserType) *string { return item.Sid },
	}
}

func documentTypes(s *trusthub.ApiService) collection[*trusthub.ListSupportingDocumentTypeParams, trusthub.TrusthubV1SupportingDocumentType, trusthub.ListSupportingDocumentTypeResponse] {
	return collection[*trusthub.ListSupportingDocumentTypeParams, trusthub.TrusthubV1SupportingDocumentType, trusthub.ListSupportingDocumentTypeResponse]{
		s.ListSupportingDocumentType, s.StreamSupportingDocumentType, s.PageSupportingDocumentType,
		func(pageSize int) *trusthub.ListSupportingDocumentTypeParams {
			return new(trusthub.ListSupportingDocumentTypeParams).SetPageSize(pageSize)
		},
		func(p *trusthub.ListSupportingDocumentTypeResponse) ([]trusthub.TrusthubV1SupportingDocumentType, meta) {
			return p.SupportingDocumentTypes, p.Meta
		},
		func(item trusthub.TrusthubV1SupportingDocumentType) *string { return item.Sid },
	}
}

func policies(s *trusthub.ApiService) collection[*trusthub.ListPoliciesParams, trusthub.TrusthubV1Policies, trusthub.ListPoliciesResponse] {
	return collection[*trusthub.ListPoliciesParams, trusthub.TrusthubV1Policies, trusthub.ListPoliciesResponse]{
		s.ListPolicies, s.StreamPolicies, s.PagePolicies,
		func(pageSize int) *trusthub.ListPoliciesParams {
			return new(trusthub.ListPoliciesParams).SetPageSize(pageSize)
		},
		func(p *trusthub.ListPoliciesResponse) ([]trusthub.TrusthubV1Policies, meta) { return p.Results, p.Meta },
		func(item trusthub.TrusthubV1Policies) *string { return item.Sid },
	}
}

// scoped is what the SDK has for a list of what belongs to a product.
type scoped[Params, Item, Page any] struct {
	list   func(product string, params Params) ([]Item, error)
	stream func(product string, params Params) (chan Item, chan error)
	page   func(product string, params Params, token, number string) (*Page, error)
	params func(pageSize int) Params
	items  func(*Page) ([]Item, meta)
	sid    func(Item) *string
}

// of returns the list of a product. filter may set more parameters.
func (s scoped[Params, Item, Page]) of(product string, filter func(Params)) collection[Params, Item, Page] {
	return collection[Params, Item, Page]{
		func(p Params) ([]Item, error) { return s.list(product, p) },
		func(p Params) (chan Item, chan error) { return s.stream(product, p) },
		func(p Params, token, number string) (*Page, error) { return s.page(product, p, token, number) },
		func(pageSize int) Params {
			params := s.params(pageSize)
			filter(params)
			return params
		},
		s.items, s.sid,
	}
}

func entityAssignments(
	s *trusthub.ApiService, product string, filter func(*trusthub.ListTrustProductEntityAssignmentParams),
) collection[*trusthub.ListTrustProductEntityAssignmentParams, trusthub.TrusthubV1TrustProductEntityAssignment, trusthub.ListTrustProductEntityAssignmentResponse] {
	return scoped[*trusthub.ListTrustProductEntityAssignmentParams, trusthub.TrusthubV1TrustProductEntityAssignment, trusthub.ListTrustProductEntityAssignmentResponse]{
		s.ListTrustProductEntityAssignment, s.StreamTrustProductEntityAssignment, s.PageTrustProductEntityAssignment,
		func(pageSize int) *trusthub.ListTrustProductEntityAssignmentParams {
			return new(trusthub.ListTrustProductEntityAssignmentParams).SetPageSize(pageSize)
		},
		func(p *trusthub.ListTrustProductEntityAssignmentResponse) ([]trusthub.TrusthubV1TrustProductEntityAssignment, meta) {
			return p.Results, p.Meta
		},
		func(item trusthub.TrusthubV1TrustProductEntityAssignment) *string { return item.Sid },
	}.of(product, filter)
}

func channelEndpoints(
	s *trusthub.ApiService, product string, filter func(*trusthub.ListTrustProductChannelEndpointAssignmentParams),
) collection[*trusthub.ListTrustProductChannelEndpointAssignmentParams, trusthub.TrusthubV1TrustProductChannelEndpointAssignment, trusthub.ListTrustProductChannelEndpointAssignmentResponse] {
	return scoped[*trusthub.ListTrustProductChannelEndpointAssignmentParams, trusthub.TrusthubV1TrustProductChannelEndpointAssignment, trusthub.ListTrustProductChannelEndpointAssignmentResponse]{
		s.ListTrustProductChannelEndpointAssignment, s.StreamTrustProductChannelEndpointAssignment, s.PageTrustProductChannelEndpointAssignment,
		func(pageSize int) *trusthub.ListTrustProductChannelEndpointAssignmentParams {
			return new(trusthub.ListTrustProductChannelEndpointAssignmentParams).SetPageSize(pageSize)
		},
		func(p *trusthub.ListTrustProductChannelEndpointAssignmentResponse) ([]trusthub.TrusthubV1TrustProductChannelEndpointAssignment, meta) {
			return p.Results, p.Meta
		},
		func(item trusthub.TrusthubV1TrustProductChannelEndpointAssignment) *string { return item.Sid },
	}.of(product, filter)
}

func evaluations(
	s *trusthub.ApiService, product string, filter func(*trusthub.ListTrustProductEvaluationParams),
) collection[*trusthub.ListTrustProductEvaluationParams, trusthub.TrusthubV1TrustProductEvaluation, trusthub.ListTrustProductEvaluationResponse] {
	return scoped[*trusthub.ListTrustProductEvaluationParams, trusthub.TrusthubV1TrustProductEvaluation, trusthub.ListTrustProductEvaluationResponse]{
		s.ListTrustProductEvaluation, s.StreamTrustProductEvaluation, s.PageTrustProductEvaluation,
		func(pageSize int) *trusthub.ListTrustProductEvaluationParams {
			return new(trusthub.ListTrustProductEvaluationParams).SetPageSize(pageSize)
		},
		func(p *trusthub.ListTrustProductEvaluationResponse) ([]trusthub.TrusthubV1TrustProductEvaluation, meta) {
			return p.Results, p.Meta
		},
		func(item trusthub.TrusthubV1TrustProductEvaluation) *string { return item.Sid },
	}.of(product, filter)
}
