package trust

import (
	"strconv"
	"strings"
)

// slowFactor is how much longer a slow review takes.
const slowFactor = 10

// testValues are what a bundle's e-mail address asks of the automatic review, so that a test in any language can have the
// outcome that it needs: plus-tags before the @, which mail servers ignore.
//
//	name+reject-18601@…        rejects with code 18601
//	name+reject-18601-18602@…  rejects with both
//	name+hold@…                stays in review until a person decides
//	name+slow@…                takes ten times the delay
//
// Tags can be combined (name+slow+reject-18601@…). Unknown tags are ignored, and so are those of a text without
// an @, such as a company's name.
type testValues struct {
	reject []int
	hold   bool
	slow   bool
}

func readTestValues(email string) testValues {
	var values testValues
	local, _, isAddress := strings.Cut(email, "@")
	if !isAddress {
		return values
	}
	_, tags, _ := strings.Cut(local, "+")
	for tag := range strings.SplitSeq(tags, "+") {
		switch codes, reject := strings.CutPrefix(tag, "reject-"); {
		case tag == "hold":
			values.hold = true
		case tag == "slow":
			values.slow = true
		case reject:
			values.reject = append(values.reject, readCodes(codes)...)
		}
	}
	return values
}

func readCodes(s string) []int {
	var codes []int
	for word := range strings.SplitSeq(s, "-") {
		if code, err := strconv.Atoi(word); err == nil && ValidRejectionCode(code) {
			codes = append(codes, code)
		}
	}
	return codes
}
