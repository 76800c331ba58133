package main

import (
	"bytes"
	"fmt"
	"os"

	"go.yaml.in/yaml/v3"
)

// readYAML decodes a YAML file. An unknown key is an error.
func readYAML(path string, into any) error {
	data, err := os.ReadFile(path) //nolint:gosec // the path is a command-line argument
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
