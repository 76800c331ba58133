package main

import (
	"fmt"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// barEvery is how often a bar is drawn at most: it must not take part in what is measured.
const barEvery = 200 * time.Millisecond

// say tells on standard error which step of a long run has begun.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.stderr, "bench: "+format+"\n", args...) //nolint:errcheck // nobody is left to tell
}

// progress returns what counts a step of many, any number of goroutines at a time. It draws a bar on a terminal, and says
// elsewhere only what has begun.
func (b *bench) progress(what string, steps int) (step func()) {
	file, ok := b.stderr.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		b.say("%s %s", thousands(steps), what)
		return func() {}
	}
	bar := progressbar.NewOptions(steps, progressbar.OptionSetWriter(file), progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(barEvery))
	return func() { _ = bar.Add(1) } // it fails only where there is no terminal any more
}
