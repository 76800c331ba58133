package conformance

// resource describes a resource to the suite, as far as the contract does not.
type resource struct {
	// name is that of the operations: TrustProduct for CreateTrustProduct.
	name string

	// parent is the resource that this one belongs to, whose SID is in its path. Nil means none.
	parent *resource

	// values returns two valid values for each parameter of a create: one to create with, and another to change it to. It is
	// called for each create, and may create what a parameter refers to (suite.of). Nil for a read-only resource.
	values func(s *suite) map[string][2]string

	// unique names the parameter, a free text, that no two cases give the same value. Where the list has a filter of that name,
	// each case sees nothing but its own. Empty means that values makes each one different.
	unique string

	// filters has, for each filter of the list that is not a property of the resource, a value that finds what was created, and
	// one that does not.
	filters map[string][2]string

	// cases are those of this resource alone, by group.
	cases map[string][]testCase
}

// resources returns those of the contract.
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
