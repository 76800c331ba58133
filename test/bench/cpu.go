package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/opentrusthub/trusthub/internal/app"
	"github.com/opentrusthub/trusthub/test/kit/baretest"
	"github.com/opentrusthub/trusthub/test/kit/programtest"
)

const (
	cpuGoal      = 2.0
	keyedCPUGoal = 1.1
	metricsGoal  = 1.05                  // what differs between two runs of the same program
	cpuTurns     = 3                     // for each of the rounds, each a third as long
	tick         = 10 * time.Millisecond // in which Linux counts a process's time
)

var errNoProc = errors.New("no /proc on this system")

// cpu is figure 10: what a durable create costs the real program, compared with a bare handler that keeps nothing. Both are in
// processes of their own, and the time is theirs alone, so another load on the machine hardly matters.
func (b *bench) cpu(ctx context.Context) (_ []row, err error) {
	bare, err := startBare()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, bare.Stop()) }()
	whole, err := b.startLogging(ctx, b.path("cpu.db"), b.path("cpu.log"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, whole.Stop()) }()
	counting, err := b.startLogging(ctx, b.path("cpu-metrics.db"), b.path("cpu-metrics.log"), "--metrics-listen", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, counting.Stop()) }()
	const what = "CPU of a durable create by the program, of one by a bare net/http handler"
	nothing := &consumer{program: bare, load: creates(bare.address, b.Connections)}
	plain := &consumer{program: whole, load: creates(whole.address, b.Connections)}
	keyed := &consumer{program: whole, load: keyedCreates(whole.address, b.Connections)}
	counted := &consumer{program: counting, load: creates(counting.address, b.Connections)}
	err = consumeInTurns(ctx, b.Rounds*cpuTurns, b.Round/cpuTurns, nothing, plain, keyed, counted)
	if errors.Is(err, errNoProc) {
		return []row{{number: "10", what: what, reached: err.Error(), verdict: notMeasured}}, nil
	}
	if err != nil {
		return nil, err
	}
	rows := []row{
		plain.against(nothing, what, cpuGoal),
		keyed.against(plain, "the same with an Idempotency-Key, of those without", keyedCPUGoal),
		counted.against(plain, "the same with --metrics-listen, of those without", metricsGoal),
	}
	rows[0].number = "10"
	return rows, nil
}

// startBare starts this program with --bare.
func startBare() (*program, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	process, err := programtest.Launch(programtest.Command{Path: self, Args: []string{"--bare"}})
	if err != nil {
		return nil, err
	}
	at, err := process.URL()
	if err != nil {
		return nil, errors.Join(err, process.Kill())
	}
	return &program{Process: process, address: at.Host}, nil
}

// serveBare serves the bare handler until the context ends, with the server's timeouts.
func serveBare(ctx context.Context, stdout io.Writer) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(stdout, "Listening on http://%s\n", listener.Addr()); err != nil {
		return err
	}
	return app.ServeHandler(ctx, baretest.Handler(accountSID, authToken), listener, slog.New(slog.DiscardHandler))
}

// consumer is a server under a load, with what it took in each turn.
type consumer struct {
	program *program
	load    load

	each   []float64 // CPU of a request, in µs
	speeds []float64 // requests a second
}

// consumeInTurns puts the load on one side after the other.
func consumeInTurns(ctx context.Context, turns int, turn time.Duration, sides ...*consumer) error {
	for n := range turns + 1 {
		for _, side := range sides {
			before, err := cpuTime(side.program.PID())
			if err != nil {
				return err
			}
			done, err := side.load.lasting(ctx, turn)
			if err != nil {
				return err
			}
			after, err := cpuTime(side.program.PID())
			if err != nil {
				return err
			}
			if n == 0 {
				continue // it warmed the server up
			}
			side.each = append(side.each, float64((after-before).Microseconds())/float64(len(done.latencies)))
			side.speeds = append(side.speeds, done.perSecond())
		}
	}
	return nil
}

// cpuTime returns the processor time that a process has taken so far, with all its threads.
func cpuTime(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, errNoProc
	}
	const user, system = 11, 12 // behind the command, which is in parentheses
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) <= system {
		return 0, errors.New("unexpected content of /proc/PID/stat")
	}
	var ticks int
	for _, one := range []string{fields[user], fields[system]} {
		n, err := strconv.Atoi(one)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * tick, nil
}

// against returns the row that compares what two sides took.
func (c *consumer) against(other *consumer, what string, goal float64) row {
	ratios := make([]float64, len(c.each))
	for i := range ratios {
		ratios[i] = c.each[i] / other.each[i]
	}
	ratio := median(ratios)
	return row{
		what: what, ratio: fmt.Sprintf("%.2f", ratio),
		reached: fmt.Sprintf("%.0f µs of %.0f µs, at %s/s of %s/s", median(c.each), median(other.each),
			thousands(median(c.speeds)), thousands(median(other.speeds))),
		goal: fmt.Sprintf("at most %g", goal), verdict: judge(ratio <= goal),
	}
}
