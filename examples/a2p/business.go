package main

// business is what Twilio asks about a business that sends messages to the USA. The JSON names are those of the fields that the
// policies require.
type business struct {
	Name           string
	Email          string // to notify when a status changes
	Information    information
	Representative representative
	AddressSID     string // of an address, which another API of Twilio stores
	Messaging      messaging
}

type information struct {
	BusinessName       string `json:"business_name"`
	Identity           string `json:"business_identity"`
	Type               string `json:"business_type"`
	Industry           string `json:"business_industry"`
	RegistrationKind   string `json:"business_registration_identifier"`
	RegistrationNumber string `json:"business_registration_number"`
	Regions            string `json:"business_regions_of_operation"`
	Website            string `json:"website_url"`
}

type representative struct {
	FirstName   string `json:"first_name"`
	LastName    string `json:"last_name"`
	Email       string `json:"email"`
	PhoneNumber string `json:"phone_number"`
	Title       string `json:"business_title"`
	Position    string `json:"job_position"`
}

type messaging struct {
	CompanyType string `json:"company_type"`
}

// acme is the business that this example registers.
func acme() business {
	return business{
		Name: "Acme", Email: "compliance@acme.example",
		Information: information{
			BusinessName: "Acme, Inc.", Identity: "direct_customer", Type: "Corporation", Industry: "RETAIL",
			RegistrationKind: "EIN", RegistrationNumber: "123456789", Regions: "USA_AND_CANADA", Website: "https://acme.example",
		},
		Representative: representative{
			FirstName: "Ada", LastName: "Byron", Email: "ada@acme.example", PhoneNumber: "+14155550100",
			Title: "Chief executive", Position: "CEO",
		},
		AddressSID: "AD0123456789abcdef0123456789abcdef",
		Messaging:  messaging{CompanyType: "private"},
	}
}
