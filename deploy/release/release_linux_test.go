package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"log"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

const (
	version   = "v1.987.654" // higher than that of a release on the same commit
	maxBinary = 32 << 20     // docs/benchmarks.md promises less
)

// TestRelease releases the last commit for this machine, from two clones with a tag. What is not committed is not tested.
func TestRelease(t *testing.T) {
	here := target{"linux", runtime.GOARCH}
	clones := []string{taggedClone(t), taggedClone(t)}
	var released []map[string][]byte
	for _, clone := range clones {
		out := filepath.Join(t.TempDir(), "dist")
		if err := archives(t.Context(), clone, out, []target{here}, io.Discard); err != nil {
			t.Fatal(err)
		}
		released = append(released, contents(t, out))
	}
	full := "trusthub_" + version + "_linux_" + runtime.GOARCH
	archive, bom := released[0][full+".tar.gz"], released[0][full+".cdx.json"]
	if archive == nil {
		t.Fatalf("released %q, want %s", slices.Collect(maps.Keys(released[0])), full)
	}
	p, err := describe(here, unpacked(t, archive)[full+"/trusthub"])
	if err != nil {
		t.Fatal(err)
	}

	t.Run("twice the same bytes", func(t *testing.T) { testSameBytes(t, released[0], released[1]) })
	t.Run("the archive", func(t *testing.T) { testArchive(t, unpacked(t, archive), full) })
	t.Run("the SBOM", func(t *testing.T) { testSBOM(t, bom, p) })
	t.Run("the image", func(t *testing.T) { testImage(t, clones[1], p) })
	t.Run("push", func(t *testing.T) { testPush(t, p) })
}

// taggedClone returns a clone of this repository whose last commit has the tag.
func taggedClone(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "trusthub")
	for _, args := range [][]string{
		{"clone", "--quiet", "../..", folder},
		{"-C", folder, "tag", "--force", version},
	} {
		if output, err := exec.CommandContext(t.Context(), "git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, output)
		}
	}
	return folder
}

func contents(t *testing.T, folder string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, entry := range entries {
		if files[entry.Name()], err = os.ReadFile(filepath.Join(folder, entry.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func unpacked(t *testing.T, archive []byte) map[string][]byte {
	t.Helper()
	text, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for r := tar.NewReader(text); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[header.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

func testSameBytes(t *testing.T, first, second map[string][]byte) {
	if len(first) != 3 || len(second) != 3 {
		t.Errorf("released %d and %d files, want an archive, an SBOM and SHA256SUMS", len(first), len(second))
	}
	var sums []string
	for name, content := range first {
		if !bytes.Equal(content, second[name]) {
			t.Errorf("%s differs between two clones of the same commit", name)
		}
		if name != "SHA256SUMS" {
			sums = append(sums, sum(content)+"  "+name)
		}
	}
	got := strings.Split(strings.TrimSpace(string(first["SHA256SUMS"])), "\n")
	slices.Sort(sums)
	slices.Sort(got)
	if !slices.Equal(got, sums) {
		t.Errorf("SHA256SUMS has %q, want %q", got, sums)
	}
}

func testArchive(t *testing.T, files map[string][]byte, folder string) {
	for _, name := range []string{"trusthub", "LICENSE", "README.md", "CHANGELOG.md", "THIRD_PARTY_LICENSES"} {
		if len(files[folder+"/"+name]) == 0 {
			t.Errorf("the archive lacks %s", name)
		}
	}
	if licenses := string(files[folder+"/THIRD_PARTY_LICENSES"]); !strings.Contains(licenses, "==== modernc.org/sqlite v") {
		t.Error("the licenses lack that of modernc.org/sqlite")
	}
	binary := filepath.Join(t.TempDir(), "trusthub")
	if err := os.WriteFile(binary, files[folder+"/trusthub"], 0o700); err != nil {
		t.Fatal(err)
	}
	output, err := exec.CommandContext(t.Context(), binary, "version").CombinedOutput()
	if want := "trusthub " + version + " " + runtime.Version() + "\n"; err != nil || string(output) != want {
		t.Errorf("version prints %q, %v, want %q", output, err, want)
	}
	size := len(files[folder+"/trusthub"])
	t.Logf("the program has %.1f MB", float64(size)/(1<<20))
	if size > maxBinary {
		t.Errorf("the program has %d bytes, more than %d", size, maxBinary)
	}
}

func testSBOM(t *testing.T, text []byte, p program) {
	var bom cyclonedx.BOM
	if err := json.Unmarshal(text, &bom); err != nil {
		t.Fatal(err)
	}
	main := bom.Metadata.Component
	if main.Version != version || (*main.Hashes)[0].Value != sum(p.content) || !strings.HasSuffix(main.PackageURL, "/trusthub@"+version) {
		t.Errorf("it describes %+v", main)
	}
	var urls []string
	for _, c := range *bom.Components {
		urls = append(urls, c.PackageURL)
	}
	if len(urls) != len(p.info.Deps)+1 || len(urls) < 20 {
		t.Errorf("it lists %d modules; the program has %d and the standard library", len(urls), len(p.info.Deps))
	}
	for _, want := range []string{"pkg:golang/stdlib@1.", "pkg:golang/modernc.org/sqlite@v1.", "pkg:golang/github.com/jackc/pgx/v5@v5."} {
		if !slices.ContainsFunc(urls, func(url string) bool { return strings.HasPrefix(url, want) }) {
			t.Errorf("it lacks %s", want)
		}
	}
}

// testPush pushes the image to a registry, as that of two architectures, and looks at what is there.
func testPush(t *testing.T, p program) {
	store := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer store.Close()
	repository := strings.TrimPrefix(store.URL, "http://") + "/opentrusthub/trusthub"
	other := p
	other.arch = "other"
	var stdout bytes.Buffer
	if err := pushPrograms(t.Context(), []program{p, other}, repository, &stdout); err != nil {
		t.Fatal(err)
	}
	reference, err := name.NewDigest(strings.TrimSpace(stdout.String()))
	if err != nil {
		t.Fatalf("it printed %q: %v", &stdout, err)
	}
	tags, err := remote.List(reference.Repository)
	if slices.Sort(tags); err != nil || !slices.Equal(tags, []string{"latest", version}) {
		t.Errorf("tags %q, %v", tags, err)
	}
	image, err := remote.Image(reference, remote.WithPlatform(v1.Platform{OS: "linux", Architecture: p.arch}))
	if err != nil {
		t.Fatal(err)
	}
	pulled, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	made, err := newImage(p)
	if err != nil {
		t.Fatal(err)
	}
	if want, err := made.Digest(); err != nil || pulled != want {
		t.Errorf("pulled %v, want %v, %v", pulled, want, err)
	}
}
