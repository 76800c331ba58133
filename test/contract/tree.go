package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// node is a part of an operation: what is said of it, and its own parts. Two contracts are compared node by node.
type node struct {
	facts map[string]string // only what differs from OpenAPI's default
	parts map[string]*node
}

func newNode() *node {
	return &node{facts: map[string]string{}, parts: map[string]*node{}}
}

// say notes a fact, unless it is the default, which may as well be left unsaid.
func (n *node) say(name, value, unsaid string) {
	if value != unsaid {
		n.facts[name] = value
	}
}

// operations reads what the contract says of each of its operations, by method and path.
func operations(doc *openapi3.T) (map[string]*node, error) {
	found := map[string]*node{}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			one, err := newOperation(doc, item, op)
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", method, path, err)
			}
			found[method+" "+path] = one
		}
	}
	return found, nil
}

func newOperation(doc *openapi3.T, item *openapi3.PathItem, op *openapi3.Operation) (*node, error) {
	n := newNode()
	n.say("operationId", op.OperationID, "")
	n.say("security", security(doc, op), "")
	for _, parameter := range slices.Concat(item.Parameters, op.Parameters) {
		p := parameter.Value
		part := newNode()
		part.say("required", strconv.FormatBool(p.Required), "false")
		if err := part.addSchema(p.Schema); err != nil {
			return nil, fmt.Errorf("parameter %s: %w", p.Name, err)
		}
		n.parts[p.In+" "+p.Name] = part // the operation's own come last and replace the path's
	}
	if op.RequestBody != nil {
		part := newNode()
		part.say("required", strconv.FormatBool(op.RequestBody.Value.Required), "false")
		if err := part.addContent(op.RequestBody.Value.Content); err != nil {
			return nil, fmt.Errorf("request body: %w", err)
		}
		n.parts["request"] = part
	}
	for code, response := range op.Responses.Map() {
		part := newNode()
		for name, header := range response.Value.Headers {
			of := newNode()
			of.say("required", strconv.FormatBool(header.Value.Required), "false")
			if err := of.addSchema(header.Value.Schema); err != nil {
				return nil, fmt.Errorf("response %s, header %s: %w", code, name, err)
			}
			part.parts["header "+name] = of
		}
		if err := part.addContent(response.Value.Content); err != nil {
			return nil, fmt.Errorf("response %s: %w", code, err)
		}
		n.parts["response "+code] = part
	}
	return n, nil
}

// security names what the operation asks for: the alternatives, each with the schemes that it combines.
func security(doc *openapi3.T, op *openapi3.Operation) string {
	requirements := doc.Security
	if op.Security != nil {
		requirements = *op.Security
	}
	alternatives := make([]string, 0, len(requirements))
	for _, requirement := range requirements {
		var schemes []string
		for _, name := range slices.Sorted(maps.Keys(requirement)) {
			scheme := name
			if known := doc.Components.SecuritySchemes[name]; known != nil {
				scheme += " (" + strings.TrimSpace(known.Value.Type+" "+known.Value.Scheme) + ")"
			}
			schemes = append(schemes, strings.TrimSpace(scheme+" "+strings.Join(requirement[name], " ")))
		}
		alternatives = append(alternatives, strings.Join(schemes, " and "))
	}
	slices.Sort(alternatives)
	return strings.Join(alternatives, " or ")
}

// addContent adds a part for each media type.
func (n *node) addContent(content openapi3.Content) error {
	for mediaType, media := range content {
		part := newNode()
		if err := part.addSchema(media.Schema); err != nil {
			return fmt.Errorf("%s: %w", mediaType, err)
		}
		n.parts[mediaType] = part
	}
	return nil
}

// addSchema adds what a schema says. What it cannot compare is an error, so that nothing is passed over in silence.
func (n *node) addSchema(ref *openapi3.SchemaRef) error { return n.addSchemaBelow(ref, nil) }

func (n *node) addSchemaBelow(ref *openapi3.SchemaRef, above []*openapi3.Schema) error {
	if ref == nil {
		return nil
	}
	s := ref.Value
	if slices.Contains(above, s) {
		return errors.New("a schema that contains itself cannot be compared")
	}
	if len(s.OneOf)+len(s.AnyOf)+len(s.AllOf) > 0 || s.Not != nil {
		return errors.New("oneOf, anyOf, allOf and not cannot be compared")
	}
	above = append(above, s)
	n.addConstraints(s)
	for name, property := range s.Properties {
		part := newNode()
		part.say("required", strconv.FormatBool(slices.Contains(s.Required, name)), "false")
		if err := part.addSchemaBelow(property, above); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		n.parts[name] = part
	}
	unnamed := map[string]*openapi3.SchemaRef{"items": s.Items, "additional properties": s.AdditionalProperties.Schema}
	for name, inner := range unnamed {
		if inner == nil {
			continue
		}
		part := newNode()
		if err := part.addSchemaBelow(inner, above); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		n.parts[name] = part
	}
	return nil
}

func (n *node) addConstraints(s *openapi3.Schema) {
	n.say("type", strings.Join(s.Type.Slice(), ","), "")
	n.say("format", s.Format, "")
	n.say("pattern", s.Pattern, "")
	n.say("nullable", strconv.FormatBool(s.Nullable), "false")
	n.say("minLength", strconv.FormatUint(s.MinLength, 10), "0")
	n.say("maxLength", limit(s.MaxLength), "")
	n.say("minimum", limit(s.Min), "")
	n.say("maximum", limit(s.Max), "")
	n.say("multipleOf", limit(s.MultipleOf), "")
	n.say("minItems", strconv.FormatUint(s.MinItems, 10), "0")
	n.say("maxItems", limit(s.MaxItems), "")
	n.say("uniqueItems", strconv.FormatBool(s.UniqueItems), "false")
	n.say("additionalProperties", limit(s.AdditionalProperties.Has), "")
	n.say("default", limit(&s.Default), "<nil>")
	values := make([]string, len(s.Enum))
	for i, value := range s.Enum {
		values[i] = fmt.Sprint(value)
	}
	slices.Sort(values)
	n.say("enum", strings.Join(values, ", "), "")
}

// limit prints what may be left out.
func limit[T any](value *T) string {
	if value == nil {
		return ""
	}
	return fmt.Sprint(*value)
}
