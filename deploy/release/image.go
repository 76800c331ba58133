package main

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
	"golang.org/x/mod/semver"
)

// user is the user and group that the program runs as, and that owns /data. Other images know it as "nonroot".
const user = 65532

// saveImage writes the image for one architecture to a file that `docker load` takes.
func saveImage(ctx context.Context, source, arch, out string, stdout io.Writer) error {
	p, err := build(ctx, source, target{"linux", arch})
	if err != nil {
		return err
	}
	image, err := newImage(p)
	if err != nil {
		return err
	}
	tag, err := name.NewTag("trusthub:" + p.tag())
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil { //nolint:gosec // G301: it is for everyone
		return err
	}
	if err := tarball.WriteToFile(out, tag, image); err != nil {
		return err
	}
	digest, err := image.Digest()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "trusthub:%s %v\nLoad it with: docker load --input %s\n", p.tag(), digest, out)
	return err
}

// push puts the image for both architectures into a registry, tagged with the version and, if that is no pre-release, as latest.
// It prints the reference of the result with its digest.
func push(ctx context.Context, source, repository string, stdout io.Writer) error {
	var programs []program
	for _, arch := range []string{"amd64", "arm64"} {
		p, err := build(ctx, source, target{"linux", arch})
		if err != nil {
			return err
		}
		programs = append(programs, p)
	}
	return pushPrograms(ctx, programs, repository, stdout)
}

func pushPrograms(ctx context.Context, programs []program, repository string, stdout io.Writer) error {
	to, err := name.NewRepository(repository)
	if err != nil {
		return err
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, p := range programs {
		image, err := newImage(p)
		if err != nil {
			return err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: p.os, Architecture: p.arch}},
		})
	}
	tags := []string{programs[0].tag()}
	if semver.IsValid(programs[0].version) && semver.Prerelease(programs[0].version) == "" {
		tags = append(tags, "latest")
	}
	for _, tag := range tags {
		err := remote.WriteIndex(to.Tag(tag), index, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain))
		if err != nil {
			return err
		}
	}
	digest, err := index.Digest()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, to.Digest(digest.String()))
	return err
}

// tag returns the version in the form of an image's tag.
func (p program) tag() string { return strings.ReplaceAll(p.version, "+", "-") }

// newImage returns the image of a program. It contains nothing but the program, the certificates of public authorities, and the
// folders that the program needs.
func newImage(p program) (v1.Image, error) {
	authorities, err := publicAuthorities()
	if err != nil {
		return nil, err
	}
	layers := []struct {
		purpose string
		files   []file
	}{
		{"certificates of public authorities, /data and /tmp", []file{
			{name: "etc/", mode: 0o755},
			{name: "etc/ssl/", mode: 0o755},
			{name: "etc/ssl/certs/", mode: 0o755},
			{name: "etc/ssl/certs/ca-certificates.crt", mode: 0o644, content: authorities},
			{name: "data/", mode: 0o700, owner: user},
			{name: "tmp/", mode: 0o1777}, // for serve --test
		}},
		{"the program", []file{{name: "trusthub", mode: 0o755, content: p.content}}},
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	for _, l := range layers {
		text, err := tarred(p.time, l.files)
		if err != nil {
			return nil, err
		}
		open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }
		layer, err := tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer))
		if err != nil {
			return nil, err
		}
		image, err = mutate.Append(image, mutate.Addendum{
			Layer: layer, MediaType: types.OCILayer, History: v1.History{Created: v1.Time{Time: p.time}, CreatedBy: l.purpose},
		})
		if err != nil {
			return nil, err
		}
	}
	return configured(image, p)
}

// configured returns the image with what a container runtime must know to run the program.
func configured(image v1.Image, p program) (v1.Image, error) {
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.Created, config.OS, config.Architecture = v1.Time{Time: p.time}, p.os, p.arch
	config.Config = v1.Config{
		User:         fmt.Sprintf("%d:%d", user, user),
		WorkingDir:   "/data",
		Volumes:      map[string]struct{}{"/data": {}},
		ExposedPorts: map[string]struct{}{"8080/tcp": {}},
		Env:          []string{"PATH=/", "TRUSTHUB_DB=/data/trusthub.db", "TRUSTHUB_LISTEN=:8080"},
		Entrypoint:   []string{"/trusthub"},
		Cmd:          []string{"serve"},
		Healthcheck:  &v1.HealthConfig{Test: []string{"CMD", "/trusthub", "health"}},
		Labels: map[string]string{
			"org.opencontainers.image.title":    "trusthub",
			"org.opencontainers.image.source":   "https://" + p.info.Main.Path,
			"org.opencontainers.image.version":  p.version,
			"org.opencontainers.image.revision": p.revision,
			"org.opencontainers.image.licenses": "MIT",
		},
	}
	return mutate.ConfigFile(image, config)
}

// publicAuthorities returns the certificates that Mozilla trusts, in PEM. They come from a module, not from this machine, so that
// the image is the same everywhere. Those that are only trusted on a condition, which PEM cannot express, are left out.
func publicAuthorities() ([]byte, error) {
	var out bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint != nil {
			continue
		}
		if err := pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}); err != nil {
			return nil, err
		}
	}
	if out.Len() == 0 {
		return nil, errors.New("no public authorities")
	}
	return out.Bytes(), nil
}
