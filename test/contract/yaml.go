package main

import (
	"bytes"
	"fmt"
	"os"

	"go.yaml.in/yaml/v3"
)

// readYAML decodes a file of this project. A key that nobody reads is a mistake in it.
func readYAML(path string, into any) error {
	data, err := os.ReadFile(path) //nolint:gosec // the developer who runs this says what to read
	if err != nil {
		return err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
