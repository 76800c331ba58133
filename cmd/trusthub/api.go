package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/alecthomas/kong"
	"github.com/getkin/kin-openapi/openapi3"

	"github.com/opentrusthub/trusthub"
	"github.com/opentrusthub/trusthub/api/client"
)

type apiCmd struct {
	callFlags
	Operation string   `arg:"" optional:"" help:"Operation to call, for example FetchTrustProduct. With --help, its parameters are shown."`
	List      bool     `help:"List the operations instead of calling one."`
	RawField  []string `short:"f" sep:"none" placeholder:"NAME=VALUE" help:"Parameter of the path, query, form or header. The value is sent as it is. Can be repeated."`
	Field     []string `short:"F" sep:"none" placeholder:"NAME=VALUE" help:"Like -f, but @FILE stands for the contents of a file, and @- for standard input. Can be repeated."`
	All       bool     `xor:"form" help:"Follow a list to its last page and print all items as one JSON array."`
	Limit     limit    `default:"0" help:"With --all, stop after this many items. 0: no limit."`
	Quiet     bool     `short:"q" xor:"form" help:"Print only the SID of the object in the response."`
}

// Run calls an operation and prints the response's body, which is JSON: as it was received, or indented on a terminal.
func (c *apiCmd) Run(ctx context.Context, s streams) error {
	all, err := readOperations(trusthub.Contract())
	if err != nil {
		return err
	}
	switch {
	case c.List && c.Operation != "":
		return errors.New("--list takes no operation")
	case c.List:
		return printResult(s.out, all, operationTable)
	case c.Operation == "":
		return errors.New("missing operation: 'trusthub api --list' lists all")
	case c.Limit > 0 && !c.All:
		return errors.New("--limit needs --all")
	}
	o, err := findOperation(all, c.Operation)
	if err != nil {
		return err
	}
	if c.All && !o.isList() {
		return fmt.Errorf("%s returns no list: --all cannot be used", o.Name)
	}
	values, err := c.values(o)
	if err != nil {
		return err
	}
	if c.All {
		c.setPageSize(o, values)
	}
	request, err := o.request(ctx, values)
	if err != nil {
		return err
	}
	api, err := c.client()
	if err != nil {
		return err
	}
	if c.All {
		return c.explain(printItems(s.out, api, request, int(c.Limit)))
	}
	return c.explain(c.call(s.out, api, request))
}

