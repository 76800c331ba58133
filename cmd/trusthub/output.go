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

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
