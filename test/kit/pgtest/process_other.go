//go:build !unix

package pgtest

import "os/exec"

func handOver(*exec.Cmd, string) error { return errMissing }
