package main

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/oasdiff/oasdiff/diff"
	"github.com/oasdiff/oasdiff/load"
	"go.yaml.in/yaml/v3"
)

// absent is the value of a part that one of the contracts does not have, present that of a part that it has.
const (
	absent  = "-"
	present = "present"
)

// difference is a difference between the contracts.
type difference struct {
	operation       string // its operationId here
	at              string // such as "request application/x-www-form-urlencoded Email format"
	published, ours string
}

// intended is an entry of the file of intended differences. Operation and At may hold * for any text but a slash.
type intended struct {
	Operation string `yaml:"operation"`
	At        string `yaml:"at"`
	Published string `yaml:"published"`
	Ours      string `yaml:"ours"`
	Reason    string `yaml:"reason"`

	found []difference
}

// comparePublished prints the differences between the contract and a published one, in the operations that both have. It
// fails for a difference that is not listed as intended, and for a listed one that does not exist.
func comparePublished(in files, published string, out *report) error {
	list, err := readIntended(in.differences)
	if err != nil {
		return err
	}
	differences, err := compare(published, in.contract, out)
	if err != nil {
		return err
	}
	var unlisted []difference
	for _, d := range differences {
		i := slices.IndexFunc(list, func(e *intended) bool { return e.means(d) })
		if i < 0 {
			unlisted = append(unlisted, d)
			continue
		}
		list[i].found = append(list[i].found, d)
	}
	stale := printIntended(list, out)
	if len(unlisted) > 0 {
		out.linef("\nDIFFERENT, and not listed in %s:", in.differences)
		out.rows(rows(unlisted))
	}
	for _, e := range stale {
		out.linef("\nLISTED in %s, but there is no such difference: %s: %s: %s → %s",
			in.differences, e.Operation, e.At, e.Published, e.Ours)
	}
	out.linef("\n%s: %d intended, %d not listed",
		plural(len(differences), "difference"), len(differences)-len(unlisted), len(unlisted))
	if len(unlisted)+len(stale) > 0 {
		return errFindings
	}
	return nil
}

func readIntended(file string) ([]*intended, error) {
	var content struct {
		Differences []*intended `yaml:"differences"`
	}
	if err := readYAML(file, &content); err != nil {
		return nil, err
	}
	for _, e := range content.Differences {
		if e.Operation == "" || e.At == "" || e.Published == "" || e.Ours == "" || e.Reason == "" {
			return nil, fmt.Errorf("%s: an entry needs operation, at, published, ours and reason: %+v", file, *e)
		}
		for _, pattern := range []string{e.Operation, e.At} {
			if _, err := path.Match(pattern, ""); err != nil {
				return nil, fmt.Errorf("%s: %q: %w", file, pattern, err)
			}
		}
	}
	return content.Differences, nil
}

func (e *intended) means(d difference) bool {
	operation, _ := path.Match(e.Operation, d.operation) // readIntended has checked the patterns
	at, _ := path.Match(e.At, d.at)
	return operation && at && e.Published == d.published && e.Ours == d.ours
}

// compare prints the operations of both contracts, and returns the differences in those that both have. Parts outside
// operations (tags, the names of components, servers) are not compared, except for the security schemes.
func compare(published, contract string, out *report) ([]difference, error) {
	theirs, err := loadOperations(published)
	if err != nil {
		return nil, err
	}
	ours, err := loadOperations(contract)
	if err != nil {
		return nil, err
	}
	out.linef("This contract: %s %s. Published: %s %s.",
		ours.Info.Title, ours.Info.Version, theirs.Info.Title, theirs.Info.Version)
	result, err := diff.Get(diff.NewConfig(diff.WithExcludeElements([]string{
		diff.ExcludeExamplesOption, diff.ExcludeDescriptionOption, diff.ExcludeTitleOption, diff.ExcludeSummaryOption,
		diff.ExcludeExtensionsOption,
	})), theirs, ours)
	if err != nil || result.Empty() {
		return nil, err
	}
	var found []difference
	if result.ComponentsDiff != nil && result.ComponentsDiff.SecuritySchemesDiff != nil {
		if found, err = flatten("", result.ComponentsDiff.SecuritySchemesDiff); err != nil {
			return nil, err
		}
	}
	if result.EndpointsDiff == nil {
		return found, nil
	}
	for _, endpoint := range result.EndpointsDiff.Added {
		out.linef("  only here            %s %s", endpoint.Method, endpoint.Path)
	}
	for _, endpoint := range result.EndpointsDiff.Deleted {
		out.linef("  only published       %s %s", endpoint.Method, endpoint.Path)
	}
	for endpoint, changed := range result.EndpointsDiff.Modified {
		operation := ours.Paths.Value(endpoint.Path).GetOperation(endpoint.Method).OperationID
		differences, err := flatten(operation, changed)
		if err != nil {
			return nil, err
		}
		found = append(found, differences...)
	}
	slices.SortFunc(found, func(a, b difference) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.operation, b.operation))
	})
	return found, nil
}

