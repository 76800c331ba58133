package interop

import "testing"

const (
	secondaryPolicy      = "RNdfbf3fae0e1107f8aded0e7cead80bf5"
	a2pPolicy            = "RNb0d4771c2c98518d916a3d4cd70a8f8b"
	soleProprietorPolicy = "RN670d5d2e282a6130ae063b234b6019c8"
	shakenStirPolicy     = "RN7a97559effdf62d00f4298208492a5ea"
	voiceIntegrityPolicy = "RN5b3660f9598883b1df4e77f77acefba0"
)

// TestGuides follows Twilio's onboarding guides to the approval of a Trust Product, and then each once more for every object that
// the guide requires, without that object. The server evaluates each submission, also in guides that ask for no evaluation.
func TestGuides(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, testGuides)
}

func testGuides(t *testing.T, database string) {
	t.Helper()
	e := newEnvironment(t, database, "--review-delay", "10ms", "--compliance", "refuse")
	for name, guide := range map[string]struct {
		follow  func(*walk)
		objects int // that it requires
	}{
		"A2P":                           {followA2P, 6},
		"sole proprietor":               {followSoleProprietor, 5},
		"SHAKEN STIR for a sub-account": {followShakenStir, 5},
		"CNAM":                          {followCNAM, 6},
		"Voice Integrity":               {followVoiceIntegrity, 6},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			complete := e.newWalk(t, "")
			guide.follow(complete)
			if len(complete.objects) != guide.objects {
				t.Errorf("the guide requires %v, want %d objects", complete.objects, guide.objects)
			}
			for _, object := range complete.objects {
				t.Run("without "+object, func(t *testing.T) {
					incomplete := e.newWalk(t, object)
					guide.follow(incomplete)
					if !incomplete.refused {
						t.Error("nothing was refused")
					}
				})
			}
		})
	}
}

func followA2P(w *walk) {
	profile := w.createProfile(secondaryPolicy)
	profile.addEndUser("customer_profile_business_information", businessInformation())
	profile.addEndUser("authorized_representative_1", representative())
	profile.addDocument("customer_profile_address", address())
	profile.addPrimary(w.primarySID)
	profile.evaluate()
	if !profile.submit() {
		return
	}
	product := w.createProduct(a2pPolicy)
	product.addEndUser("us_a2p_messaging_profile_information", attribute{
		"company_type": "public", "stock_exchange": "NYSE", "stock_ticker": "ACME", "brand_contact_email": "brand@acme.example",
	})
	product.addProfile(profile)
	product.evaluate()
	if !product.submit() {
		return
	}
	profile.awaitApproval()
	product.awaitApproval()
}

func followSoleProprietor(w *walk) {
	w.fetchPolicy(starterPolicy)
	profile := w.createProfile(starterPolicy)
	profile.addEndUser("starter_customer_profile_information", attribute{
		"first_name": "Ada", "last_name": "Byron", "email": "ada@acme.example", "phone_number": "+14155550100",
	})
	profile.addDocument("customer_profile_address", address())
	profile.addPrimary(w.primarySID)
	profile.evaluate()
	if !profile.submit() {
		return
	}
	w.fetchPolicy(soleProprietorPolicy)
	product := w.createProduct(soleProprietorPolicy)
	product.addEndUser("sole_proprietor_information", attribute{
		"brand_name": "Acme", "mobile_phone_number": "+14155550100", "vertical": "RETAIL",
	})
	product.addProfile(profile)
	product.evaluate()
	if !product.submit() {
		return
	}
	profile.awaitApproval()
	product.awaitApproval()
}

// followShakenStir works in a sub-account, with the Primary of its parent. The other voice guides work in the parent.
func followShakenStir(w *walk) {
	w.useSubAccount()
	followVoice(w, shakenStirPolicy, func(*bundle) {})
}

func followCNAM(w *walk) {
	followVoice(w, cnamPolicy, func(product *bundle) {
		product.addEndUser("cnam_information", attribute{"cnam_display_name": "Acme, Inc."})
	})
}

func followVoiceIntegrity(w *walk) {
	followVoice(w, voiceIntegrityPolicy, func(product *bundle) {
		product.addEndUser("voice_integrity_information", attribute{
			"use_case": "Appointment reminders", "business_employee_count": "250", "average_business_day_call_volume": "1000",
			"notes": "No calls at night",
		})
	})
}

// followVoice is what the voice guides have in common: no evaluation, numbers on the profile and then on the product, and a product
// that gets its StatusCallback when it is submitted.
func followVoice(w *walk, policySID string, describe func(product *bundle)) {
	profile := w.createProfile(secondaryPolicy)
	profile.addPrimary(w.primarySID)
	profile.addDocument("customer_profile_address", address())
	profile.addEndUser("customer_profile_business_information", businessInformation())
	profile.addEndUser("authorized_representative_1", representative())
	numbers := w.newNumbers(2)
	profile.addNumbers(numbers)
	if !profile.submit() {
		return
	}
	product := w.createProductWithoutCallback(policySID)
	describe(product)
	product.addProfile(profile)
	product.addNumbers(numbers)
	if !product.submitWithCallback() {
		return
	}
	profile.awaitApproval()
	product.awaitApproval()
}

func businessInformation() attribute {
	return attribute{
		"business_name": "Acme, Inc.", "business_identity": "direct_customer", "business_type": "Corporation",
		"business_industry": "RETAIL", "business_registration_identifier": "EIN", "business_registration_number": "123456789",
		"business_regions_of_operation": "USA_AND_CANADA", "website_url": "https://acme.example",
		"social_media_profile_urls": "https://social.example/acme",
	}
}

func representative() attribute {
	return attribute{
		"first_name": "rep1", "last_name": "test", "email": "foobar@test.com", "phone_number": "+11234567890",
		"business_title": "ceo", "job_position": "CEO",
	}
}

func address() attribute {
	return attribute{"address_sids": "AD" + placeholder}
}
