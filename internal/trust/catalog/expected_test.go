package catalog_test

// What the tests of Evaluate expect, written down by hand from what is known of the real service: nothing in this file comes
// from the catalog. TestEveryFieldIsExpected keeps it complete.

const (
	primary        = "RN6433641899984f951173ef1738c3bdd0"
	secondary      = "RNdfbf3fae0e1107f8aded0e7cead80bf5"
	starter        = "RN806dd6cd175f314e1f96a9727ee271f4"
	soleProprietor = "RN670d5d2e282a6130ae063b234b6019c8"
	a2p            = "RNb0d4771c2c98518d916a3d4cd70a8f8b"
	shakenStir     = "RN7a97559effdf62d00f4298208492a5ea"
	cnam           = "RNf3db3cd1fe25fcfd3c3ded065c8fea53"
	voiceIntegrity = "RN5b3660f9598883b1df4e77f77acefba0"
	branded        = "RNca63d1066fbd5e44eac02d0b3cf6d019"
)

// wantRequirement is a requirement and what fulfills it.
type wantRequirement struct {
	name      string
	kind      byte   // u: end user, d: document, b: bundle
	object    string // the type of the end user or document, or the policy of the bundle
	evaluated string // object_type in the result, if it is not object; of a bundle also the field
	field     string
	optional  bool
}

func profile(name, evaluated, policy, field string) wantRequirement {
	return wantRequirement{name: name, kind: 'b', object: policy, evaluated: evaluated, field: field}
}

func user(name string) wantRequirement {
	return wantRequirement{name: name, kind: 'u', object: name, evaluated: name}
}

func wantPolicies() map[string][]wantRequirement {
	second := user("authorized_representative_2")
	second.optional = true
	business := []wantRequirement{user("customer_profile_business_information"), user("authorized_representative_1"), second, {
		name: "customer_profile_address", kind: 'd', object: "customer_profile_address", evaluated: "customer_profile_address",
	}}
	approved := profile("primary_customer_profile", "primary_customer_profile_type_business", primary, "bundle_sid")
	submitted := profile("customer_profile", "secondary_customer_profile_type_business", secondary, "bundle_status")
	return map[string][]wantRequirement{
		primary:   business,
		secondary: append(business[:4:4], approved),
		starter:   {user("starter_customer_profile_information"), business[3], approved},
		soleProprietor: {
			user("sole_proprietor_information"),
			profile("customer_profile", "starter_customer_profile_type_business", starter, "bundle_status"),
		},
		a2p:            {user("us_a2p_messaging_profile_information"), submitted},
		shakenStir:     {submitted},
		cnam:           {user("cnam_information"), submitted},
		voiceIntegrity: {user("voice_integrity_information"), submitted},
		branded: {
			user("branded_calls_information"), submitted,
			profile("voice_integrity_trust_product", "voice_integrity_trust_product", voiceIntegrity, "bundle_status"),
		},
	}
}

// wantField is what is known of a field: values in JSON, the first of good is what the tests use.
type wantField struct {
	name      string
	optional  bool
	good, bad []string
}

// notText is wrong for every field; nothing is as good as no value.
var (
	notText = []string{`5`, `true`, `{}`, `{"a":"b"}`, `1e999`, `["a", 5]`, `[null]`, `[["a"]]`}
	nothing = []string{`null`, `""`, `" \t "`}
)

func text(name string) wantField {
	return wantField{name: name, good: []string{`"Some text"`, `"5"`, `"Ünïcödé"`}, bad: []string{`["a"]`}}
}

func choice(name string, good ...string) wantField {
	f := wantField{name: name, bad: []string{`"something else"`, `"` + good[0] + ` "`, `["` + good[0] + `"]`}}
	for _, g := range good {
		f.good = append(f.good, `"`+g+`"`)
	}
	return f
}

func optional(f wantField) wantField {
	f.optional = true
	return f
}

