package main

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// absent stands for what one of the contracts does not have or does not say, present for a part that it has.
const (
	absent  = "-"
	present = "present"
)

// difference is one thing on which the contracts disagree.
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

// comparePublished prints on what the contract and a published one disagree, in the operations that both have. It fails for
// a difference that is not listed as intended, and for a listed one that does not exist.
func comparePublished(in files, published string, out *report) error {
	list, err := readIntended(in.differences)
	if err != nil {
		return err
	}
	theirs, err := loadContract(published)
	if err != nil {
		return err
	}
	ours, err := loadContract(in.contract)
	if err != nil {
		return err
	}
	differences, err := compare(theirs, ours, out)
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
	gone := printIntended(list, out)
	if len(unlisted) > 0 {
		out.linef("\nDIFFERENT, and not listed in %s:", in.differences)
		out.rows(rows(unlisted))
	}
	for _, e := range gone {
		out.linef("\nLISTED in %s, but there is no such difference: %s: %s: %s → %s",
			in.differences, e.Operation, e.At, e.Published, e.Ours)
	}
	out.linef("\n%s: %d intended, %d not listed",
		plural(len(differences), "difference"), len(differences)-len(unlisted), len(unlisted))
	if len(unlisted)+len(gone) > 0 {
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
	operation, _ := path.Match(e.Operation, d.operation) // readIntended has seen to it that the patterns are valid
	at, _ := path.Match(e.At, d.at)
	return operation && at && e.Published == d.published && e.Ours == d.ours
}

// compare prints which operations there are, and returns on what the contracts disagree in those that both have.
func compare(theirs, ours *openapi3.T, out *report) ([]difference, error) {
	published, err := operations(theirs)
	if err != nil {
		return nil, fmt.Errorf("the published contract: %w", err)
	}
	own, err := operations(ours)
	if err != nil {
		return nil, fmt.Errorf("this contract: %w", err)
	}
	out.linef("This contract: %s %s. Published: %s %s.",
		ours.Info.Title, ours.Info.Version, theirs.Info.Title, theirs.Info.Version)
	var found []difference
	for _, key := range slices.Sorted(maps.Keys(own)) {
		if published[key] == nil {
			out.linef("  only here            %s", key)
			continue
		}
		out.linef("  in both              %s", key)
		found = append(found, compareNodes(own[key].facts["operationId"], nil, published[key], own[key])...)
	}
	for _, key := range slices.Sorted(maps.Keys(published)) {
		if own[key] == nil {
			out.linef("  only published       %s", key)
		}
	}
	return found, nil
}

// compareNodes lists what differs in a part and below. Of a part that only one of them has, it says just that.
func compareNodes(operation string, at []string, theirs, ours *node) []difference {
	where := func(name string) string { return strings.Join(append(slices.Clone(at), name), " ") }
	var found []difference
	for _, fact := range union(theirs.facts, ours.facts) {
		published, own := orAbsent(theirs.facts[fact]), orAbsent(ours.facts[fact])
		if published != own {
			found = append(found, difference{operation, where(fact), published, own})
		}
	}
	for _, name := range union(theirs.parts, ours.parts) {
		published, own := theirs.parts[name], ours.parts[name]
		switch {
		case published == nil:
			found = append(found, difference{operation, where(name), absent, present})
		case own == nil:
			found = append(found, difference{operation, where(name), present, absent})
		default:
			found = append(found, compareNodes(operation, append(slices.Clone(at), name), published, own)...)
		}
	}
	return found
}

func union[V any](a, b map[string]V) []string {
	keys := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(keys)
	return slices.Compact(keys)
}

func orAbsent(fact string) string {
	if fact == "" {
		return absent
	}
	return fact
}

// printIntended prints the intended differences that there are, by their reasons, and returns the entries without any.
func printIntended(list []*intended, out *report) (gone []*intended) {
	for i := 0; i < len(list); {
		reason := list[i].Reason
		var found []difference
		for ; i < len(list) && list[i].Reason == reason; i++ {
			if len(list[i].found) == 0 {
				gone = append(gone, list[i])
			}
			found = append(found, list[i].found...)
		}
		if len(found) > 0 {
			out.linef("\n%s", reason)
			out.rows(rows(found))
		}
	}
	return gone
}

// rows has a row for each place, with all operations in which it differs in the same way.
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
