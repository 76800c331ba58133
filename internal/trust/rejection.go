package trust

// RejectionReason explains a rejection code to the customer.
type RejectionReason struct {
	Code    int
	Meaning string // a sentence
	Remedy  string // a sentence: what the customer can do
}

// ValidRejectionCode reports whether code has the form of a rejection code: five digits.
func ValidRejectionCode(code int) bool { return code >= 10000 && code <= 99999 }

// Rejection returns the meaning of a code. An unknown code gets a general text, because Twilio adds codes without notice.
func Rejection(code int) RejectionReason {
	reason := RejectionReason{
		code, "The business could not be verified.",
		"Look the code up in Twilio's error dictionary, fix what it names and submit again.",
	}
	switch code {
	case 18601:
		reason.Meaning = "The business name and the website do not belong together."
		reason.Remedy = "Give the website of the business itself, or the name that the website shows."
	case 18602:
		reason.Meaning = "The business registration number could not be verified."
		reason.Remedy = "Check the number and its type against the register."
	case 18603:
		reason.Meaning = "The address could not be verified."
		reason.Remedy = "Give the address that the business is registered at."
	case 18604:
		reason.Meaning = "The first authorized representative could not be verified."
		reason.Remedy = "Check the representative's name, e-mail address and telephone number."
	case 18605:
		reason.Meaning = "The second authorized representative could not be verified."
		reason.Remedy = "Check the representative's name, e-mail address and telephone number."
	case 18606:
		reason.Meaning = "The e-mail address is not of the website's domain."
		reason.Remedy = "Give an e-mail address of the business's own domain."
	case 18609:
		reason.Meaning = "The registration authority is not eligible."
		reason.Remedy = "Register with an authority that the policy accepts."
	}
	return reason
}
