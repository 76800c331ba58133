// Command bench measures what this project promises of its speed, and prints one table of it: `make bench`.
//
// Every figure is measured anew, and where it is a ratio, both sides of it in turns within one run, so that a busy or a slow
// machine weighs on both. The load generator shares the cores with what it loads. What could not be measured says so in its
// row, and only that makes the exit status 1: a goal that is missed is a result.
//
// It keeps nothing: databases lie in a temporary folder that is removed, and nothing listens but on loopback.
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
	Only        []int         `help:"Figures to measure, such as 1,3; all without it." placeholder:"N,..."`
	Quick       bool          `help:"Small sizes: shows that everything works, and says little of the speed."`
	Dir         string        `help:"Where to make the temporary folder: its file system is measured." placeholder:"DIR"`
	Rounds      int           `help:"How often the two sides of a ratio take turns." placeholder:"N"`
	Round       time.Duration `help:"How long a round of figures 1 and 2 takes." placeholder:"TIME"`
	Products    int           `help:"Products of the large database in figures 4, 7 and 8." placeholder:"N"`
	Callbacks   int           `help:"Callbacks in figure 6." placeholder:"N"`
	Creators    int           `help:"Connections that create products meanwhile." default:"8" placeholder:"N"`
	Connections int           `help:"Connections that put on the load elsewhere." default:"64" placeholder:"N"`
	CPUProfile  string        `name:"cpuprofile" help:"Write a CPU profile of this process to FILE." placeholder:"FILE"`
}

func (o options) withSizes() options {
	usual := options{Rounds: 7, Round: 3 * time.Second, Products: 1_000_000, Callbacks: 60_000}
	if o.Quick {
		usual = options{Rounds: 2, Round: 300 * time.Millisecond, Products: 10_000, Callbacks: 2_000}
	}
	o.Rounds, o.Round = cmp.Or(o.Rounds, usual.Rounds), cmp.Or(o.Round, usual.Round)
	o.Products, o.Callbacks = cmp.Or(o.Products, usual.Products), cmp.Or(o.Callbacks, usual.Callbacks)
	return o
}

// bench is what the figures share.
type bench struct {
	options
	folder     string
	stderr     io.Writer
	loadBefore string
	binary     func() (string, error) // builds the program, once
	filled     func() (filled, error) // has the program make the large database, once
}

// figure measures one of the numbered promises, which may take several rows.
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
	}
}

func (o options) run(ctx context.Context, stdout, stderr io.Writer) (err error) {
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

// measureAll goes on after a figure that could not be measured.
func (b *bench) measureAll(ctx context.Context) (rows []row, failed error) {
	for _, f := range figures() {
		if len(b.Only) > 0 && !slices.Contains(b.Only, f.number) {
			continue
		}
		b.say("figure %d", f.number)
		some, err := f.measure(b, ctx)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("figure %d: %w", f.number, err))
			some = []row{{number: fmt.Sprint(f.number), what: "failed, see below", verdict: notMeasured}}
		}
		rows = append(rows, some...)
	}
	return rows, failed
}

// path names a new file or folder for one figure.
func (b *bench) path(name string) string { return filepath.Join(b.folder, name) }

func profile(name string) (end func(), err error) {
	file, err := os.Create(name) //nolint:gosec // G304: whoever runs this names it
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		_ = file.Close() // a profile that is cut short is seen when it is read
	}, nil
}