// values returns the values of the operation's parameters, as the flags give them.
func (c *apiCmd) values(o operation) (map[string]string, error) {
	values := map[string]string{}
	add := func(flag, field string, read func(string) (string, error)) error {
		name, value, found := strings.Cut(field, "=")
		if !found {
			return fmt.Errorf("%s must be NAME=VALUE", flag)
		}
		if _, known := o.find(name); !known {
			message := fmt.Sprintf("%s: unknown parameter %q", o.Name, name)
			if similar := closest(name, o.names()); similar != "" {
				message += ", did you mean " + similar + "?"
			}
			return fmt.Errorf("%s; it has %s", message, strings.Join(o.names(), ", "))
		}
		if _, twice := values[name]; twice {
			return fmt.Errorf("%s: parameter %s was given twice", o.Name, name)
		}
		value, err := read(value)
		if err != nil {
			return fmt.Errorf("%s: cannot read the value of %s: %w", o.Name, name, err)
		}
		values[name] = value
		return nil
	}
	for _, field := range c.RawField {
		if err := add("-f", field, func(value string) (string, error) { return value, nil }); err != nil {
			return nil, err
		}
	}
	stdinRead := false
	for _, field := range c.Field {
		if err := add("-F", field, func(value string) (string, error) {
			if value == "@-" && stdinRead { // the second value would be empty
				return "", errors.New("standard input has been read already")
			}
			stdinRead = stdinRead || value == "@-"
			return readValue(value)
		}); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// maxValueBytes bounds what is read of a file. A server takes less than that in a request.
const maxValueBytes = 1 << 20

// readValue returns the value, or what the file contains that it names after an @. Its errors do not repeat the value.
func readValue(value string) (string, error) {
	name, isFile := strings.CutPrefix(value, "@")
	if !isFile {
		return value, nil
	}
	file := os.Stdin
	if name != "-" {
		var err error
		if file, err = os.Open(name); err != nil { //nolint:gosec // the user names the file
			return "", withoutPath(err)
		}
		defer file.Close() //nolint:errcheck // it is only read
	}
	data, err := io.ReadAll(io.LimitReader(file, maxValueBytes+1))
	if err != nil {
		return "", withoutPath(err)
	}
	if len(data) > maxValueBytes {
		return "", errors.New("it has more than 1 MiB")
	}
	return string(data), nil
}

func withoutPath(err error) error {
	if failure, ok := errors.AsType[*fs.PathError](err); ok {
		return failure.Err
	}
	return err
}

// setPageSize makes pages as large as they can be and are needed, unless their size was given.
func (c *apiCmd) setPageSize(o operation, values map[string]string) {
	size, found := o.find("PageSize")
	if _, given := values[size.name]; given || !found || size.schema.Max == nil {
		return
	}
	most := int(*size.schema.Max)
	if c.Limit > 0 {
		most = min(most, int(c.Limit))
	}
	values[size.name] = strconv.Itoa(most)
}

func (c *apiCmd) call(out escaper, api *client.Client, request *http.Request) error {
	response, err := api.Do(request) //nolint:bodyclose // Do has read it
	if err != nil {
		return err
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode == http.StatusNoContent {
		return nil
	}
	if !json.Valid(body) {
		return fmt.Errorf("HTTP %d: the response is not JSON", response.StatusCode)
	}
	if c.Quiet {
		return printSID(out, body)
	}
	return printReceived(out, "", "\n", body)
}

func printSID(out escaper, body []byte) error {
	var object struct {
		SID string `json:"sid"`
	}
	if err := json.Unmarshal(body, &object); err != nil || object.SID == "" {
		return errors.New("the response has no SID to print")
	}
	_, err := fmt.Fprintln(out, object.SID)
	return err
}

// printItems prints the items as they arrive, one a line, so that a list of any length takes little memory.
func printItems(out escaper, api *client.Client, request *http.Request, limit int) error {
	count := 0
	for item, err := range api.List(request) {
		if err != nil {
			return err // the array stays open: it is not the whole list
		}
		separator := "[\n"
		if count > 0 {
			separator = ",\n"
		}
		if _, err := io.WriteString(out, separator); err != nil {
			return err
		}
		if err := printReceived(out, "  ", "", *item); err != nil {
			return err
		}
		if count++; count == limit { // before the loop asks for another page
			break
		}
	}
	end := "\n]\n"
	if count == 0 {
		end = "[]\n"
	}
	_, err := io.WriteString(out, end)
	return err
}

// printReceived prints JSON as it was received, or on a terminal indented, with the prefix before each line; then the end.
func printReceived(out escaper, prefix, end string, body []byte) error {
	var text bytes.Buffer
	if out.terminal() == nil {
		text.Write(bytes.TrimSpace(body))
	} else {
		text.WriteString(prefix)
		if err := json.Indent(&text, bytes.TrimSpace(body), prefix, "  "); err != nil {
			return err
		}
	}
	text.WriteString(end)
	_, err := out.Write(text.Bytes())
	return err
}

func operationTable(w *tabwriter.Writer, all []operation) {
	for _, o := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", o.Name, o.Method, o.Path, o.Summary)
	}
}

// printHelp is what kong prints for --help. For an operation of the API it shows what the contract says of it.
func printHelp(options kong.HelpOptions, line *kong.Context) error {
	if selected := line.Selected(); selected != nil && selected.Name == "api" {
		all, err := readOperations(trusthub.Contract())
		if err != nil {
			return err
		}
		for _, word := range line.Args {
			if o, err := findOperation(all, word); err == nil {
				return describe(line.Stdout, o)
			}
		}
	}
	return kong.DefaultHelpPrinter(options, line)
}

// describe prints what the contract says of an operation.
func describe(w io.Writer, o operation) error {
	var text strings.Builder
	fmt.Fprintf(&text, "%s: %s %s\n\n%s\n", o.Name, o.Method, o.Path, strings.TrimSpace(o.description))
	fmt.Fprintf(&text, "\nUsage: trusthub api %s", o.Name)
	for _, p := range o.parameters {
		if p.required {
			fmt.Fprintf(&text, " -f %s=VALUE", p.name)
		}
	}
	text.WriteString(" [flags]\n\nParameters:\n")
	for _, p := range o.parameters {
		attributes := p.in
		if p.schema.Type.Is(openapi3.TypeObject) {
			attributes += ", a JSON object"
		}
		if p.required {
			attributes += ", required"
		}
		fmt.Fprintf(&text, "  %s (%s)\n", p.name, attributes)
		if len(p.schema.Enum) > 0 {
			fmt.Fprintf(&text, "    One of %v.\n", p.schema.Enum)
		}
		for line := range strings.SplitSeq(strings.TrimSpace(p.description), "\n") {
			fmt.Fprintf(&text, "    %s\n", line)
		}
	}
	text.WriteString("\n'trusthub api --help' shows the flags.\n")
	_, err := io.WriteString(w, text.String())
	return err
}
