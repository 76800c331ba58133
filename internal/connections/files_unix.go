//go:build unix

package connections

import (
	"math"
	"syscall"
)

// openFiles returns how many files the process may have open, connections included; 0 where that is unknown. The Go runtime
// has raised the soft limit to the hard one by then.
func openFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return int(min(uint64(limit.Cur), math.MaxInt32)) //nolint:unconvert // a signed number on FreeBSD
}
