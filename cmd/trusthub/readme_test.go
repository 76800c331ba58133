package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opentrusthub/trusthub/api/client"
	"github.com/opentrusthub/trusthub/test/kit/programtest"
)

// TestREADME runs the commands of the README's "Try it", and after them those for an A2P product, in an empty folder, changing only the
// ports. It checks that they do what the README promises: for a new user, and for one who has a Twilio account in the environment of
// every terminal.
func TestREADME(t *testing.T) {
	t.Parallel()
	for name, account := range map[string][]string{
		"without an account": nil,
		"with an account":    {"TWILIO_ACCOUNT_SID=AC0123456789abcdef0123456789abcdef", "TWILIO_AUTH_TOKEN=real"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tryIt(t, account)
		})
	}
}

func tryIt(t *testing.T, account []string) {
	t.Helper()
	blocks, a2p := shellBlocks(t, "Try it"), shellBlocks(t, "From nothing to an approved A2P product")
	want := "make build && bin/trusthub serve\n"
	if len(blocks) != 3 || blocks[0] != want || len(a2p) != 1 {
		t.Fatalf("the README has the blocks %q and %q; this test knows what to do with three, of which the first is %q, and one", blocks, a2p, want)
	}
	n := newNewcomer(t, account)

	server := n.start("bin/trusthub", "serve")
	n.env = append(n.env, strings.Fields(n.await(server, exportLine)[1])...)
	commands := strings.ReplaceAll(strings.Join(append(blocks[1:], a2p...), ""), "9090", freePort())
	// The receiver runs until the terminal is closed.
	terminal := n.start("bash", "-euo", "pipefail", "-c", "trap 'kill $!' TERM\n"+commands+"wait || wait || true")

	approved := n.await(terminal, watchedLine(client.BundleStatusTwilioApproved))[1]
	n.awaitCallbacks(terminal, approved, "pending-review", "in-review", "twilio-approved")
	rejected := n.await(terminal, watchedLine(client.BundleStatusTwilioRejected+`","errors":\[18601\]`))[1]
	n.awaitCallbacks(terminal, rejected, "pending-review", "in-review", "twilio-rejected")
	n.await(terminal, regexp.MustCompile(`"bundle_sid": "`+rejected+`"`))                        // the deliveries
	if _, err := terminal.Await(watchedLine(client.BundleStatusTwilioApproved), 2); err != nil { // the A2P product
		t.Error(err)
	}
	if _, err := terminal.Await(regexp.MustCompile(`"status": "compliant"`), 2); err != nil { // it and its profile
		t.Error(err)
	}
	for _, p := range []*programtest.Process{terminal, server} {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	}
}

// watchedLine matches the line that watch prints for a status.
func watchedLine(status client.BundleStatus) *regexp.Regexp {
	return regexp.MustCompile(fmt.Sprintf(`(?m)^\{"sid":"(BU[0-9a-f]{32})","status":"%s`, status))
}

