package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/opentrusthub/trusthub/test/kit/programtest"
)

const (
	emptyGoal  = 100 * time.Millisecond
	filledGoal = 200 * time.Millisecond
	memoryGoal = 60 * megabyte
	megabyte   = 1_000_000
	starts     = 11 // the median is reported
	readyLimit = 30 * time.Second
)

// build builds the program as `make build` does.
func (b *bench) build(ctx context.Context) (string, error) {
	binary := b.path("trusthub")
	return binary, programtest.Build(ctx, binary, "-trimpath", "-ldflags", "-s -w")
}

// program is a server in its own process, usually the real one.
type program struct {
	*programtest.Process
	address string
	ready   time.Duration // from before the start of the process to the first healthy response
}

// start starts the program on a database, with further flags. The log goes to the null device.
func (b *bench) start(ctx context.Context, database string, flags ...string) (*program, error) {
	return b.startLogging(ctx, database, os.DevNull, flags...)
}

// startLogging starts the program on a database, with its log in a file.
func (b *bench) startLogging(ctx context.Context, database, log string, flags ...string) (*program, error) {
	binary, err := b.binary()
	if err != nil {
		return nil, err
	}
	stderr, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY, 0o600) //nolint:gosec // G304: a name of the bench's
	if err != nil {
		return nil, err
	}
	defer stderr.Close() //nolint:errcheck // the process has a copy
	begun := time.Now()
	process, err := programtest.Launch(programtest.Command{
		Path: binary, Args: append([]string{"serve", "--listen", "127.0.0.1:0", "--db", database}, flags...),
		Dir:    filepath.Dir(database),
		Env:    []string{"TWILIO_ACCOUNT_SID=" + accountSID, "TWILIO_AUTH_TOKEN=" + authToken},
		Stderr: stderr,
	})
	if err != nil {
		return nil, err
	}
	at, err := process.URL()
	if err != nil {
		return nil, errors.Join(err, process.Kill())
	}
	p := &program{Process: process, address: at.Host}
	if err := p.healthy(ctx); err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	p.ready = time.Since(begun)
	return p, nil
}

// healthy polls the health check, without a pause, until the program is healthy.
func (p *program) healthy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	var client http.Client
	defer client.CloseIdleConnections()
	for last := error(nil); ; {
		if ctx.Err() != nil {
			return fmt.Errorf("the program is not ready after %v: %w", readyLimit, last)
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.address+"/healthz", http.NoBody)
		if err != nil {
			return err
		}
		answer, err := client.Do(request)
		if err != nil {
			last = err
			continue
		}
		_ = answer.Body.Close()
		if last = errors.New(answer.Status); answer.StatusCode == http.StatusOK {
			return nil
		}
	}
}

// memory returns a value of /proc/PID/status in bytes, 0 if there is no such file.
func (p *program) memory(name string) int {
	text, _, _ := strings.Cut(field(fmt.Sprintf("/proc/%d/status", p.PID()), name), " kB")
	kilobytes, _ := strconv.Atoi(text) // fails for "unknown"
	return kilobytes << 10
}

// filled is a database of many products, each created by a request to the program.
type filled struct {
	database          string
	products          int
	perSecond         float64
	memory, peak, own int // of the program after the last one, in bytes; own does not count mapped files, such as the binary
}

func (b *bench) fill(ctx context.Context) (f filled, err error) {
	folder := b.path("filled")
	if err := os.Mkdir(folder, 0o700); err != nil {
		return f, err
	}
	f = filled{database: filepath.Join(folder, "trusthub.db"), products: b.Products}
	p, err := b.start(ctx, f.database)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, p.Stop()) }()
	all := creates(p.address, b.Connections)
	all.answered = b.progress("products to be created over HTTP by the program", f.products)
	done, err := all.times(ctx, f.products)
	if err != nil {
		return f, err
	}
	f.perSecond = done.perSecond()
	f.memory, f.peak, f.own = p.memory("VmRSS"), p.memory("VmHWM"), p.memory("RssAnon")
	return f, nil
}

// startAndMemory is figure 7.
func (b *bench) startAndMemory(ctx context.Context) ([]row, error) {
	empty, err := b.startTimes(ctx, func(n int) (string, error) {
		folder := b.path("empty" + strconv.Itoa(n))
		return filepath.Join(folder, "trusthub.db"), os.Mkdir(folder, 0o700)
	})
	if err != nil {
		return nil, err
	}
	full, err := b.filled()
	if err != nil {
		return nil, err
	}
	again, err := b.startTimes(ctx, func(int) (string, error) { return full.database, nil })
	if err != nil {
		return nil, err
	}
	products := thousands(full.products) + " products"
	rows := []row{
		startRow("start to ready on an empty folder", empty, emptyGoal),
		startRow("start to ready with "+products, again, filledGoal),
		memoryRow(full, products),
	}
	rows[0].number = "7"
	return rows, nil
}

func (b *bench) startTimes(ctx context.Context, database func(int) (string, error)) ([]time.Duration, error) {
	times := make([]time.Duration, starts)
	for i := range times {
		name, err := database(i)
		if err != nil {
			return nil, err
		}
		p, err := b.start(ctx, name)
		if err != nil {
			return nil, err
		}
		if err := p.Stop(); err != nil {
			return nil, err
		}
		times[i] = p.ready
	}
	return times, nil
}

func startRow(what string, times []time.Duration, goal time.Duration) row {
	middle := quantile(times, 0.5)
	return row{
		what: what, reached: fmt.Sprintf("%s (slowest of %d: %s)", short(middle), len(times), short(quantile(times, 1))),
		goal: "at most " + short(goal), verdict: judge(middle <= goal),
	}
}

func memoryRow(full filled, products string) row {
	r := row{what: "memory after creating " + products, goal: fmt.Sprintf("at most %d MB", memoryGoal/megabyte)}
	if full.memory == 0 {
		r.reached, r.verdict = "no /proc on this system", notMeasured
		return r
	}
	r.reached = fmt.Sprintf("%d MB (peak %d MB; not of files: %d MB), at %s/s",
		full.memory/megabyte, full.peak/megabyte, full.own/megabyte, thousands(full.perSecond))
	r.verdict = judge(full.memory <= memoryGoal)
	return r
}
