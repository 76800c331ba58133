package main

import (
	"encoding/json"
	"io"
	"os"
	"text/tabwriter"

	"golang.org/x/term"
)

// printResult writes a table for people on a terminal and JSON everywhere else.
func printResult[T any](w io.Writer, result T, table func(*tabwriter.Writer, T)) error {
	if !isTerminal(w) {
		return printJSON(w, result)
	}
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	table(columns, result)
	return columns.Flush()
}

func printJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false) // URLs with an & stay readable
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// printLine is printResult for one of many results that come over time: JSON takes one line.
func printLine[T any](w io.Writer, result T, table func(*tabwriter.Writer, T)) error {
	if isTerminal(w) {
		return printResult(w, result, table)
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(result)
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
