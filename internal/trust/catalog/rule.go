package catalog

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// field is a field of a type: what the API lists of it, and what Evaluate knows beside that.
type field struct {
	Field

	EvaluationName string `json:"evaluation_name"` // friendly name in a result, if it is another one there
	ErrorCode      int    `json:"error_code"`      // in a result, if it is not that of the kind
	MissingReason  string `json:"missing_reason"`  // in a result, if it is not the general one
	Rule           rule   `json:"rule"`
}

// rule says which values a field takes. The zero rule accepts every text that is not blank.
type rule struct {
	Several   bool     `json:"several"`    // an array of text, or text with commas between the values; each keeps the rest
	Enum      []string `json:"enum"`       // the values
	Pattern   string   `json:"pattern"`    // a regular expression, explained by Words
	MaxLength int      `json:"max_length"` // in characters, 0 for any
	Words     string   `json:"words"`

	pattern *regexp.Regexp
}

// prepare checks the field and compiles its pattern.
func (f *field) prepare() (err error) {
	r := &f.Rule
	if f.MachineName == "" || f.FriendlyName == "" || f.Constraint != "String" && f.Constraint != "List" {
		return errors.New("a name is missing, or the constraint is unknown")
	}
	if (r.Pattern == "") != (r.Words == "") {
		return errors.New("a pattern needs words, and words explain a pattern")
	}
	if r.Pattern == "" {
		return nil
	}
	r.pattern, err = regexp.Compile(r.Pattern)
	return err
}

// check returns what is wrong with a value of the field, decoded from JSON, empty for nothing. A value that is not present, null,
// blank or an empty list is missing.
func (f *field) check(value any) (missing bool, reason string) {
	values, ok := f.Rule.values(value)
	switch {
	case !ok && f.Rule.Several:
		return false, f.EvaluationName + " must be text or an array of text."
	case !ok:
		return false, f.EvaluationName + " must be text."
	case len(values) == 0 && f.MissingReason != "":
		return true, f.MissingReason
	case len(values) == 0:
		return true, f.EvaluationName + " is missing."
	}
	if slices.ContainsFunc(values, func(v string) bool { return !f.Rule.accepts(v) }) {
		return false, fmt.Sprintf("%s must be %s.", f.EvaluationName, f.Rule.describe())
	}
	return false, ""
}

// values returns the values that are not blank, false if they are not text.
func (r *rule) values(value any) ([]string, bool) {
	var all []string
	switch v := value.(type) {
	case nil:
	case string:
		all = []string{v}
		if r.Several {
			all = strings.Split(v, ",")
			for i := range all {
				all[i] = strings.TrimSpace(all[i])
			}
		}
	case []any:
		if !r.Several {
			return nil, false
		}
		for _, item := range v {
			text, ok := item.(string)
			if !ok {
				return nil, false
			}
			all = append(all, text)
		}
	default:
		return nil, false
	}
	return slices.DeleteFunc(all, func(s string) bool { return strings.TrimSpace(s) == "" }), true
}

func (r *rule) accepts(value string) bool {
	return (len(r.Enum) == 0 || slices.Contains(r.Enum, value)) &&
		(r.pattern == nil || r.pattern.MatchString(value)) &&
		(r.MaxLength == 0 || utf8.RuneCountInString(value) <= r.MaxLength)
}

// describe returns the rule in words.
func (r *rule) describe() string {
	var words []string
	switch {
	case len(r.Enum) > 0:
		words = append(words, "one of "+strings.Join(r.Enum, ", "))
	case r.Words != "":
		words = append(words, r.Words)
	default:
		words = append(words, "text")
	}
	if r.MaxLength > 0 {
		words = append(words, fmt.Sprintf("at most %d characters", r.MaxLength))
	}
	if r.Several {
		words = append(words, "or several of them")
	}
	return strings.Join(words, ", ")
}
