package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// testImage saves the image from another clone than that of the program, reads it back, and runs its program as a container runtime
// would: with the image's files, user and environment, and nothing else.
func testImage(t *testing.T, source string, p program) {
	saved := filepath.Join(t.TempDir(), "bin", "image.tar")
	if err := run(t.Context(), []string{"image", "-source", source, "-arch", p.arch, "-out", saved}, io.Discard); err != nil {
		t.Fatal(err)
	}
	image, err := tarball.ImageFromPath(saved, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(image); err != nil {
		t.Error(err)
	}
	manifest, err := tarball.LoadManifest(func() (io.ReadCloser, error) { return os.Open(saved) })
	if err != nil || len(manifest) != 1 || !slices.Equal(manifest[0].RepoTags, []string{"trusthub:" + version}) {
		t.Errorf("docker load would find %+v, %v", manifest, err)
	}
	made, err := newImage(p)
	if err != nil {
		t.Fatal(err)
	}
	want, err := made.ConfigName() // the digest of the configuration, which names the content of the layers
	if got, gotErr := image.ConfigName(); err != nil || gotErr != nil || got != want {
		t.Errorf("the image of another clone differs: %v, want %v, %v, %v", got, want, err, gotErr)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.Config.User != "65532:65532" || config.OS != "linux" || config.Architecture != p.arch ||
		config.Config.Labels["org.opencontainers.image.version"] != version {
		t.Errorf("the configuration is %+v", config)
	}
	if os.Getuid() != 0 { // chroot needs root, which CI has; the tests above are complete without
		if _, ok := os.LookupEnv("CI"); ok {
			t.Fatal("the image's program can only be run by root")
		}
		t.Skip("the image's program can only be run by root")
	}
	c := container{t, unpackImage(t, image), config.Config}
	c.testAuthorities()
	c.testServe()
	c.testTestMode()
}

// container is an unpacked image.
type container struct {
	*testing.T
	root   string
	config v1.Config
}

// unpackImage writes the files of an image, with their owners, to a folder.
func unpackImage(t *testing.T, image v1.Image) (root string) {
	t.Helper()
	root = t.TempDir()
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for _, layer := range layers {
		text, err := layer.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		for r := tar.NewReader(text); ; {
			header, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			unpackFile(t, root, header, r)
		}
	}
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	return root
}

func unpackFile(t *testing.T, root string, header *tar.Header, r io.Reader) {
	t.Helper()
	to := filepath.Join(root, header.Name)
	var err error
	if header.Typeflag == tar.TypeDir {
		err = os.Mkdir(to, 0o755)
	} else {
		var content []byte
		if content, err = io.ReadAll(r); err == nil {
			err = os.WriteFile(to, content, 0o600)
		}
	}
	if err := errors.Join(err, os.Chown(to, header.Uid, header.Gid), syscall.Chmod(to, uint32(header.Mode))); err != nil {
		t.Fatal(err)
	}
}

// command returns a command in the container, with additions to its environment.
func (c container) command(env []string, args ...string) *exec.Cmd {
	args = slices.Concat(c.config.Entrypoint, args)
	command := exec.CommandContext(c.Context(), args[0], args[1:]...)
	command.Dir, command.Env = c.config.WorkingDir, slices.Concat(c.config.Env, env)
	command.SysProcAttr = &syscall.SysProcAttr{Chroot: c.root, Credential: &syscall.Credential{Uid: user, Gid: user}}
	return command
}

func (c container) testAuthorities() {
	c.Helper()
	pem, err := os.ReadFile(filepath.Join(c.root, "etc/ssl/certs/ca-certificates.crt"))
	if err != nil {
		c.Fatal(err)
	}
	if count := bytes.Count(pem, []byte("BEGIN CERTIFICATE")); !x509.NewCertPool().AppendCertsFromPEM(pem) || count < 100 {
		c.Errorf("the image has only %d public authorities", count)
	}
}

// testServe starts the server and checks its health as the image's health check does, and that it writes to /data.
func (c container) testServe() {
	c.Helper()
	var stderr bytes.Buffer
	server := c.command([]string{"TRUSTHUB_LISTEN=127.0.0.1:0"}, c.config.Cmd...)
	server.Stderr = &stderr
	stdout, err := server.StdoutPipe()
	if err != nil {
		c.Fatal(err)
	}
	if err := server.Start(); err != nil {
		c.Fatal(err)
	}
	var found []string
	lines := bufio.NewScanner(stdout)
	for found == nil && lines.Scan() {
		found = regexp.MustCompile(`TRUSTHUB_BASE_URL=\S+`).FindStringSubmatch(lines.Text())
	}
	if found == nil {
		c.Fatalf("the server has not started: %v\n%s", server.Wait(), &stderr)
	}
	check := c.config.Healthcheck.Test
	if !slices.Equal(check[:2], []string{"CMD", "/trusthub"}) {
		c.Fatalf("the health check is %q", check)
	}
	if output, err := c.command(found, check[2:]...).CombinedOutput(); err != nil {
		c.Errorf("the health check fails: %v\n%s", err, output)
	}
	if err := server.Process.Signal(syscall.SIGTERM); err != nil {
		c.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, stdout); err != nil {
		c.Error(err)
	}
	if err := server.Wait(); err != nil {
		c.Errorf("the server ended with %v\n%s", err, &stderr)
	}
	info, err := os.Stat(filepath.Join(c.root, "data/trusthub.db"))
	if err != nil {
		c.Fatal(err)
	}
	if owner := info.Sys().(*syscall.Stat_t).Uid; owner != user {
		c.Errorf("the database belongs to user %d", owner)
	}
	if output, err := c.command(found, "health").CombinedOutput(); err == nil {
		c.Errorf("a server that has stopped is healthy: %s", output)
	}
}

// testTestMode starts a server for tests, which needs a folder for its temporary database.
func (c container) testTestMode() {
	c.Helper()
	server := c.command(nil, "serve", "--test", "--listen", "127.0.0.1:0")
	var stderr bytes.Buffer
	server.Stderr = &stderr
	stdout, err := server.StdoutPipe()
	if err != nil {
		c.Fatal(err)
	}
	if err := server.Start(); err != nil {
		c.Fatal(err)
	}
	var ready struct {
		BaseURL string `json:"base_url"`
	}
	if err := json.NewDecoder(stdout).Decode(&ready); err != nil || !strings.HasPrefix(ready.BaseURL, "http://") {
		c.Errorf("the server printed %+v, %v\n%s", ready, err, &stderr)
	}
	if err := errors.Join(server.Process.Signal(syscall.SIGTERM), server.Wait()); err != nil {
		c.Errorf("the server ended with %v\n%s", err, &stderr)
	}
}
