package seed_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/internal/seed"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// user and product are valid objects, to which a test adds lines.
const (
	user    = "end_users:\n- key: ada\n  type: t\n  friendly_name: Ada\n"                                                                        // lines 1 to 4
	product = "trust_products:\n- key: acme\n  policy_sid: RN7a97559effdf62d00f4298208492a5ea\n  friendly_name: Acme\n  email: a@acme.example\n" // lines 1 to 5
)

// TestParseErrors: errors name the line and the field, and none of the values, which all contain "secret".
func TestParseErrors(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"syntax":             {"end_users:\n  - key: [secret", []string{"2: invalid YAML in the list or mapping that begins here: did not find expected ',' or ']'"}},
		"item's indentation": {"\nend_users:\n  - key: secret\n   type: secret", []string{"3: invalid YAML in the list or mapping that begins here: did not find expected '-' indicator"}},
		"first line":         {"[secret: 1, secret: {", []string{"1: invalid YAML in the list or mapping that begins here: did not find expected node content"}},
		"indentation":        {"a: secret\n b: secret\n", []string{"2: invalid YAML: mapping values are not allowed in this context"}},
		"unknown anchor":     {"end_users: *secret", []string{"1: invalid YAML"}},
		"control":            {"end_users: \x01", []string{"1: invalid YAML: control characters are not allowed"}},
		"two documents":      {user + "---\n" + user, []string{"5: the file must have one document only"}},
		"alias":              {"end_users: &secret []\ntrust_products: *secret", []string{"2: aliases are not supported"}},
		"recursive alias":    {"end_users: &secret [*secret]", []string{"1: aliases are not supported"}},
		"tag":                {user + "  attributes: !secret {}", []string{"5: tags are not supported"}},
		"merge":              {user + "  attributes: {<<: {a: secret}}", []string{"5: merge keys are not supported"}},
		"not a mapping":      {"- secret", []string{"1: a seed file must have fields: account_sid, end_users, supporting_documents, customer_profiles, trust_products"}},
		"unknown section":    {"secret: []", []string{"1: unknown field: a seed file has account_sid, end_users, supporting_documents, customer_profiles, trust_products"}},
		"not a list":         {"end_users: secret", []string{"1: end_users must be a list"}},
		"account":            {"account_sid: secret", []string{"1: account_sid must be AC and 32 hex digits"}},
		"no object":          {"end_users: [secret]", []string{"1: an end user must have fields: key, type, friendly_name, attributes"}},
		"unknown field":      {user + "  secret: secret", []string{"5: unknown field: an end user has key, type, friendly_name, attributes"}},
		"bundle's field":     {user + "  status: draft", []string{"5: unknown field: an end user has key, type, friendly_name, attributes"}},
		"field twice":        {user + "  type: secret", []string{"5: type is given twice"}},
		"field as list":      {"end_users:\n- key: a\n  type: [secret]\n  friendly_name: {a: secret}", []string{"3: type must be a text", "4: friendly_name must be a text"}},
		"nothing given":      {"end_users:\n- {}\n-\n", []string{"2: key is missing", "2: friendly_name is missing", "2: type is missing", "3: an end user must have fields: key, type, friendly_name, attributes"}},
		"null":               {"end_users:\n- key: ~\n  type: null\n  friendly_name:\n", []string{"2: key is missing", "2: friendly_name is missing", "2: type is missing"}},
		"key":                {"end_users: [{key: a secret, type: t, friendly_name: n}]", []string{"1: key must have 1 to 64 letters, digits, points, hyphens and underscores, a letter or digit first"}},
		"key primary":        {"end_users: [{key: primary, type: t, friendly_name: n}]", []string{"1: key must not be primary, which refers to the account's Primary Customer Profile"}},
		"key twice":          {user + "supporting_documents:\n- {key: ada, type: t, friendly_name: n}", []string{"6: key is also that of line 2"}},
		"empty":              {"end_users: [{key: a, type: '', friendly_name: n}]", []string{"1: type must not be empty"}},
		"null character":     {"end_users: [{key: a, type: t, friendly_name: \"\\0secret\"}]", []string{"1: friendly_name must be UTF-8 text without null characters"}},
		"contract":           {strings.ReplaceAll(product, "RN7a", "RNsecret"), []string{"3: policy_sid must match ^RN[0-9a-fA-F]{32}$"}},
		"Primary":            {strings.NewReplacer("trust_products", "customer_profiles", "RN7a97559effdf62d00f4298208492a5ea", trust.PrimaryPolicySID).Replace(product), []string{"3: policy_sid must not be that of a Primary Customer Profile; the account has one, with the key primary"}},
		"callback":           {product + "  status_callback: secret", []string{"6: status_callback must be an absolute http or https URL"}},
		"attributes":         {user + "  attributes: secret", []string{"5: attributes must be a mapping"}},
		"no JSON number": {user + "  attributes:\n    a: +12025550100\n    b: [0123, 1_000, 0x1f, .inf, .5]", []string{
			"6: attributes: JSON has no such number; put it in quotes if it is a text", "7: attributes: JSON has no such number; put it in quotes if it is a text",
			"7: attributes: JSON has no such number; put it in quotes if it is a text", "7: attributes: JSON has no such number; put it in quotes if it is a text",
			"7: attributes: JSON has no such number; put it in quotes if it is a text", "7: attributes: JSON has no such number; put it in quotes if it is a text",
		}},
		"member's name":    {user + "  attributes: {1: secret}", []string{"5: attributes: the name of a member must be a text"}},
		"members twice":    {user + "  attributes: {a: secret, a: secret}", []string{"5: attributes must not have two members of the same name in an object"}},
		"nested deeply":    {user + "  attributes: {a: " + strings.Repeat("[", 32) + strings.Repeat("]", 32) + "}", []string{"5: attributes must not be nested more than 32 levels deep"}},
		"large":            {user + "  attributes: {a: " + strings.Repeat("secret", 3000) + "}", []string{"5: attributes must have at most 16384 bytes"}},
		"status":           {product + "  status: secret", []string{"6: status must be one of draft, pending-review, in-review, twilio-rejected, twilio-approved"}},
		"no codes":         {product + "  status: twilio-rejected\n  codes: []", []string{"2: status twilio-rejected requires codes, or valid_until for an approval that has expired"}},
		"codes":            {product + "  status: twilio-rejected\n  codes: [secret, 1, [18601]]", []string{"7: codes: each must have five digits", "7: codes: each must have five digits", "7: codes: each must have five digits"}},
		"codes of a draft": {product + "  codes: [18601]", []string{"6: codes requires status twilio-rejected"}},
		"valid_until":      {product + "  status: twilio-approved\n  valid_until: secret", []string{"7: valid_until must be a time such as 2030-01-31T00:00:00Z"}},
		"valid draft":      {product + "  valid_until: 2030-01-31T00:00:00Z", []string{"6: valid_until requires status twilio-approved, or twilio-rejected for an approval that has expired"}},
		"unknown key":      {product + "  assign: [secret, primary]", []string{"6: assign: no object of the file has this key"}},
		"itself":           {product + "  assign: [acme]", []string{"6: assign: a bundle cannot be assigned to itself"}},
		"assigned twice":   {product + "  assign:\n  - ada\n  - ada\n" + user, []string{"8: assign has one key twice"}},
		"number":           {product + "  phone_numbers:\n  - PNaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n  - secret\n  - PNaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", []string{"8: phone_numbers: each must match ^PN[0-9a-fA-F]{32}$", "9: phone_numbers has one twice"}},
		"too long":         {strings.Repeat("#secret\n", seed.MaxBytes/8) + "#", []string{fmt.Sprintf("1: the file must have at most %d bytes", seed.MaxBytes)}},
		"too many":         {product + "  assign: [" + strings.Repeat("ada, ", seed.MaxRows) + "]\n" + user, []string{fmt.Sprintf("6: the file must have at most %d objects, assignments and phone numbers", seed.MaxRows)}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := seed.Parse("seed.yaml", []byte(test.text))
			failure, ok := errors.AsType[*seed.Error](err)
			if !ok {
				t.Fatalf("got %v, want an *Error", err)
			}
			var got []string
			for _, p := range failure.Problems {
				got = append(got, fmt.Sprintf("%d: %s", p.Line, p.Message))
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error has a value of the file:\n%v", err)
			}
		})
	}
}

