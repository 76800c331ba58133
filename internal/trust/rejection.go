package trust

// RejectionReason explains a rejection code to the customer.
type RejectionReason struct {
	Code    int
	Meaning string // a sentence
	Remedy  string // a sentence: what the customer can do
}

// ValidRejectionCode reports whether code has the form of a rejection code: five digits.
func ValidRejectionCode(code int) bool { return code >= 10000 && code <= 99999 }

// evaluate is the remedy for what an evaluation has found.
const evaluate = "Evaluate it to see what is missing, add that and submit again."

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
	case CodeEndUserMissing:
		reason.Meaning = "An end user that the policy requires is missing."
		reason.Remedy = evaluate
	case CodeEndUserField:
		reason.Meaning = "A field of an end user is missing or invalid."
		reason.Remedy = evaluate
	case CodeDocumentMissing:
		reason.Meaning = "A supporting document, Customer Profile or Trust Product that the policy requires is missing."
		reason.Remedy = evaluate
	case CodeDocumentField:
		reason.Meaning = "A field of a document, or the status of an assigned profile or product, is not as required."
		reason.Remedy = evaluate
	case CodeDocumentAddress:
		reason.Meaning = "The address of a supporting document is missing or invalid."
		reason.Remedy = evaluate
	}
	return reason
}
