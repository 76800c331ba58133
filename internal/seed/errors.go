package seed

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// shownProblems is how many problems the text of an Error has.
const shownProblems = 20

// Error says what is wrong with a file: each problem with its line. It contains no values of the file.
type Error struct {
	File     string
	Problems []Problem // in the order of their lines, at least one
}

// Problem is one thing that is wrong.
type Problem struct {
	Line    int // the first is 1
	Message string
}

// Error returns a line for each problem, up to a limit, and before them how many there are if there are several.
func (e *Error) Error() string {
	var text strings.Builder
	if len(e.Problems) > 1 {
		fmt.Fprintf(&text, "%d errors in the seed file:\n", len(e.Problems))
	}
	for i, p := range e.Problems {
		if i == shownProblems {
			fmt.Fprintf(&text, "\nand %d more", len(e.Problems)-i)
			break
		}
		if i > 0 {
			text.WriteString("\n")
		}
		fmt.Fprintf(&text, "%s:%d: %s", e.File, p.Line, p.Message)
	}
	return text.String()
}

// problems collects what is wrong with a file.
type problems struct {
	file string
	list []Problem
}

func (p *problems) add(line int, format string, args ...any) {
	p.list = append(p.list, Problem{line, fmt.Sprintf(format, args...)})
}

// err returns an *Error, nil if nothing is wrong.
func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	slices.SortStableFunc(p.list, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	return &Error{File: p.file, Problems: p.list}
}
