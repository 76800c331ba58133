package catalog_test

import (
	"testing"

	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/internal/trust/catalog"
)

// BenchmarkEvaluate evaluates the policy with the most fields, with what complies with it and with nothing.
func BenchmarkEvaluate(b *testing.B) {
	for name, assigned := range map[string]trust.Assigned{"compliant": assignAll(b, secondary, ""), "empty": {}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				catalog.Default().Evaluate(secondary, assigned)
			}
		})
	}
}
