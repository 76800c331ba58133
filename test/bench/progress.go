package main

import (
	"fmt"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// barEvery is the shortest time between two redraws of a progress bar, so that drawing does not affect the measurement.
const barEvery = 200 * time.Millisecond

// say prints the step of a long run that begins to standard error.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.stderr, "bench: "+format+"\n", args...) //nolint:errcheck // it cannot be reported anywhere else
}

// progress returns a function that counts a step; any number of goroutines may call it. On a terminal progress draws a bar,
// elsewhere it only prints what begins.
func (b *bench) progress(what string, steps int) (step func()) {
	file, ok := b.stderr.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		b.say("%s %s", thousands(steps), what)
		return func() {}
	}
	bar := progressbar.NewOptions(steps, progressbar.OptionSetWriter(file), progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(barEvery))
	return func() { _ = bar.Add(1) } // it fails only if the terminal is closed
}