func wantTypes() map[string][]wantField {
	email := wantField{name: "email", good: []string{`"ann@example.com"`, `"a@b"`}, bad: []string{`"ann"`, `"@"`, `"a b@c"`, `["a@b"]`}}
	brandEmail := optional(email)
	brandEmail.name = "brand_contact_email"
	phone := wantField{
		name: "phone_number", good: []string{`"+14155550100"`, `"+49301234567"`, `"+11234567890"`},
		bad: []string{`"4155550100"`, `"+0155550100"`, `"+1 415 555 0100"`, `"+1234567890123456"`, `"+"`, `"x+14155550100"`, `["+14155550100"]`},
	}
	mobile := phone
	mobile.name = "mobile_phone_number"
	representative := []wantField{
		text("first_name"), text("last_name"), email, phone, text("business_title"),
		choice("job_position", "CEO", "Director", "GM", "VP", "CFO", "General Counsel", "Other"),
	}
	number := func(name string) wantField {
		return wantField{name: name, good: []string{`"1"`, `"5000"`}, bad: []string{`5`, `"0"`, `"-5"`, `"5.5"`, `"many"`, `"1,000"`, `["5"]`}}
	}
	address := []wantField{{
		name: "address_sids",
		good: []string{
			`"AD0123456789abcdef0123456789abcdef"`, `["AD0123456789abcdef0123456789abcdef"]`,
			`["ADaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "AD0123456789ABCDEF0123456789ABCDEF"]`,
		},
		bad: []string{
			`"AD"`, `"BU0123456789abcdef0123456789abcdef"`, `["AD0123456789abcdef0123456789abcdef", "x"]`, `"AD0123456789abcdef0123456789abcdef0"`,
			`"AD0123456789abcdef0123456789abcdeg"`,
		},
	}}
	return map[string][]wantField{
		"customer_profile_business_information": {
			choice("business_type", "Corporation", "Sole Proprietorship", "Partnership", "Limited Liability Corporation",
				"Limited Liability Partnership", "Co-operative", "Non-profit", "Non-profit Corporation"),
			text("business_registration_number"), text("business_name"),
			choice("business_registration_identifier", "EIN", "DUNS", "CBN", "CN", "ACN", "CIN", "VAT", "VATRN", "RN", "Other"),
			choice("business_identity", "direct_customer", "isv_reseller_or_partner", "unknown"),
			choice("business_industry", "AUTOMOTIVE", "AGRICULTURE", "BANKING", "CONSUMER", "EDUCATION", "ELECTRONICS", "ENERGY",
				"ENGINEERING", "FAST_MOVING_CONSUMER_GOODS", "FINANCIAL", "FINTECH", "FOOD_AND_BEVERAGE", "GOVERNMENT", "HEALTHCARE",
				"HOSPITALITY", "INSURANCE", "JEWELRY", "LEGAL", "MANUFACTURING", "MEDIA", "NOT_FOR_PROFIT", "OIL_AND_GAS", "ONLINE",
				"RAW_MATERIALS", "REAL_ESTATE", "RELIGION", "RETAIL", "TECHNOLOGY", "TELECOMMUNICATIONS", "TRANSPORTATION", "TRAVEL"),
			text("website_url"),
			{
				name: "business_regions_of_operation",
				good: []string{
					`"USA_AND_CANADA"`, `"AFRICA"`, `"ASIA"`, `"EUROPE"`, `"LATIN_AMERICA"`, `"AUSTRALIA"`, `"AFRICA, ASIA"`, `["EUROPE", "ASIA"]`,
				},
				bad: []string{`"usa_and_canada"`, `"USA"`, `"AFRICA, MARS"`, `["EUROPE", "MARS"]`},
			},
			{
				name: "social_media_profile_urls", optional: true,
				good: []string{`"https://example.com/a"`, `"https://example.com/a, https://example.com/b"`, `["https://example.com/a"]`},
			},
		},
		"authorized_representative_1":          representative,
		"authorized_representative_2":          representative,
		"starter_customer_profile_information": {text("first_name"), text("last_name"), email, phone},
		"sole_proprietor_information":          {text("brand_name"), mobile, optional(text("vertical"))},
		"us_a2p_messaging_profile_information": {
			choice("company_type", "public", "private", "government", "non_profit", "non-profit"),
			optional(text("stock_exchange")), optional(text("stock_ticker")), brandEmail,
		},
		"cnam_information": {{
			name: "cnam_display_name", good: []string{`"Owl, Inc. 5"`, `"a"`, `"Fifteen letters"`},
			bad: []string{`"Sixteen letters."`, `"5 Owls"`, `".Owl"`, `"Owl & Co"`, `"Öwl"`, `["Owl"]`},
		}},
		"voice_integrity_information": {
			text("use_case"), number("business_employee_count"), number("average_business_day_call_volume"), optional(text("notes")),
		},
		"branded_calls_information": {
			text("branded_calls_display_name"), optional(text("branded_calls_long_display_name")),
			optional(text("branded_calls_call_purpose_code")), optional(text("branded_calls_call_reason")), optional(text("branded_calls_logo_name")),
		},
		"customer_profile_address":         address,
		"starter_customer_profile_address": address,
	}
}
