package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
)

// licenseFile matches the names of files that must accompany copies of a module.
var licenseFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|copyright)([._-].*)?$`)

// licensesOf returns the licenses of the modules that are linked into a program, and of Go. Most of them require that copies are
// accompanied by their text.
func licensesOf(ctx context.Context, source string, p program) ([]byte, error) {
	var text bytes.Buffer
	goRoot, err := goCommand(ctx, source, "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	if err := appendLicenses(&text, "Go "+p.info.GoVersion, goRoot); err != nil {
		return nil, err
	}
	for _, dependency := range p.info.Deps {
		folder, err := goCommand(ctx, source, "list", "-m", "-f", "{{.Dir}}", dependency.Path)
		if err != nil {
			return nil, err
		}
		linked := replaced(dependency)
		if err := appendLicenses(&text, linked.Path+" "+linked.Version, folder); err != nil {
			return nil, err
		}
	}
	return text.Bytes(), nil
}

func appendLicenses(text *bytes.Buffer, module, folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	found := false
	for _, entry := range entries {
		if entry.IsDir() || !licenseFile.MatchString(entry.Name()) {
			continue
		}
		license, err := os.ReadFile(filepath.Join(folder, entry.Name())) //nolint:gosec // G304: of a module
		if err != nil {
			return err
		}
		fmt.Fprintf(text, "==== %s: %s\n\n%s\n\n", module, entry.Name(), bytes.TrimSpace(license))
		found = true
	}
	if !found {
		return errors.New(module + " has no license")
	}
	return nil
}

func goCommand(ctx context.Context, source string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, "go", args...) //nolint:gosec // G204: no input
	command.Dir = source
	command.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "GOTOOLCHAIN=local")
	output, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("go %v: %w", args, err)
	}
	return string(bytes.TrimSpace(output)), nil
}
