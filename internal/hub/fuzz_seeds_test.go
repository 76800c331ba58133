package hub_test

import (
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const (
	products        = "/v1/TrustProducts"
	profiles        = "/v1/CustomerProfiles"
	validPolicy     = "RN7a97559effdf62d00f4298208492a5ea"
	secondaryPolicy = "RNdfbf3fae0e1107f8aded0e7cead80bf5"
	cnamPolicy      = "RNf3db3cd1fe25fcfd3c3ded065c8fea53"
)

// validCreate makes a product; from it come, by changes, most of the seeds.
func validCreate() fuzzRequest {
	return request(http.MethodPost, products, "", url.Values{
		"FriendlyName": {"Café & Sons + Co"}, "Email": {"compliance@acme.example"}, "StatusCallback": {"https://acme.example/status?a=1"},
		"PolicySid": {validPolicy},
	}.Encode())
}

// request is one with the right credentials.
func request(method, path, query, body string) fuzzRequest {
	r := fuzzRequest{method: method, path: path, query: query, user: alice.SID, password: alice.AuthToken, body: body}
	if body != "" {
		r.contentType = "application/x-www-form-urlencoded"
	}
	return r
}

// ofProfiles returns the request about Customer Profiles instead of Trust Products.
func (r fuzzRequest) ofProfiles() fuzzRequest {
	r.path = strings.Replace(r.path, products, profiles, 1)
	return r
}

// ofBothKinds adds the requests about Customer Profiles to those about Trust Products.
func ofBothKinds(seeds []fuzzRequest) []fuzzRequest {
	for _, seed := range slices.Clone(seeds) {
		if other := seed.ofProfiles(); other != seed {
			seeds = append(seeds, other)
		}
	}
	return seeds
}

// ofEitherKind makes about half of the requests ones about Customer Profiles, the same half in each run.
func ofEitherKind(seeds []fuzzRequest) []fuzzRequest {
	random := rand.New(rand.NewPCG(3, 4))
	for i, seed := range seeds {
		if random.IntN(2) == 0 {
			seeds[i] = seed.ofProfiles()
		}
	}
	return seeds
}

func fuzzSeeds() []fuzzRequest {
	return slices.Concat(
		ofBothKinds(slices.Concat(ordinarySeeds(), familySeeds())),
		ofEitherKind(slices.Concat(hostileBodies(), hostileQueries(), hostileHeaders(), hostileCallbacks(),
			hostileFamilyBodies(), hostileFamilyPaths())))
}

func ordinarySeeds() []fuzzRequest {
	const product = products + "/" + freshSID
	return []fuzzRequest{
		validCreate(),
		request("POST", product, "", "FriendlyName=Acme&Email=a%40b.example&StatusCallback=&Status=draft"),
		request("POST", product, "", "Status=pending-review"),
		request("POST", product, "Status=bogus", "Status=twilio-approved"),
		request("GET", product, "", ""),
		request("DELETE", product, "", ""),
		request("GET", products, "", ""),
		request("GET", products, "PageSize=1&Page=1&PageToken="+freshPage, ""),
		request("GET", products, "PageSize=2&Status=draft&FriendlyName=Caf%C3%A9+%26+Sons+%2B+Co&PolicySid="+validPolicy, ""),
		request("OPTIONS", products, "", ""),
		request("PUT", product, "", "x"),
		request("GET", products+"/BU00000000000000000000000000000000", "", ""),
		request("GET", "/healthz", "", ""),
		request("POST", product+"/Evaluations", "a;b", "&&=&;"),
	}
}

// hostile are values that a database or a protocol may choke on. The long one cannot be compressed into an index.
func hostile() []string {
	return []string{"", "\x00", "a\x00b", "\xff", "\xed\xa0\x80", "\u202e\ufffd\U0010ffff", "%", "'; DROP TABLE products; --", noise(60_000)}
}

// noise is the same in each run.
func noise(length int) string {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	random := rand.New(rand.NewPCG(1, 2))
	text := make([]byte, length)
	for i := range text {
		text[i] = letters[random.IntN(len(letters))]
	}
	return string(text)
}

func hostileBodies() (seeds []fuzzRequest) {
	for _, value := range hostile() {
		for _, name := range []string{"FriendlyName", "Email", "PolicySid", "StatusCallback"} {
			r := validCreate()
			form, _ := url.ParseQuery(r.body) // of our own
			form.Set(name, value)
			r.body = form.Encode()
			seeds = append(seeds, r)
		}
		seeds = append(seeds,
			request("POST", products+"/"+freshSID, "", "Status="+url.QueryEscape(value)),
			request("POST", products+"/"+freshSID, "", "FriendlyName="+value), // as it is, and not escaped
			request("POST", products, "", value))
	}
	return seeds
}

func hostileQueries() (seeds []fuzzRequest) {
	numbers := []string{"-1", "1e3", "1.5", "9223372036854775807", "9223372036854775808", "1000000000000000000000000000000"}
	for _, name := range []string{"Status", "FriendlyName", "PolicySid", "PageSize", "Page", "PageToken"} {
		for _, value := range slices.Concat(hostile(), numbers) {
			seeds = append(seeds, request("GET", products, url.Values{name: {value}}.Encode(), ""))
		}
	}
	for _, value := range hostile() {
		seeds = append(seeds, request("GET", products+"/"+url.PathEscape(value), "", ""),
			request("DELETE", products+"/BU"+url.PathEscape(value+strings.Repeat("0", 31)), "", ""))
	}
	return append(seeds, request("GET", products, "Page=9223372036854775807&PageSize=1&PageToken="+freshPage, ""))
}

func hostileHeaders() (seeds []fuzzRequest) {
	for _, value := range append(hostile(), "once") {
		for _, header := range []func(*fuzzRequest) *string{
			func(r *fuzzRequest) *string { return &r.user },
			func(r *fuzzRequest) *string { return &r.password },
			func(r *fuzzRequest) *string { return &r.contentType },
			func(r *fuzzRequest) *string { return &r.key },
		} {
			r := validCreate()
			*header(&r) = value
			seeds = append(seeds, r)
		}
	}
	key := validCreate()
	key.key = noise(255)
	return append(seeds, key)
}

// hostileCallbacks are stored, and again as something to do when the product is submitted.
func hostileCallbacks() (seeds []fuzzRequest) {
	for _, callback := range []string{
		"http://" + noise(10_000) + "/", "http://" + noise(10_000) + "@example.com/", "http://example.com:" + strings.Repeat("0", 10_000) + "80/",
		"http://example.com/" + noise(50_000), "http://%FF.example/", "http://%00.example/", "http://\xff.example/", "http://[::1%25\xff]/",
		"http://[::1%25%FF]/", "http://a%2fb.example/", "HTTP://Example.COM", "http://%ff@example.com/%00?%ff#%00", "https://bücher.example/é",
	} {
		seeds = append(seeds, request("POST", products+"/"+freshSID, "", url.Values{
			"StatusCallback": {callback}, "Status": {"pending-review"},
		}.Encode()))
	}
	return seeds
}
