package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/term"
)

// streams is where a command writes. Its output may contain text from customers, receivers or servers, so both are escapers.
type streams struct {
	out, err escaper
}

// escaper writes text that is safe for a terminal: it replaces a control character with an escape such as \u009b, which means
// the same in JSON. It keeps line breaks and tabs.
type escaper struct{ to io.Writer }

func (e escaper) Write(p []byte) (int, error) {
	if _, err := e.to.Write(escape(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}

func escape(p []byte) []byte {
	if isPlain(p) || utf8.Valid(p) && !bytes.ContainsFunc(p, controlsTerminal) {
		return p
	}
	var escaped []byte
	for _, r := range string(p) { // a byte that is not UTF-8 becomes U+FFFD
		if !controlsTerminal(r) {
			escaped = utf8.AppendRune(escaped, r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			escaped = fmt.Appendf(escaped, `\u%04x`, unit)
		}
	}
	return escaped
}

// isPlain reports whether p is ASCII without control characters, as most lines of the log are. It is faster than to look at runes.
func isPlain(p []byte) bool {
	for _, b := range p {
		if (b < ' ' && b != '\n' && b != '\t') || b >= 0x7f {
			return false
		}
	}
	return true
}

// controlsTerminal reports whether a terminal obeys r instead of showing it. Bidi_Control changes the order of what is shown.
func controlsTerminal(r rune) bool {
	return (unicode.IsControl(r) && r != '\n' && r != '\t') || unicode.Is(unicode.Bidi_Control, r)
}

// terminal returns the terminal that e writes to, or nil if e does not write to one.
func (e escaper) terminal() *os.File {
	file, ok := e.to.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return nil
	}
	return file
}

// printResult writes a table to a terminal and JSON to anything else.
func printResult[T any](w escaper, result T, table func(*tabwriter.Writer, T)) error {
	if w.terminal() == nil {
		return printJSON(w, result)
	}
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	table(columns, result)
	return columns.Flush()
}

func printJSON(w escaper, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false) // keep the & in URLs readable
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// printLine is printResult for one of several results that arrive over time: each takes one line of JSON.
func printLine[T any](w escaper, result T, table func(*tabwriter.Writer, T)) error {
	if w.terminal() != nil {
		return printResult(w, result, table)
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(result)
}
