package contracttest_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/test/kit/contracttest"
)

const (
	product = `{"sid":"BUaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","account_sid":"ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",` +
		`"policy_sid":"RNaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","friendly_name":"Acme","status":"draft","valid_until":null,` +
		`"email":"a@b.example","status_callback":null,"date_created":"2026-01-02T03:04:05Z","date_updated":"2026-01-02T03:04:05Z",` +
		`"url":"https://a.example/p","errors":null,"links":{"trust_products_entity_assignments":"https://a.example/1",` +
		`"trust_products_evaluations":"https://a.example/2","trust_products_channel_endpoint_assignment":"https://a.example/3"}}`
	failure = `{"code":20404,"message":"no","more_info":"https://www.twilio.com/docs/errors/20404","status":404}`
)

// TestCheck checks responses with one violation each.
func TestCheck(t *testing.T) {
	contract, err := contracttest.New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		path        string
		status      int
		contentType string
		body        string
		breaks      bool
	}{
		"a product":                 {"/v1/TrustProducts", 201, "application/json", product, false},
		"an error":                  {"/v1/TrustProducts", 404, "application/json", failure, false},
		"an error elsewhere":        {"/v2", 404, "application/json", failure, false},
		"an undeclared status":      {"/v1/TrustProducts/BUaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 201, "application/json", product, true},
		"another content type":      {"/v1/TrustProducts", 201, "text/html", product, true},
		"a property is missing":     {"/v1/TrustProducts", 201, "application/json", strings.Replace(product, `"errors":null,`, "", 1), true},
		"an unknown status":         {"/v1/TrustProducts", 201, "application/json", strings.Replace(product, "draft", "new", 1), true},
		"a fraction of a second":    {"/v1/TrustProducts", 201, "application/json", strings.Replace(product, "05Z", "05.5Z", 1), true},
		"a code that is text":       {"/v1/TrustProducts", 404, "application/json", strings.Replace(failure, "20404", `"x"`, 1), true},
		"an error elsewhere, empty": {"/v2", 404, "application/json", "{}", true},
		"an error elsewhere, HTML":  {"/v2", 503, "text/html", "<html>", true},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "http://any.example"+test.path, nil)
			err := contract.Check(r, test.status, http.Header{"Content-Type": {test.contentType}}, []byte(test.body))
			if (err != nil) != test.breaks {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestOperations(t *testing.T) {
	contract, err := contracttest.New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	create := contract.Operation(httptest.NewRequest(http.MethodPost, "/v1/TrustProducts", nil))
	if create != "CreateTrustProduct" || !slices.Contains(contract.Operations(), create) {
		t.Errorf("the operation of a create is %q, of %v", create, contract.Operations())
	}
	if got := contract.Operation(httptest.NewRequest(http.MethodPost, "/v1", nil)); got != "" {
		t.Errorf("outside the contract, the operation is %q", got)
	}
}
