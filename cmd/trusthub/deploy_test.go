package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// TestDeployNamesWhatExists parses every command line and every variable of the program in the files that deploy it. The tests of
// module deploy check the rest of those files.
func TestDeployNamesWhatExists(t *testing.T) {
	known := map[string]bool{}
	for _, command := range newParser(kong.Exit(func(int) {})).Model.Leaves(false) {
		for _, flag := range command.Flags {
			for _, variable := range flag.Tag.Envs {
				known[variable] = true
			}
		}
	}
	var (
		comment  = regexp.MustCompile(`(?m)(^|\s)#.*$`)
		commands = regexp.MustCompile(`(?m)\b(serve|health)\b[\w"'., :\\-]*`)
		// TRUSTHUB_X: value, TRUSTHUB_X=value, and Kubernetes' name: TRUSTHUB_X, value: value
		variables = regexp.MustCompile(`\b((?:TRUSTHUB|TWILIO)_[A-Z_]+)(?:[:=]|\s+value:)?[ ]?([^\s,}]*)`)
	)
	parsed := 0
	for _, file := range deployFiles(t) {
		text := comment.ReplaceAllString(readDocument(t, file), "")
		for _, line := range commands.FindAllString(text, -1) {
			args := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(` "',`, r) })
			if _, err := parse(args); err != nil {
				t.Errorf("%s has %q: %v", file, args, err)
			}
			parsed++
		}
		for _, variable := range variables.FindAllStringSubmatch(text, -1) {
			name, value := variable[1], variable[2]
			if !known[name] {
				t.Errorf("%s sets %s, which no command reads", file, name)
			}
			parsed++
			if strings.Contains(value, "$") {
				continue
			}
			t.Run(name, func(t *testing.T) {
				t.Setenv(name, value)
				if _, err := parse([]string{"serve"}); err != nil {
					t.Errorf("%s sets %s: %v", file, name, err)
				}
			})
		}
	}
	if parsed < 20 {
		t.Errorf("the files have only %d commands and variables: has their form changed?", parsed)
	}
}

// deployFiles returns the names of the files that run the program, from the module's folder.
func deployFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	err := fs.WalkDir(os.DirFS(filepath.Join("..", "..")), "deploy", func(path string, _ fs.DirEntry, err error) error {
		if slices.Contains([]string{".yaml", ".service"}, filepath.Ext(path)) {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
