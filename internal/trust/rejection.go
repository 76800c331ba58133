package trust

// RejectionReason explains a rejection code to the customer.
type RejectionReason struct {
	Code    int
	Meaning string // a sentence
	Remedy  string // a sentence: what the customer can do
}

// ValidRejectionCode reports whether code has the form of a rejection code: five digits.
func ValidRejectionCode(code int) bool { return code >= 10000 && code <= 99999 }

const (
	checkRepresentative = "Check the representative's name, e-mail address and telephone number."
	// evaluate is the remedy for what an evaluation has found.
	evaluate = "Evaluate it to see what is missing, add that and submit again."
)

// Rejections returns the codes whose meaning is known, in ascending order.
func Rejections() []RejectionReason {
	return []RejectionReason{
		{
			18601, "The business name and the website do not belong together.",
			"Give the website of the business itself, or the name that the website shows.",
		},
		{18602, "The business registration number could not be verified.", "Check the number and its type against the register."},
		{18603, "The address could not be verified.", "Give the address that the business is registered at."},
		{18604, "The first authorized representative could not be verified.", checkRepresentative},
		{18605, "The second authorized representative could not be verified.", checkRepresentative},
		{
			18606, "The e-mail address is not of the website's domain.",
			"Give an e-mail address of the business's own domain.",
		},
		{18609, "The registration authority is not eligible.", "Register with an authority that the policy accepts."},
		{CodeEndUserMissing, "An end user that the policy requires is missing.", evaluate},
		{CodeEndUserField, "A field of an end user is missing or invalid.", evaluate},
		{
			CodeDocumentMissing, "A supporting document, Customer Profile or Trust Product that the policy requires is missing.",
			evaluate,
		},
		{
			CodeDocumentField, "A field of a document, or the status of an assigned profile or product, is not as required.",
			evaluate,
		},
		{CodeDocumentAddress, "The address of a supporting document is missing or invalid.", evaluate},
	}
}

// Rejection returns the meaning of a code. An unknown code gets a general text, because Twilio adds codes without notice.
func Rejection(code int) RejectionReason {
	for _, known := range Rejections() {
		if known.Code == code {
			return known
		}
	}
	return RejectionReason{
		code, "The business could not be verified.",
		"Look the code up in Twilio's error dictionary, fix what it names and submit again.",
	}
}
