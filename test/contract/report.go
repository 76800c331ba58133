package main

import (
	"bytes"
	"fmt"
	"text/tabwriter"
)

// report collects the output. Writing to it never fails.
type report struct{ bytes.Buffer }

func (r *report) linef(format string, args ...any) {
	fmt.Fprintf(&r.Buffer, format+"\n", args...)
}

// rows prints a table with aligned columns.
func (r *report) rows(rows [][]string) {
	table := tabwriter.NewWriter(&r.Buffer, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			if i > 0 {
				_, _ = table.Write([]byte("\t")) // to a buffer, which never fails
			}
			_, _ = table.Write([]byte(cell))
		}
		_, _ = table.Write([]byte("\n"))
	}
	_ = table.Flush()
}