func TestErrorText(t *testing.T) {
	_, err := seed.Parse("my/seed.yaml", []byte("account_sid: x"))
	if want := "my/seed.yaml:1: account_sid must be AC and 32 hex digits"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	_, err = seed.Parse("s", []byte(strings.Repeat("a: b\n", 25)))
	if err == nil || !strings.HasPrefix(err.Error(), "25 errors in the seed file:\ns:1: ") || !strings.HasSuffix(err.Error(), "\nand 5 more") ||
		strings.Count(err.Error(), "\n") != 21 {
		t.Errorf("got %v", err)
	}
}

// TestParse accepts files that say little, and those that no tool would write.
func TestParse(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "comment": "# nothing\n", "null": "~", "empty sections": "end_users:\ntrust_products: []\n",
		"json":         `{"end_users": [{"key": "a", "type": "t", "friendly_name": "n", "attributes": {"b": [1, -2.5e3, true, null, "c"]}}]}`,
		"crlf":         strings.ReplaceAll(user, "\n", "\r\n"),
		"number, date": "end_users:\n- {key: 1, type: 2026-01-31, friendly_name: 0x10, attributes: {a: 2026-01-31, b: yes, '1': 1}}",
		"forward":      product + "  assign: [ada]\n" + user,
		"each other":   product + "  assign: [other]\n- {key: other, policy_sid: RN7a97559effdf62d00f4298208492a5ea, friendly_name: n, email: e, assign: [acme]}\n",
		"example":      string(seed.Example()),
	} {
		if _, err := seed.Parse(name, []byte(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
