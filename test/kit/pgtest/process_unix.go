//go:build unix

package pgtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"syscall"
)

// handOver has a command run in a session of its own, where a terminal's Ctrl-C does not reach it before the test process has
// ended; and, if we are root, as the user postgres, to whom the paths are given.
func handOver(cmd *exec.Cmd, paths ...string) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if os.Geteuid() != 0 {
		return nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		return fmt.Errorf("%w: %w", errMissing, err)
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return err
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		return err
	}
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	for _, path := range paths {
		if err := os.Chown(path, int(uid), int(gid)); err != nil {
			return err
		}
	}
	return nil
}

// killServer kills a postmaster and its children. Each child leads a process group of its own, so that no single signal
// reaches all. The postmaster is stopped first: from then on it neither makes children nor mourns them.
func killServer(postmaster int) error {
	if err := signal(postmaster, syscall.SIGSTOP); err != nil {
		return err
	}
	for _, child := range children(postmaster) {
		if err := signal(child, syscall.SIGKILL); err != nil {
			return err
		}
	}
	return signal(postmaster, syscall.SIGKILL)
}

// signal does not mind a process that is gone already.
func signal(pid int, sig syscall.Signal) error {
	if err := syscall.Kill(pid, sig); !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

// children returns a process's children as Linux tells them. One that is not told, as on other systems, ends by itself as
// soon as it notices that its postmaster is gone; the supervisor's word waits for it.
func children(pid int) []int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil
	}
	var found []int
	for field := range strings.FieldsSeq(string(text)) {
		if child, err := strconv.Atoi(field); err == nil {
			found = append(found, child)
		}
	}
	return found
}
