package trust_test

import (
	"testing"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// A code of an evaluation can become the reason of a rejection, and each means something else.
func TestRejectionByAnEvaluation(t *testing.T) {
	seen := map[string]int{trust.Rejection(99999).Meaning: 99999}
	for _, code := range []int{
		trust.CodeEndUserMissing, trust.CodeEndUserField, trust.CodeDocumentMissing, trust.CodeDocumentField, trust.CodeDocumentAddress,
	} {
		meaning := trust.Rejection(code).Meaning
		if other := seen[meaning]; other != 0 {
			t.Errorf("%d and %d both mean: %s", code, other, meaning)
		}
		seen[meaning] = code
	}
}
