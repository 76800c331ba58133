package panics_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/internal/panics"
)

// recovered runs fn and returns the error of its panic.
func recovered(fn func()) (err error) {
	defer func() { err = panics.Error(recover()) }()
	fn()
	return nil
}

func culprit(value any) { panic(value) }

func TestError(t *testing.T) {
	for name, test := range map[string]struct {
		fn   func()
		want string
	}{
		"of the runtime": {func() { culprit(any("a secret").(int)) }, "panic: interface conversion"},
		"of a text":      {func() { culprit("a secret") }, "panic: string\n"},
		"of an error":    {func() { culprit(errors.New("a secret")) }, "panic: *errors.errorString\n"},
	} {
		err := recovered(test.fn)
		if err == nil || !strings.HasPrefix(err.Error(), test.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
		if !strings.Contains(err.Error(), "panics_test.go") {
			t.Errorf("%s: the stack is missing: %v", name, err)
		}
	}
}
