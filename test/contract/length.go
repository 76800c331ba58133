package main

import (
	"bytes"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxOperationLines keeps operations short. A longer one must move what it shares with others into components.
const maxOperationLines = 25

// longOperations returns the operations with more lines than maxOperationLines, counted from the method. Blank lines and
// comments after the last property do not count.
func longOperations(contract []byte) ([]finding, error) {
	var document struct {
		Paths map[string]yaml.Node `yaml:"paths"`
	}
	if err := yaml.Unmarshal(contract, &document); err != nil {
		return nil, err
	}
	lines := strings.Split(string(bytes.TrimSpace(contract)), "\n")
	var found []finding
	for path, item := range document.Paths {
		for i := 0; i+1 < len(item.Content); i += 2 { // key, value
			key, value := item.Content[i], item.Content[i+1]
			if value.Kind != yaml.MappingNode { // the parameters of all operations of the path
				continue
			}
			if length := blockLength(lines[key.Line-1:]); length > maxOperationLines {
				found = append(found, finding{
					line: key.Line, column: key.Column, rule: "operation-length",
					message: fmt.Sprintf("%s %s has %d lines, allowed are %d",
						strings.ToUpper(key.Value), path, length, maxOperationLines),
				})
			}
		}
	}
	return found, nil
}

// blockLength returns the number of lines of the block that begins with the first line: itself and all lines indented deeper.
func blockLength(lines []string) int {
	length := 1
	for i, line := range lines[1:] {
		text := strings.TrimSpace(line)
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		if indent(line) <= indent(lines[0]) {
			break
		}
		length = i + 2
	}
	return length
}

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }
