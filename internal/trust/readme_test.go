package trust_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// TestREADMEShowsTheStatusTable prints the table as the README has it.
func TestREADMEShowsTheStatusTable(t *testing.T) {
	var table strings.Builder
	table.WriteString("| from | by | to |\n| --- | --- | --- |\n")
	for _, step := range trust.Steps() {
		fmt.Fprintf(&table, "| `%s` | %s | `%s` |\n", step.From, step.By, step.To)
	}
	var editable []string
	for _, status := range trust.Statuses() {
		if status.Editable() {
			editable = append(editable, fmt.Sprintf("`%s`", status))
		}
	}
	fmt.Fprintf(&table, "\nThe other fields can be edited in %s.\n", strings.Join(editable, " and "))
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), table.String()) {
		t.Errorf("the README lacks this:\n%s", table.String())
	}
}
