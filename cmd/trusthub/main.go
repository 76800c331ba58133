// Command trusthub is a Trust Hub of your own: `trusthub serve` serves Twilio's Trust Hub API and stores what it is
// given. The other commands call such a server or manage its database. `trusthub --help` lists them.
//
// Results go to standard output, logs and errors to standard error. The exit status is 0 on success, 1 on failure, 3 if `evaluate`
// finds that something is missing, and 80 if the command line or an environment variable for a flag is invalid. An empty variable
// counts as not set.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

func main() {
	takeOverStandardLog(newLogger(escaper{os.Stderr}))
	unsetEmpty(os.Environ())
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	context.AfterFunc(ctx, func() { signal.Reset(os.Interrupt) }) // a second Ctrl-C ends the program at once
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// unsetEmpty unsets those of our variables that are empty, because they would override a default. A compose file produces them
// from ${X:-}.
func unsetEmpty(environ []string) {
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		if value == "" && (strings.HasPrefix(name, "TRUSTHUB_") || strings.HasPrefix(name, "TWILIO_")) {
			_ = os.Unsetenv(name) // it fails only for names that cannot be set either
		}
	}
}

// commands is the command line. Help texts, defaults and the names of environment variables come from its tags.
type commands struct {
	Serve      serveCmd      `cmd:"" help:"Serve the API. Creates the database and its first account if they do not exist."`
	Health     healthCmd     `cmd:"" help:"Report whether a server can do its work: the exit status is 0 if /healthz returns 200." group:"Call a server:"`
	Listen     listenCmd     `cmd:"" help:"Receive callbacks, verify their signatures and print them."`
	Create     createCmd     `cmd:"" help:"Create a Trust Product or a Customer Profile and print it." group:"Call a server:"`
	Update     updateCmd     `cmd:"" help:"Update a Trust Product or Customer Profile and print it." group:"Call a server:"`
	Submit     submitCmd     `cmd:"" help:"Submit a Trust Product or Customer Profile for review and print it." group:"Call a server:"`
	Get        getCmd        `cmd:"" help:"Print a Trust Product or Customer Profile." group:"Call a server:"`
	List       listCmd       `cmd:"" help:"List Trust Products or Customer Profiles, newest first." group:"Call a server:"`
	Watch      watchCmd      `cmd:"" help:"Print each status of a Trust Product or Customer Profile until it is approved or rejected." group:"Call a server:"`
	Delete     deleteCmd     `cmd:"" help:"Delete a Trust Product or Customer Profile." group:"Call a server:"`
	Assign     assignCmd     `cmd:"" help:"Assign end users, supporting documents, other bundles or phone numbers to a Trust Product or Customer Profile." group:"Call a server:"`
	Evaluate   evaluateCmd   `cmd:"" help:"Evaluate a Trust Product or Customer Profile and print what it lacks." group:"Call a server:"`
	API        apiCmd        `cmd:"" name:"api" help:"Call any operation of the API." group:"Call a server:"`
	Reviews    reviewsCmd    `cmd:"" help:"List the Trust Products and Customer Profiles that are waiting for a reviewer." group:"Look after a server, on its database or with --operator-url:"`
	Approve    approveCmd    `cmd:"" help:"Approve a Trust Product or Customer Profile." group:"Look after a server, on its database or with --operator-url:"`
	Reject     rejectCmd     `cmd:"" help:"Reject a Trust Product or Customer Profile." group:"Look after a server, on its database or with --operator-url:"`
	Deliveries deliveriesCmd `cmd:"" help:"List callbacks and e-mails and the attempts to deliver them." group:"Look after a server, on its database or with --operator-url:"`
	Messages   messagesCmd   `cmd:"" help:"List e-mails, or print one as it is sent, or would be." group:"Look after a server, on its database or with --operator-url:"`
	Events     eventsCmd     `cmd:"" help:"List the history of a Trust Product or Customer Profile: who changed what, and when." group:"Look after a server, on its database or with --operator-url:"`
	Requests   requestsCmd   `cmd:"" help:"List the latest requests of customers, and why they were refused." group:"Look after a server, on its database or with --operator-url:"`
	Replay     replayCmd     `cmd:"" help:"Send callbacks or e-mails again." group:"Look after a server, on its database or with --operator-url:"`
	Drop       dropCmd       `cmd:"" help:"Give up callbacks or e-mails that have not been delivered." group:"Look after a server, on its database or with --operator-url:"`
	Accounts   accountsCmd   `cmd:"" help:"Manage accounts." group:"Look after a server, on its database or with --operator-url:"`
	Keys       keysCmd       `cmd:"" help:"Manage the API keys of accounts." group:"Look after a server, on its database or with --operator-url:"`
	Console    consoleCmd    `cmd:"" help:"Print a link that logs a browser in to the console of a server, once and within 5 minutes." group:"Work on the database, also while servers use it:"`
	Seed       seedCmd       `cmd:"" help:"Create bundles, end users and supporting documents from a YAML file, so that tests start from a known state." group:"Work on the database, also while servers use it:"`
	Backup     backupCmd     `cmd:"" help:"Back up a SQLite database, and check backups." group:"Work on the database, also while servers use it:"`
	Secrets    secretsCmd    `cmd:"" help:"Encrypt the auth tokens in the database, and replace the keys." group:"Work on the database, also while servers use it:"`
	Erase      eraseCmd      `cmd:"" help:"Erase all data of a customer, and print how much that was." group:"Work on the database, also while servers use it:"`
	Migrate    migrateCmd    `cmd:"" help:"Create the tables of a database, or upgrade those of an older version." group:"Upgrade a database:"`
	Copy       copyCmd       `cmd:"" help:"Copy a database into an empty one, for example from SQLite to Postgres." group:"Move a database (stop its servers first):"`
	Policies   policiesCmd   `cmd:"" help:"List the policies that this program knows, or explain one in words."`
	Version    versionCmd    `cmd:"" help:"Print the version."`
}

// run is the whole program: it parses args, runs the command and returns the exit status. Canceling ctx stops a server.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	helped := false
	s := streams{out: escaper{stdout}, err: escaper{stderr}}
	command, err := parse(args,
		kong.Writers(stdout, stderr), // not escapers: kong asks the terminal for its width
		kong.Help(printHelp),
		kong.Exit(func(int) { helped = true }), // kong calls it after printing help, and goes on parsing
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(s),
	)
	if helped {
		return 0
	}
	if err != nil {
		fmt.Fprintf(s.err, "trusthub: %v\nRun 'trusthub --help' for the commands, or 'trusthub COMMAND --help' for the flags of one.\n", err)
		return usageStatus
	}
	if err := command.Run(); err != nil {
		fmt.Fprintln(s.err, "trusthub:", strings.TrimPrefix(err.Error(), "trusthub: "))
		if errors.Is(err, errNoncompliant) {
			return noncompliantStatus
		}
		return 1
	}
	return 0
}

// newLogger returns a logger that writes text to a terminal and JSON to anything else.
func newLogger(w escaper) *slog.Logger {
	if w.terminal() != nil {
		return slog.New(slog.NewTextHandler(w, nil))
	}
	return slog.New(slog.NewJSONHandler(w, nil))
}

type versionCmd struct{}

// Run prints the versions of the module and of the Go toolchain that built it.
func (versionCmd) Run(out streams) error {
	version, toolchain := "unknown", "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		version, toolchain = info.Main.Version, info.GoVersion
	}
	_, err := fmt.Fprintln(out.out, "trusthub", version, toolchain)
	return err
}
