package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"
)

// target is a system that the program is built for.
type target struct{ os, arch string }

func (t target) String() string { return t.os + "/" + t.arch }

func targets() []target {
	var all []target
	for _, system := range []string{"linux", "darwin", "windows", "freebsd"} {
		for _, arch := range []string{"amd64", "arm64"} {
			all = append(all, target{system, arch})
		}
	}
	return all
}

// program is the program, built for one target.
type program struct {
	target
	content  []byte
	version  string // of the tag, or a pseudo-version
	revision string // of the commit, or empty
	time     time.Time
	info     *debug.BuildInfo
}

// build builds the program of a checkout. The environment cannot change the result, except through the version of Go.
func build(ctx context.Context, source string, t target) (program, error) {
	folder, err := os.MkdirTemp("", "trusthub-release-")
	if err != nil {
		return program{}, err
	}
	defer os.RemoveAll(folder) //nolint:errcheck // what is left in the temporary folder harms nobody
	name := filepath.Join(folder, t.binary())
	// The flags are those of make build. -buildvcs=auto is the default, which `go env -w` may have changed.
	args := []string{"build", "-buildvcs=auto", "-trimpath", "-ldflags", "-s -w", "-o", name, "./cmd/trusthub"}
	command := exec.CommandContext(ctx, "go", args...) //nolint:gosec // G204: no input
	command.Dir = source
	command.Env = append(os.Environ(), "GOOS="+t.os, "GOARCH="+t.arch, "CGO_ENABLED=0", "GOAMD64=v1", "GOARM64=v8.0",
		"GOFLAGS=", "GOEXPERIMENT=", "GOWORK=off", "GOTOOLCHAIN=local")
	if output, err := command.CombinedOutput(); err != nil {
		return program{}, fmt.Errorf("build for %v: %w\n%s", t, err, output)
	}
	content, err := os.ReadFile(name) //nolint:gosec // G304: it was just built
	if err != nil {
		return program{}, err
	}
	return describe(t, content)
}

// describe reads what the go command has stamped into a program. Without a git repository, the version is devel and the time that
// of the epoch.
func describe(t target, content []byte) (program, error) {
	info, err := buildinfo.Read(bytes.NewReader(content))
	if err != nil {
		return program{}, err
	}
	p := program{target: t, content: content, time: time.Unix(0, 0).UTC(), info: info}
	p.version = strings.Trim(info.Main.Version, "()")
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			p.revision = setting.Value
		case "vcs.time":
			if p.time, err = time.Parse(time.RFC3339, setting.Value); err != nil {
				return program{}, fmt.Errorf("the time of the commit: %w", err)
			}
		}
	}
	return p, nil
}

// binary returns the name of the program's file.
func (t target) binary() string {
	if t.os == "windows" {
		return "trusthub.exe"
	}
	return "trusthub"
}

// name returns the name of what is released, without an extension.
func (p program) name() string {
	return fmt.Sprintf("trusthub_%s_%s_%s", p.version, p.os, p.arch)
}

func sum(content []byte) string {
	hash := sha256.Sum256(content)
	return hex.EncodeToString(hash[:])
}
