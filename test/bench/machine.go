package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

const (
	syncSamples = 500
	pageSize    = 4 << 10
	syncedPages = 1000 // enough that no page is rewritten soon
)

// printHeader prints the machine and the versions, without host names and paths.
func printHeader(w io.Writer, b *bench, sync time.Duration) error {
	size := ""
	if b.Quick {
		size = " (--quick: small sizes, which say little of the speed)"
	}
	_, err := fmt.Fprintf(w, "%s, %d cores for everything, %s, kernel %s, %s/%s\n"+
		"%s; 4 KiB written and synced in %s (median of %d); load average at the start %s%s\n\n",
		field("/proc/cpuinfo", "model name"), runtime.GOMAXPROCS(0), runtime.Version(), kernel(), runtime.GOOS, runtime.GOARCH,
		fileSystem(b.folder), short(sync), syncSamples, b.loadBefore, size)
	return err
}

// field returns the value of the first line "name : value" of a file, or "unknown", as on systems other than Linux.
func field(file, name string) string {
	text, _ := os.ReadFile(file) //nolint:gosec // G304: constant names, and the process that the bench started
	for line := range strings.Lines(string(text)) {
		key, value, ok := strings.Cut(line, ":")
		if ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func kernel() string {
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(release))
}

// loadAverage shows whether the machine was busy with something else.
func loadAverage() string {
	text, _ := os.ReadFile("/proc/loadavg")
	average, _, ok := strings.Cut(string(text), " ")
	if !ok {
		return "unknown"
	}
	return average
}

// processors is what the processors have done since the system started, in clock ticks.
type processors struct{ all, taken int }

// readProcessors returns zeros on systems other than Linux.
func readProcessors() (p processors) {
	text, _ := os.ReadFile("/proc/stat")
	line, _, _ := strings.Cut(string(text), "\n")
	const taken, columns = 7, 8 // user, nice, system, idle, iowait, irq, softirq, steal; the others are parts of these
	for i, value := range strings.Fields(strings.TrimPrefix(line, "cpu")) {
		ticks, _ := strconv.Atoi(value) // the kernel writes numbers
		if i < columns {
			p.all += ticks
		}
		if i == taken {
			p.taken = ticks
		}
	}
	return p
}

// takenSince returns the share of the time since an earlier reading in which this virtual machine wanted to run, and its host ran
// others.
func (p processors) takenSince(before processors) float64 {
	if p.all <= before.all {
		return 0
	}
	return float64(p.taken-before.taken) / float64(p.all-before.all)
}

// fileSystem returns the type of the folder's file system. On some, a sync costs nothing.
func fileSystem(folder string) string {
	mounts, _ := os.ReadFile("/proc/mounts")
	at, kind := "", "unknown file system"
	for line := range strings.Lines(string(mounts)) {
		fields := strings.Fields(line)
		if len(fields) < 3 || len(fields[1]) < len(at) {
			continue
		}
		if relative, err := filepath.Rel(fields[1], folder); err == nil && filepath.IsLocal(relative) {
			at, kind = fields[1], fields[2]
		}
	}
	return kind
}

// syncTime returns the median time to write and sync a page of a file in the databases' folder. As in SQLite's log after its
// first round, the file does not grow: this is the least that a durable commit can cost.
func (b *bench) syncTime(samples int) (_ time.Duration, err error) {
	file, err := os.Create(b.path("synced"))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := file.Write(make([]byte, syncedPages*pageSize)); err != nil {
		return 0, err
	}
	if err := file.Sync(); err != nil {
		return 0, err
	}
	page, times := make([]byte, pageSize), make([]time.Duration, samples)
	for i := range times {
		page[0] = byte(i)
		start := time.Now()
		if _, err := file.WriteAt(page, int64(i%syncedPages)*pageSize); err != nil {
			return 0, err
		}
		if err := file.Sync(); err != nil {
			return 0, err
		}
		times[i] = time.Since(start)
	}
	return quantile(times, 0.5), nil
}
