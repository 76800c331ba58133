package conformance

import "slices"

// resource describes to the suite what the contract does not say about a resource.
type resource struct {
	// name is the resource's name in the operations: TrustProduct for CreateTrustProduct.
	name string

	// parent is the resource that this one belongs to, whose SID is in its path, or nil.
	parent *resource

	// values returns two valid values for each parameter of a create: one to create the resource with and one to change it
	// to. It is called for each create, and may create the resources that a parameter refers to (suite.of). Nil for a
	// read-only resource.
	values func(s *suite) map[string][2]string

	// unique names a free-text parameter, which gets a different value in each case. If the list has a filter of that name,
	// each case sees only its own resources. Empty means that values returns different values each time.
	unique string

	// profiled says of the channel endpoints of Trust Products what they depend on. Nil for any other resource.
	profiled *profiled

	// filters has, for each filter of the list that is not a property of the resource, a function that returns a value which
	// finds the object, and one which does not.
	filters map[string]func(o object) (match, other string)

	// cases has the cases that only this resource has, by group.
	cases map[string][]testCase
}

// profiled is what the channel endpoints of Trust Products depend on: such an endpoint must first be on a Customer Profile that
// is assigned to the product.
type profiled struct {
	assignments *resource // of objects to the product
	endpoints   *resource // of the profile
}

// resources returns the resources of the contract.
func resources() []*resource {
	endUser := attributed("EndUser", "authorized_representative_1", "cnam_information")
	document := attributed("SupportingDocument", "customer_profile_address", "starter_customer_profile_address")
	product, profile := bundle("TrustProduct"), bundle("CustomerProfile")
	product.cases["fetch"], profile.cases["fetch"] = kindCases(profile), kindCases(product)
	ofProduct, ofProfile := contents(product, endUser, document), contents(profile, endUser, document)
	ofProduct.endpoints.profiled = &profiled{assignments: ofProduct.assignments, endpoints: ofProfile.endpoints}
	return slices.Concat([]*resource{product}, ofProduct.all(), []*resource{profile}, ofProfile.all(), []*resource{
		endUser,
		document,
		{name: "EndUserType"},
		{name: "SupportingDocumentType"},
		{name: "Policies"},
	})
}

// bundleContents are the resources of what belongs to a bundle.
type bundleContents struct {
	assignments, endpoints, evaluations *resource
}

func contents(bundle, endUser, document *resource) bundleContents {
	return bundleContents{
		assignments: assignment(bundle.name+"EntityAssignment", bundle, endUser, document),
		endpoints:   endpointAssignment(bundle.name+"ChannelEndpointAssignment", bundle),
		evaluations: evaluation(bundle.name+"Evaluation", bundle),
	}
}

func (c bundleContents) all() []*resource {
	return []*resource{c.assignments, c.endpoints, c.evaluations}
}

// bundle describes a resource that is reviewed.
func bundle(name string) *resource {
	return &resource{
		name:   name,
		unique: "FriendlyName",
		values: func(s *suite) map[string][2]string {
			return map[string][2]string{
				"FriendlyName":   {"Acme", "Café & Sons = 100% \"true\""},
				"Email":          {"conformance@example.com", "other@example.com"},
				"PolicySid":      s.target.PolicySIDs,
				"StatusCallback": {"https://example.com/status?a=b&c=d", "https://example.com/y"},
			}
		},
		cases: bundleCases(),
	}
}

// attributed describes a resource that has a type, of which there are two, and attributes.
func attributed(name, oneType, otherType string) *resource {
	return &resource{name: name, unique: "FriendlyName", values: func(*suite) map[string][2]string {
		return map[string][2]string{
			"FriendlyName": {"Acme", "Café & Sons = 100% \"true\""},
			"Type":         {oneType, otherType},
			"Attributes":   {`{"first_name":"Jane"}`, `{"nested":{"list":[1,null,"é"]},"empty":{}}`},
		}
	}}
}

// assignment describes the assignments of objects to a bundle. An end user is one of them, a document another.
func assignment(name string, bundle, endUser, document *resource) *resource {
	return &resource{
		name: name, parent: bundle,
		values: func(s *suite) map[string][2]string {
			return map[string][2]string{"ObjectSid": {s.of(endUser).any(), s.of(document).any()}}
		},
		filters: map[string]func(object) (string, string){"ObjectType": func(object) (string, string) {
			return "authorized_representative_1", "customer_profile_address"
		}},
		cases: assignmentCases(endUser, document),
	}
}

// endpointAssignment describes the assignments of phone numbers to a bundle.
func endpointAssignment(name string, bundle *resource) *resource {
	return &resource{
		name: name, parent: bundle,
		values: func(s *suite) map[string][2]string {
			return map[string][2]string{
				"ChannelEndpointType": {"phone-number", "phone-number"},
				"ChannelEndpointSid":  {s.assignableNumber(), s.assignableNumber()},
			}
		},
		filters: map[string]func(object) (string, string){"ChannelEndpointSids": func(o object) (string, string) {
			return phoneNumber() + "," + o.text("channel_endpoint_sid"), phoneNumber() + "," + phoneNumber()
		}},
		cases: endpointCases(),
	}
}

// evaluation describes the evaluations of a bundle.
func evaluation(name string, bundle *resource) *resource {
	return &resource{name: name, parent: bundle, values: func(s *suite) map[string][2]string {
		return map[string][2]string{"PolicySid": s.target.PolicySIDs}
	}, cases: evaluationCases()}
}
