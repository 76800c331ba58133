package api

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/labstack/echo/v4"
)

// BenchmarkValidate measures the validation of a create against the contract, which is a part of BenchmarkEdge.
func BenchmarkValidate(b *testing.B) {
	operations, err := loadOperations()
	if err != nil {
		b.Fatal(err)
	}
	var create *operation
	for _, op := range operations {
		if op.id == "CreateTrustProduct" {
			create = op
		}
	}
	r := httptest.NewRequest(http.MethodPost, "/v1/TrustProducts", http.NoBody)
	r.PostForm = url.Values{
		"FriendlyName": {"Acme"}, "Email": {"compliance@acme.example"}, "PolicySid": {"RN7a97559effdf62d00f4298208492a5ea"},
		"StatusCallback": {"https://acme.example/status"},
	}
	c := echo.New().NewContext(r, httptest.NewRecorder())
	b.ReportAllocs()
	for b.Loop() {
		if err := create.validate(c); err != nil {
			b.Fatal(err)
		}
	}
}
