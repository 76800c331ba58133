// Command trusthub is a Trust Hub of one's own: `trusthub serve` serves Twilio's Trust Products API and keeps what it is
// given, the other commands call such a server or manage its database. `trusthub --help` lists them.
//
// Results go to standard output, logs and errors to standard error. The exit status is 0 on success, 1 on failure, and 80
// where the command line or a variable that stands for a flag cannot be read. A variable that is empty counts as not set.
package main

import (
	"context"
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

// unsetEmpty removes empty variables of ours, which a compose file makes of ${X:-}: they would overrule a default.
func unsetEmpty(environ []string) {
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		if value == "" && (strings.HasPrefix(name, "TRUSTHUB_") || strings.HasPrefix(name, "TWILIO_")) {
			_ = os.Unsetenv(name) // fails for names that cannot be set either
		}
	}
}

// commands is the command line. Help texts, defaults and environment names all come from here.
type commands struct {
	Serve      serveCmd      `cmd:"" help:"Serve the API."`
	Listen     listenCmd     `cmd:"" help:"Receive callbacks, check their signatures and print them."`
	Create     createCmd     `cmd:"" help:"Create a Trust Product and print it." group:"Call a server:"`
	Update     updateCmd     `cmd:"" help:"Update a Trust Product, or submit it for review, and print it." group:"Call a server:"`
	Get        getCmd        `cmd:"" help:"Print a Trust Product." group:"Call a server:"`
	List       listCmd       `cmd:"" help:"List Trust Products, the newest first." group:"Call a server:"`
	Watch      watchCmd      `cmd:"" help:"Follow a Trust Product until it is decided." group:"Call a server:"`
	Delete     deleteCmd     `cmd:"" help:"Delete a Trust Product." group:"Call a server:"`
	API        apiCmd        `cmd:"" name:"api" help:"Call any operation of the API." group:"Call a server:"`
	Products   productsCmd   `cmd:"" help:"List the Trust Products that wait for a reviewer." group:"Work on a server's database, also while it runs:"`
	Approve    approveCmd    `cmd:"" help:"Approve a Trust Product." group:"Work on a server's database, also while it runs:"`
	Reject     rejectCmd     `cmd:"" help:"Reject a Trust Product." group:"Work on a server's database, also while it runs:"`
	Deliveries deliveriesCmd `cmd:"" help:"List callbacks and e-mails with their attempts." group:"Work on a server's database, also while it runs:"`
	Replay     replayCmd     `cmd:"" help:"Send callbacks or e-mails again." group:"Work on a server's database, also while it runs:"`
	Drop       dropCmd       `cmd:"" help:"Give callbacks or e-mails up." group:"Work on a server's database, also while it runs:"`
	Accounts   accountsCmd   `cmd:"" help:"Manage the accounts." group:"Work on a server's database, also while it runs:"`
	Migrate    migrateCmd    `cmd:"" help:"Make a database's tables, or bring those of an older version up to date. serve does it when it starts; no other command does. Servers of the version before go on working on the new schema. Those of schema 7 and older cannot: stop them first." group:"Upgrade a database:"`
	Copy       copyCmd       `cmd:"" help:"Copy a database into another, from SQLite to Postgres for example." group:"Move a database whose servers have been stopped:"`
	Version    versionCmd    `cmd:"" help:"Print the version."`
}

// run is the whole program: it parses args, runs the command and returns the exit status. The end of ctx ends a server.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	helped := false
	s := streams{out: escaper{stdout}, err: escaper{stderr}}
	command, err := parse(args,
		kong.Writers(stdout, stderr), // it looks for the terminal's width
		kong.Help(printHelp),
		kong.Exit(func(int) { helped = true }), // after --help, and then it goes on parsing
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(s),
	)
	if helped {
		return 0
	}
	if err != nil {
		fmt.Fprintf(s.err, "trusthub: %v\n'trusthub --help' lists the commands, 'trusthub COMMAND --help' its flags.\n", err)
		return usageStatus
	}
	if err := command.Run(); err != nil {
		fmt.Fprintln(s.err, "trusthub:", strings.TrimPrefix(err.Error(), "trusthub: "))
		return 1
	}
	return 0
}

// newLogger writes lines for people on a terminal and JSON everywhere else.
func newLogger(w escaper) *slog.Logger {
	if w.terminal() != nil {
		return slog.New(slog.NewTextHandler(w, nil))
	}
	return slog.New(slog.NewJSONHandler(w, nil))
}

type versionCmd struct{}

// Run prints the module's version, as the Go toolchain recorded it, and the toolchain's own.
func (versionCmd) Run(out streams) error {
	version, toolchain := "unknown", "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		version, toolchain = info.Main.Version, info.GoVersion
	}
	_, err := fmt.Fprintln(out.out, "trusthub", version, toolchain)
	return err
}