// loadOperations reads a contract and adds to each operation what it inherits: its path's parameters and the contract's
// security.
func loadOperations(path string) (*openapi3.T, error) {
	info, err := load.NewSpecInfo(openapi3.NewLoader(), load.NewSource(path), load.WithFlattenParams())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, item := range info.Spec.Paths.Map() {
		for _, operation := range item.Operations() {
			if operation.Security == nil {
				operation.Security = &info.Spec.Security
			}
		}
	}
	return info.Spec, nil
}

// flatten returns a difference for each leaf of oasdiff's result for an operation.
func flatten(operation string, changed any) ([]difference, error) {
	text, err := yaml.Marshal(changed)
	if err != nil {
		return nil, err
	}
	var tree any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		return nil, err
	}
	return leaves(difference{operation: operation}, tree), nil
}

// leaves returns the differences below a place.
func leaves(d difference, tree any) (found []difference) {
	switch value := tree.(type) {
	case map[string]any:
		from, changed := value["from"]
		if to, ok := value["to"]; ok || changed {
			d.published, d.ours = orAbsent(from), orAbsent(to)
			return []difference{d}
		}
		for key, below := range value {
			next := d
			switch key {
			case "added":
				next.published, next.ours = absent, present
			case "deleted":
				next.published, next.ours = present, absent
			case "modified", "schema", "content", "properties", "parameters", "stringsdiff": // not needed in the place
			default:
				next.at = place(d.at, key)
			}
			found = append(found, leaves(next, below)...)
		}
	case []any:
		for _, one := range value {
			found = append(found, leaves(d, one)...)
		}
	default:
		d.at = place(d.at, orAbsent(value))
		if d.published == d.ours { // oasdiff has a special word for it, such as schemaAdded: true
			d.published, d.ours = absent, present
		}
		found = append(found, d)
	}
	return found
}

// place returns the place of a part below another.
func place(above, part string) string {
	switch part {
	case "requestBody":
		part = "request"
	case "responses":
		part = "response"
	case "headers":
		part = "header"
	}
	return strings.TrimSpace(above + " " + part)
}

// orAbsent formats a value. If a contract leaves it out, oasdiff has the default: null, false, 0 or nothing.
func orAbsent(value any) string {
	if value == nil || value == false || value == 0 || value == "" {
		return absent
	}
	return fmt.Sprint(value)
}

// printIntended prints the intended differences that exist, by reason, and returns the entries that match none.
func printIntended(list []*intended, out *report) (stale []*intended) {
	for i := 0; i < len(list); {
		reason := list[i].Reason
		var found []difference
		for ; i < len(list) && list[i].Reason == reason; i++ {
			if len(list[i].found) == 0 {
				stale = append(stale, list[i])
			}
			found = append(found, list[i].found...)
		}
		if len(found) > 0 {
			out.linef("\n%s", reason)
			out.rows(rows(found))
		}
	}
	return stale
}

// rows returns a row for each place, with all operations that have the same difference there.
func rows(differences []difference) [][]string {
	var table [][]string
	for _, d := range differences {
		cells := []string{"  " + d.at, d.published, "→", d.ours}
		same := func(row []string) bool { return slices.Equal(row[:len(cells)], cells) }
		if i := slices.IndexFunc(table, same); i >= 0 {
			table[i][len(cells)] += ", " + d.operation
			continue
		}
		table = append(table, append(cells, d.operation))
	}
	return table
}