// shellBlocks returns the shell commands of a section of the README, block by block.
func shellBlocks(t *testing.T, title string) []string {
	t.Helper()
	_, section, found := strings.Cut(readDocument(t, "README.md"), "\n## "+title+"\n")
	if !found {
		t.Fatalf("the README has no section %q", title)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var blocks []string
	for _, block := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(section, -1) {
		blocks = append(blocks, block[1])
	}
	return blocks
}

// readDocument returns a file of the repository.
func readDocument(t *testing.T, name string) string {
	t.Helper()
	document, err := os.ReadFile(filepath.Join("../..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(document)
}

// newcomer is someone who follows the README.
type newcomer struct {
	t   *testing.T
	dir string
	env []string
}

// newNewcomer creates a folder that has only what `make build` builds. The program is the test binary itself, as in the scripts;
// the test does not build.
func newNewcomer(t *testing.T, account []string) *newcomer {
	t.Helper()
	build := exec.Command("make", "--dry-run", "--no-print-directory", "build")
	build.Dir = "../.."
	if out, err := build.Output(); err != nil || !strings.Contains(string(out), " -o bin/trusthub ./cmd/trusthub\n") {
		t.Fatalf("`make build` does not build bin/trusthub, error %v:\n%s", err, out)
	}
	n := &newcomer{t: t, dir: t.TempDir()}
	program, err := exec.LookPath("trusthub")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(n.dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(program, filepath.Join(n.dir, "bin", "trusthub")); err != nil {
		t.Fatal(err)
	}
	path, _ := os.LookupEnv("PATH")
	n.env = append([]string{
		"PATH=" + path, "HOME=" + n.dir, "TMPDIR=" + n.dir, "GORACE=" + noRaceDelay,
		"TRUSTHUB_LISTEN=127.0.0.1:0",
	}, account...)
	return n
}

// start starts a program in its own terminal.
func (n *newcomer) start(program string, args ...string) *programtest.Process {
	n.t.Helper()
	p := programtest.Start(n.t, programtest.Command{Path: program, Args: args, Dir: n.dir, Env: n.env})
	n.t.Cleanup(func() { _ = p.Stop() }) // closing a terminal ends what it started
	return p
}

func (n *newcomer) await(p *programtest.Process, pattern *regexp.Regexp) []string {
	n.t.Helper()
	found, err := p.Await(pattern, 1)
	if err != nil {
		n.t.Fatal(err)
	}
	return found
}

// awaitCallbacks waits for the last of the statuses and checks that the receiver got a callback for each, once and in order, with
// the reason if the last is a rejection.
func (n *newcomer) awaitCallbacks(receiver *programtest.Process, sid string, statuses ...string) {
	n.t.Helper()
	last := statuses[len(statuses)-1]
	n.await(receiver, regexp.MustCompile(fmt.Sprintf(`"BundleSid":"%s".*"Status":"%s".*\n`, sid, last)))
	stdout := receiver.Stdout()
	var told []string
	for line := range strings.Lines(stdout) {
		var callback received
		if json.Unmarshal([]byte(line), &callback) != nil || callback.Form["BundleSid"] != sid {
			continue // another command's output, or another Trust Product's callback
		}
		told = append(told, callback.Form["Status"])
		rejected := callback.Form["Status"] == string(client.BundleStatusTwilioRejected)
		if !callback.SignatureValid || rejected != (callback.Form["FailureReason"] != "") {
			n.t.Errorf("invalid callback %s", line)
		}
	}
	if diff := cmp.Diff(statuses, told); diff != "" {
		n.t.Errorf("callbacks of %s (-want +got):\n%s", sid, diff)
	}
}

func TestREADMEIsShort(t *testing.T) {
	if lines := strings.Count(readDocument(t, "README.md"), "\n"); lines >= 150 {
		t.Errorf("the README has %d lines; a newcomer should not have to read more than 149", lines)
	}
}

// TestREADMENamesWhatExists looks up every command and flag that the README and the documents mention in the program's help.
func TestREADMENamesWhatExists(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, code := range documentedCode(t) {
		commands := regexp.MustCompile(`(?:^|[\s(/])trusthub((?: [a-z]+)*)([^|;)&]*)`).FindAllStringSubmatch(code, -1)
		if commands == nil && strings.HasPrefix(code, "--") { // a flag alone is one of the server's
			commands = [][]string{{code, " serve", code}}
		}
		for _, command := range commands {
			words := strings.Fields(command[1])
			help, found := helpOf(t, words)
			if !found {
				t.Errorf("a document has %q; the program has no command %q", code, words)
				continue
			}
			checked++
			for _, flag := range regexp.MustCompile(`--[a-z][a-z-]*`).FindAllString(command[2], -1) {
				if !regexp.MustCompile(flag + `(?:[^a-z-]|$)`).MatchString(help) {
					t.Errorf("a document has %q; %q has no flag %s", code, words, flag)
				}
				checked++
			}
		}
	}
	if checked < 30 {
		t.Errorf("the documents have only %d commands and flags: has their form changed?", checked)
	}
}

// documentedCode returns the lines of shell commands in the README and the documents, and the code in their text.
func documentedCode(t *testing.T) []string {
	t.Helper()
	var code []string
	text := readDocument(t, "README.md") + readDocument(t, "docs/reviews.md") + readDocument(t, "docs/operating.md")
	blocks := regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$")
	for _, block := range blocks.FindAllStringSubmatch(text, -1) {
		if block[1] == "sh" {
			code = append(code, strings.Split(strings.ReplaceAll(block[2], "\\\n", " "), "\n")...)
		}
	}
	for _, span := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(blocks.ReplaceAllString(text, ""), -1) {
		code = append(code, span[1])
	}
	return code
}

// helpOf returns the help of a command, and false if there is no such command. Arguments of the command may follow its name.
func helpOf(t *testing.T, command []string) (string, bool) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status := run(t.Context(), append(slices.Clone(command), "--help"), &stdout, &stderr)
	return stdout.String(), status == 0
}
