package hub_test

import (
	"net/url"
	"slices"
	"strings"
)

// Seeds of FuzzServer for the resources around Trust Products.

func validUser() fuzzRequest {
	return request("POST", "/v1/EndUsers", "", url.Values{
		"FriendlyName": {"Café"}, "Type": {"cnam_information"}, "Attributes": {`{"cnam_display_name":"Acme & Sons"}`},
	}.Encode())
}

func validDocument() fuzzRequest {
	return request("POST", "/v1/SupportingDocuments", "", url.Values{
		"FriendlyName": {"Office"}, "Type": {"customer_profile_address"}, "Attributes": {`{"address_sids":[]}`},
	}.Encode())
}

func assign(product, object string) fuzzRequest {
	return request("POST", products+"/"+product+"/EntityAssignments", "", "ObjectSid="+object)
}

// assignNumber assigns a phone number to a bundle of the collection.
func assignNumber(collection, bundle, number string) fuzzRequest {
	return request("POST", collection+"/"+bundle+"/ChannelEndpointAssignments", "",
		"ChannelEndpointType=phone-number&ChannelEndpointSid="+number)
}

func evaluate(product, policy string) fuzzRequest {
	return request("POST", products+"/"+product+"/Evaluations", "", "PolicySid="+policy)
}

func familySeeds() []fuzzRequest {
	const product = products + "/" + freshSID
	const number, unknown = "PN0123456789abcdef0123456789abcdef", "BU00000000000000000000000000000000"
	keyed := assign(freshSID, freshUser)
	keyed.key = "once"
	keyedUser := request("POST", "/v1/EndUsers", "", "FriendlyName=Acme&Type=nonsense")
	keyedUser.key = "user"
	seeds := []fuzzRequest{
		validUser(), validDocument(), assign(freshSID, freshUser), assign(freshSID, freshDocument), assign(freshSID, freshSID),
		assign(freshSID, "AD0123456789abcdef0123456789abcdef"), assign(freshSID, unknown), assign(unknown, freshUser), keyed, keyedUser,
		assignNumber(products, freshSID, number), assignNumber(products, freshSID, freshNumber),
		evaluate(freshSID, validPolicy), evaluate(freshSID, secondaryPolicy), evaluate(freshSID, "RN"+strings.Repeat("0", 32)),
		request("GET", product+"/EntityAssignments", "ObjectType=cnam_information&PageSize=1", ""),
		request("GET", product+"/ChannelEndpointAssignments", "ChannelEndpointSid="+number+"&ChannelEndpointSids="+number+","+number, ""),
		request("GET", product+"/Evaluations", "PageSize=1", ""),
		request("POST", "/v1/EndUsers/"+freshUser, "", "FriendlyName=Other&Attributes={}"),
		request("POST", "/v1/SupportingDocuments/"+freshDocument, "", "FriendlyName=Other"),
	}
	for _, path := range []string{
		product + "/EntityAssignments/" + freshAssignment, product + "/ChannelEndpointAssignments/" + freshEndpoint,
		product + "/Evaluations/" + freshEvaluation, "/v1/EndUsers/" + freshUser, "/v1/SupportingDocuments/" + freshDocument,
	} {
		seeds = append(seeds, request("GET", path, "", ""), request("DELETE", path, "", ""))
	}
	for _, path := range []string{
		"/v1/EndUsers", "/v1/SupportingDocuments", "/v1/EndUserTypes", "/v1/SupportingDocumentTypes", "/v1/Policies",
		"/v1/EndUserTypes/cnam_information", "/v1/SupportingDocumentTypes/customer_profile_address", "/v1/Policies/" + validPolicy,
	} {
		seeds = append(seeds, request("GET", path, "PageSize=2", ""))
	}
	return seeds
}

// hostileAttributes are valid JSON and not, objects and not.
func hostileAttributes() []string {
	return slices.Concat(hostile(), []string{
		`{}`, `[]`, `null`, `{"a":1}x`, "\ufeff{}", `{"a":"\u0000"}`, `{"a":"\ud800"}`, `{"\u0061":1,"a":2}`, `{"":{"":""}}`,
		`{"a":1e999}`, `{"a":1e-999}`, `{"a":-0}`, `{"a":12345678901234567890.50}`, `{"a":"<>&\u2028"}`,
		`{"cnam_display_name":null}`, `{"cnam_display_name":["Acme"]}`, `{"cnam_display_name":"` + noise(16_000) + `"}`,
		`{"address_sids":"AD0123456789abcdef0123456789abcdef"}`, `{"address_sids":["x",null,{}]}`, `{"address_sids":{"a":[]}}`,
		`{"a":` + strings.Repeat("[", 31) + strings.Repeat("]", 31) + `}`, strings.Repeat(`{"a":`, 10_000),
		`{"a":"` + strings.Repeat("a", 16_376) + `"}`, `{"a":"` + strings.Repeat("a", 16_377) + `"}`,
	})
}

func hostileFamilyBodies() (seeds []fuzzRequest) {
	for _, valid := range []fuzzRequest{validUser(), validDocument()} {
		for _, value := range hostileAttributes() {
			for _, name := range []string{"Attributes", "FriendlyName", "Type"} {
				form, _ := url.ParseQuery(valid.body) // of our own
				form.Set(name, value)
				seeds = append(seeds, request("POST", valid.path, "", form.Encode()))
			}
			sid := map[string]string{"/v1/EndUsers": freshUser, "/v1/SupportingDocuments": freshDocument}[valid.path]
			seeds = append(seeds, request("POST", valid.path+"/"+sid, "", "Attributes="+url.QueryEscape(value)))
		}
	}
	for _, value := range hostile() {
		value = url.QueryEscape(value)
		seeds = append(seeds, assign(freshSID, value), evaluate(freshSID, value), assignNumber(products, freshSID, value))
	}
	return seeds
}

func hostileFamilyPaths() (seeds []fuzzRequest) {
	for _, value := range append(hostile(), "..", "a/b", "é", "%2e", "cnam_information\n") {
		const product = products + "/" + freshSID
		escaped, query := url.PathEscape(value), url.QueryEscape(value)
		seeds = append(seeds,
			request("GET", "/v1/EndUserTypes/"+escaped, "", ""),
			request("GET", "/v1/SupportingDocumentTypes/"+escaped, "", ""),
			request("GET", "/v1/Policies/"+escaped, "", ""),
			request("DELETE", product+"/EntityAssignments/"+escaped, "", ""),
			request("GET", product+"/EntityAssignments", "ObjectType="+query, ""),
			request("GET", product+"/EntityAssignments", "PageToken="+query, ""),
			request("GET", product+"/ChannelEndpointAssignments", "ChannelEndpointSids="+query, ""),
			request("GET", product+"/ChannelEndpointAssignments", "ChannelEndpointSid="+query, ""),
			request("GET", "/v1/Policies", "PageToken="+query, ""))
	}
	return seeds
}
