package seed_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/opentrusthub/trusthub/internal/seed"
)

// FuzzParse parses arbitrary files: it never panics, errors are on lines that the file has, and their texts do not depend on what
// the values are.
func FuzzParse(f *testing.F) {
	f.Add(string(seed.Example()))
	f.Add(user + "  attributes: {a: +1, b: *c, <<: {}, d: !!str e}")
	f.Add(product + "  status: twilio-rejected\n  codes: [18601]\n  assign: [primary, acme]\n  phone_numbers: [PN1]")
	f.Add("end_users:\n- key: a\n   type: [secret")
	f.Add("account_sid: AC1\n---\n- ? [a]\n  : b\n...\n%YAML 1.1")
	f.Fuzz(func(t *testing.T, text string) {
		_, err := seed.Parse("seed.yaml", []byte(text))
		if err == nil {
			return
		}
		failure, ok := errors.AsType[*seed.Error](err)
		if !ok || len(failure.Problems) == 0 {
			t.Fatalf("got %v, want an *Error with problems", err)
		}
		if !slices.IsSortedFunc(failure.Problems, func(a, b seed.Problem) int { return a.Line - b.Line }) {
			t.Errorf("the lines are not in order: %v", err)
		}
		for _, p := range failure.Problems {
			if p.Line < 1 || p.Line > lines(text) || !utf8.ValidString(p.Message) || strings.ContainsAny(p.Message, "\n\x00") {
				t.Errorf("line %d of %d: %q", p.Line, lines(text), p.Message)
			}
		}
	})
}

// lines counts lines as YAML does, at the most: it has line breaks that are not those of other tools.
func lines(text string) int {
	return 1 + strings.Count(text, "\n") + strings.Count(text, "\r") +
		strings.Count(text, "\u0085") + strings.Count(text, "\u2028") + strings.Count(text, "\u2029")
}
