package conformance

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

	// filters has, for each filter of the list that is not a property of the resource, a value that finds the created
	// resource and one that does not.
	filters map[string][2]string

	// cases has the cases that only this resource has, by group.
	cases map[string][]testCase
}

// resources returns the resources of the contract.
func resources() []*resource {
	return []*resource{bundle("TrustProduct")}
}

// bundle describes a resource that is reviewed.
func bundle(name string) *resource {
	return &resource{
		name:   name,
		unique: "FriendlyName",
		values: func(s *suite) map[string][2]string {
			return map[string][2]string{
				"FriendlyName":   {"Acme", "Café & Sons = 100% \"真\""},
				"Email":          {"conformance@example.com", "other@example.com"},
				"PolicySid":      s.target.PolicySIDs,
				"StatusCallback": {"https://example.com/status?a=b&c=d", "https://example.com/y"},
			}
		},
		cases: bundleCases(),
	}
}
