// Command bench measures how fast this project is and prints the results as a table: `make bench`.
//
// If a figure is a ratio, both sides are measured alternately within one run, so that a slow or busy machine affects both. The
// load generator shares the cores with the server. A figure that could not be measured has the reason in its row, and makes the
// exit status 1; a missed goal does not.
//
// Databases are in a temporary folder that is removed at the end. Servers listen on loopback only.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	var o options
	kong.Parse(&o, kong.Description("Measure the project's figures and print them as one table."))
	err := o.run(ctx, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options is the command line. A size of 0 means the usual one.
type options struct {
	Only        []int         `help:"Figures to measure, such as 1,3. By default all." placeholder:"N,..."`
	Quick       bool          `help:"Use small sizes, to see that everything works. The figures mean little."`
	Dir         string        `help:"Where to create the temporary folder, whose file system is measured." placeholder:"DIR"`
	Rounds      int           `help:"How often the two sides of a ratio alternate." placeholder:"N"`
	Round       time.Duration `help:"How long a round takes, where its duration is fixed." placeholder:"TIME"`
	Mixed       time.Duration `help:"How long the mixed load of figure 12 takes." placeholder:"TIME"`
	Products    int           `help:"Products in the large database of figures 4, 7, 8 and 12." placeholder:"N"`
	Callbacks   int           `help:"Callbacks in figure 6." placeholder:"N"`
	Connections int           `help:"Connections of the load, but for the creates of figure 6." default:"64" placeholder:"N"`
	Peers       bool          `help:"Also install and measure Prism and stripe-mock, as figure 15."`
	CPUProfile  string        `name:"cpuprofile" help:"Write a CPU profile of this process to FILE." placeholder:"FILE"`
	Bare        bool          `help:"Serve the bare handler of figure 10, and measure nothing." hidden:""`
}

func (o options) withSizes() options {
	usual := options{Rounds: 7, Round: 3 * time.Second, Mixed: 10 * time.Minute, Products: 1_000_000, Callbacks: 60_000}
	if o.Quick {
		usual = options{Rounds: 2, Round: 300 * time.Millisecond, Mixed: 5 * time.Second, Products: 10_000, Callbacks: 2_000}
	}
	o.Rounds, o.Round = cmp.Or(o.Rounds, usual.Rounds), cmp.Or(o.Round, usual.Round)
	o.Products, o.Callbacks = cmp.Or(o.Products, usual.Products), cmp.Or(o.Callbacks, usual.Callbacks)
	o.Mixed = cmp.Or(o.Mixed, usual.Mixed)
	return o
}

// bench has what the figures share.
type bench struct {
	options
	folder     string
	stderr     io.Writer
	loadBefore string
	binary     func() (string, error) // builds the program, once
	filled     func() (filled, error) // makes the large database with the program, once
}

// figure measures one of the numbered figures, which may have several rows.
type figure struct {
	number  int
	measure func(*bench, context.Context) ([]row, error)
}

func figures() []figure {
	return []figure{
		{1, (*bench).durableShare},
		{2, (*bench).createLatency},
		{3, (*bench).edge},
		{4, (*bench).growth},
		{5, (*bench).postgres},
		{6, (*bench).callbacks},
		{7, (*bench).startAndMemory},
		{8, (*bench).depth},
		{9, (*bench).keyed},
		{10, (*bench).cpu},
		{11, (*bench).changes},
		{12, (*bench).mixed},
		{13, (*bench).idle},
		{14, (*bench).contents},
		{15, (*bench).besidePeers},
	}
}

func (o options) run(ctx context.Context, stdout, stderr io.Writer) (err error) {
	if o.Bare {
		return serveBare(ctx, stdout)
	}
	folder, err := os.MkdirTemp(o.Dir, "trusthub-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	if o.CPUProfile != "" {
		end, err := profile(o.CPUProfile)
		if err != nil {
			return err
		}
		defer end()
	}
	b := &bench{options: o.withSizes(), folder: folder, stderr: stderr, loadBefore: loadAverage()}
	b.binary = sync.OnceValues(func() (string, error) { return b.build(ctx) })
	b.filled = sync.OnceValues(func() (filled, error) { return b.fill(ctx) })

	sync, err := b.syncTime(syncSamples)
	if err != nil {
		return err
	}
	rows, failed := b.measureAll(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errors.Join(printHeader(stdout, b, sync), printRows(stdout, rows), failed)
}

const reportedShare = 0.01 // of the processors' time

// measureAll measures all the figures, even if some cannot be measured.
func (b *bench) measureAll(ctx context.Context) (rows []row, failed error) {
	for _, f := range figures() {
		if len(b.Only) > 0 && !slices.Contains(b.Only, f.number) {
			continue
		}
		b.say("figure %d", f.number)
		before := readProcessors()
		some, err := f.measure(b, ctx)
		taken := readProcessors().takenSince(before)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("figure %d: %w", f.number, err))
			some = []row{{number: fmt.Sprint(f.number), what: "failed, see below", verdict: notMeasured}}
		}
		if taken >= reportedShare {
			some = append(some, row{what: "(processor time that the host took meanwhile)", reached: percent(taken)})
		}
		if err := printRows(b.stderr, some); err != nil { // the table itself comes last
			return rows, errors.Join(failed, err)
		}
		rows = append(rows, some...)
	}
	return rows, failed
}

// path returns the name of a new file or folder for a figure.
func (b *bench) path(name string) string { return filepath.Join(b.folder, name) }

func profile(name string) (end func(), err error) {
	file, err := os.Create(name) //nolint:gosec // G304: a flag
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		_ = file.Close() // an incomplete profile is noticed when it is read
	}, nil
}
