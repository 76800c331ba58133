package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/oasdiff/oasdiff/checker"
	"github.com/oasdiff/oasdiff/diff"
	"github.com/oasdiff/oasdiff/load"
	"golang.org/x/mod/semver"
)

// compareReleased prints the changes of both contracts since their last releases, and fails if a breaking one is not announced.
func compareReleased(in files, out *report) error {
	changelog, err := os.ReadFile(in.changelog)
	if err != nil {
		return err
	}
	announced := announcements(string(changelog))
	unannounced := 0
	for _, contract := range []struct{ name, path string }{{"openapi", in.contract}, {"operator", in.operator}} {
		released, version, err := lastReleased(in.released, contract.name)
		switch {
		case err != nil:
			return err
		case released == "" && contract.path == in.contract:
			return fmt.Errorf("no released contract (openapi-*.yaml) in %s", in.released)
		case released == "":
			out.linef("released: contract %s has never been released, so nothing was compared", contract.name)
			continue
		}
		changes, err := changesBetween(released, contract.path)
		if err != nil {
			return err
		}
		breaks, missing := printChanges(changes, announced, out)
		unannounced += missing
		out.linef("released: %s since contract %s %s, %d of them breaking",
			plural(len(changes), "change"), contract.name, version, breaks)
	}
	if unannounced > 0 {
		out.linef("Announce each breaking change in %s under Unreleased: \"- Breaking: <operationId> ...\".", in.changelog)
		return errFindings
	}
	return nil
}

// printChanges prints each change, and returns how many are breaking, and how many of these are not announced.
func printChanges(changes checker.Changes, announced []string, out *report) (breaks, unannounced int) {
	words := checker.NewDefaultLocalizer()
	for _, change := range changes {
		kind := "compatible"
		if change.IsBreaking() {
			kind = "breaking, announced"
			breaks++
			if !announces(announced, change.GetOperationId()) {
				kind = "BREAKING, NOT ANNOUNCED"
				unannounced++
			}
		}
		out.linef("%s: %s %s %s: %s [%s]", kind, change.GetOperation(), change.GetPath(), change.GetOperationId(),
			change.GetUncolorizedText(words), change.GetId())
	}
	return breaks, unannounced
}

// lastReleased returns the <name>-<version>.yaml with the highest version, or no path if there is none.
func lastReleased(folder, name string) (path, version string, err error) {
	candidates, err := filepath.Glob(filepath.Join(folder, name+"-*.yaml"))
	if err != nil {
		return "", "", err
	}
	versionOf := func(path string) string {
		return "v" + strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), name+"-"), ".yaml")
	}
	for _, candidate := range candidates {
		if !semver.IsValid(versionOf(candidate)) {
			return "", "", fmt.Errorf("%s is not named after a version, such as %s-1.2.3.yaml", candidate, name)
		}
	}
	if len(candidates) == 0 {
		return "", "", nil
	}
	path = slices.MaxFunc(candidates, func(a, b string) int { return semver.Compare(versionOf(a), versionOf(b)) })
	version = strings.TrimPrefix(versionOf(path), "v")
	released, err := loadContract(path)
	if err != nil {
		return "", "", err
	}
	if released.Info.Version != version {
		return "", "", fmt.Errorf("%s has version %s", path, released.Info.Version)
	}
	return path, version, nil
}

// changesBetween returns the changes between two contracts that callers may notice, breaking or not.
func changesBetween(before, after string) (checker.Changes, error) {
	var infos [2]*load.SpecInfo
	for i, path := range []string{before, after} {
		info, err := load.NewSpecInfo(openapi3.NewLoader(), load.NewSource(path),
			load.WithFlattenParams(), load.WithLowercaseHeaders())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		infos[i] = info
	}
	changed, sources, err := diff.GetWithOperationsSourcesMap(diff.NewConfig(), infos[0], infos[1])
	if err != nil {
		return nil, err
	}
	all := checker.NewConfig(checker.GetAllChecks())
	return checker.CheckBackwardCompatibilityUntilLevel(all, changed, sources, checker.INFO), nil
}

// announcements returns the entries "- Breaking: ..." of a changelog's Unreleased section, each in one line.
func announcements(changelog string) []string {
	var found []string
	unreleased, inEntry := false, false
	for line := range strings.Lines(changelog) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case strings.HasPrefix(line, "## "):
			unreleased, inEntry = strings.HasPrefix(line, "## Unreleased"), false
		case unreleased && strings.HasPrefix(line, "- Breaking:"):
			found, inEntry = append(found, strings.TrimSpace(strings.TrimPrefix(line, "- Breaking:"))), true
		case inEntry && strings.HasPrefix(line, "  "):
			found[len(found)-1] += " " + strings.TrimSpace(line)
		default:
			inEntry = false
		}
	}
	return found
}

// announces reports whether an entry names the operation. A change outside operations is covered by any entry with text.
func announces(entries []string, operationID string) bool {
	return slices.ContainsFunc(entries, func(entry string) bool {
		if operationID == "" {
			return entry != ""
		}
		return slices.Contains(strings.FieldsFunc(entry, func(r rune) bool { return !isNameRune(r) }), operationID)
	})
}

func isNameRune(r rune) bool {
	return r == '_' || r == '-' || (r >= '0' && r <= '9') || (r >= 'A' && r <= 'Z') || (r >= 'a' && r <= 'z')
}

// loadContract reads an OpenAPI 3.0 document without references to other files.
func loadContract(path string) (*openapi3.T, error) {
	doc, err := openapi3.NewLoader().LoadFromFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if doc.Info == nil || doc.Paths == nil {
		return nil, errors.New(path + " is not a contract: it has no info or no paths")
	}
	return doc, nil
}
