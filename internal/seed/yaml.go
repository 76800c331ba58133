package seed

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// readYAML returns the one document of a text, nil for an empty one. It refuses what would let a short text become a long one, or
// a value mean something else than what is written.
func readYAML(text []byte, problems *problems) *yaml.Node {
	var document, second yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	err := decoder.Decode(&document)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		problems.addSyntax(err, text)
		return nil
	}
	switch err := decoder.Decode(&second); {
	case err == nil:
		problems.add(second.Line, "the file must have one document only")
	case !errors.Is(err, io.EOF):
		problems.addSyntax(err, text)
	}
	problems.refuseIndirect(&document)
	if len(document.Content) == 0 || isNull(document.Content[0]) || len(problems.list) > 0 {
		return nil
	}
	return document.Content[0]
}

var (
	syntaxError = regexp.MustCompile(`^yaml: (?:line ([0-9]+): )?(.*)$`)
	// unexpected matches the errors for what is well-formed but in the wrong place. The parser counts their lines from 0. Most
	// are those of the list or mapping around it.
	unexpected = regexp.MustCompile(`^did not find expected (node content|key|'-' indicator|',' or '.'|<.*>)$`)
	// quoted matches what may be a part of the file.
	quoted = regexp.MustCompile(`["']`)
)

// addSyntax adds an error of the YAML parser, without a text that may be a part of the file.
func (p *problems) addSyntax(err error, text []byte) {
	line, message := 1, "invalid YAML"
	if found := syntaxError.FindStringSubmatch(err.Error()); found != nil {
		number, err := strconv.Atoi(found[1])
		if err == nil {
			line = number
		}
		switch problem := found[2]; {
		case unexpected.MatchString(problem):
			message = "invalid YAML in the list or mapping that begins here: " + problem
			if err == nil {
				line++
			}
		case !quoted.MatchString(problem):
			message += ": " + problem
		}
	}
	last := 1 + bytes.Count(bytes.TrimSuffix(text, []byte("\n")), []byte("\n")) // after which the parser places the end
	p.add(min(line, last), "%s", message)
}

// refuseIndirect adds a problem for each alias, merge key and tag below a node.
func (p *problems) refuseIndirect(node *yaml.Node) {
	switch {
	case node.Kind == yaml.AliasNode:
		p.add(node.Line, "aliases are not supported")
	case node.Style&yaml.TaggedStyle != 0:
		p.add(node.Line, "tags are not supported")
	case node.Kind == yaml.ScalarNode && node.ShortTag() == "!!merge":
		p.add(node.Line, "merge keys are not supported")
	}
	for _, child := range node.Content {
		p.refuseIndirect(child)
	}
}

func isNull(node *yaml.Node) bool { return node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null" }

// mapping returns the fields of a node that must be a mapping. what is what the node describes. A field that is null counts as
// missing.
func (p *problems) mapping(node *yaml.Node, what string, names []string) (fields map[string]*yaml.Node, ok bool) {
	if node.Kind != yaml.MappingNode {
		p.add(node.Line, "%s must have fields: %s", what, strings.Join(names, ", "))
		return nil, false
	}
	fields, seen := map[string]*yaml.Node{}, map[string]bool{}
	for pair := range slices.Chunk(node.Content, 2) {
		name, value := pair[0], pair[1]
		switch {
		case name.Kind != yaml.ScalarNode || !slices.Contains(names, name.Value):
			p.add(name.Line, "unknown field: %s has %s", what, strings.Join(names, ", "))
		case seen[name.Value]:
			p.add(name.Line, "%s is given twice", name.Value)
		case !isNull(value):
			fields[name.Value] = value
		}
		seen[name.Value] = true
	}
	return fields, true
}

// items returns the items of a node that must be a list. The node may be nil.
func (p *problems) items(node *yaml.Node, field string) []*yaml.Node {
	if node == nil {
		return nil
	}
	if node.Kind != yaml.SequenceNode {
		p.add(node.Line, "%s must be a list", field)
		return nil
	}
	return node.Content
}

// text returns the text of a node as it is written, whatever YAML takes it for, such as a number.
func (p *problems) text(node *yaml.Node, field string) (text string, ok bool) {
	if node.Kind != yaml.ScalarNode || isNull(node) {
		p.add(node.Line, "%s must be a text", field)
		return "", false
	}
	return node.Value, true
}

// object returns a mapping as a JSON object with the members in the same order.
func (p *problems) object(node *yaml.Node, field string) (text string, ok bool) {
	if node.Kind != yaml.MappingNode {
		p.add(node.Line, "%s must be a mapping", field)
		return "", false
	}
	var b bytes.Buffer
	ok = p.writeJSON(&b, node, field)
	return b.String(), ok
}

// writeJSON reports whether JSON has all values of the node.
func (p *problems) writeJSON(b *bytes.Buffer, node *yaml.Node, field string) (ok bool) {
	ok = true
	switch node.Kind {
	case yaml.MappingNode:
		b.WriteByte('{')
		for i, child := range node.Content {
			isName := i%2 == 0
			switch {
			case i > 0 && isName:
				b.WriteByte(',')
			case !isName:
				b.WriteByte(':')
			}
			if isName && (child.Kind != yaml.ScalarNode || child.ShortTag() != "!!str") {
				p.add(child.Line, "%s: the name of a member must be a text", field)
				ok = false
				continue
			}
			ok = p.writeJSON(b, child, field) && ok
		}
		b.WriteByte('}')
	case yaml.SequenceNode:
		b.WriteByte('[')
		for i, child := range node.Content {
			if i > 0 {
				b.WriteByte(',')
			}
			ok = p.writeJSON(b, child, field) && ok
		}
		b.WriteByte(']')
	default:
		return p.writeScalar(b, node, field)
	}
	return ok
}

// writeScalar writes a text, number, boolean or null. A number that JSON writes in another way may be meant as a text: YAML takes
// +12025550100 for the number 12025550100.
func (p *problems) writeScalar(b *bytes.Buffer, node *yaml.Node, field string) (ok bool) {
	switch node.ShortTag() {
	case "!!null":
		b.WriteString("null")
	case "!!bool":
		b.WriteString(strings.ToLower(node.Value))
	case "!!int", "!!float":
		if !json.Valid([]byte(node.Value)) {
			p.add(node.Line, "%s: JSON has no such number; put it in quotes if it is a text", field)
			return false
		}
		b.WriteString(node.Value)
	default:
		encoder := json.NewEncoder(b)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(node.Value); err != nil { // which a string does not cause
			p.add(node.Line, "%s must be a text", field)
			return false
		}
		b.Truncate(b.Len() - 1) // the line break of Encode
	}
	return true
}
