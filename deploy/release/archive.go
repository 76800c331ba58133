package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// file is a file or, if its name ends in a slash, a folder of an archive.
type file struct {
	name    string
	mode    int64
	owner   int
	content []byte
}

// archives writes to a folder, which must be new or empty, an archive and an SBOM of the program for each target, and SHA256SUMS.
func archives(ctx context.Context, source, out string, targets []target, stdout io.Writer) error {
	if found, err := os.ReadDir(out); err == nil && len(found) > 0 {
		return errors.New("the folder for the archives is not empty") // an old archive would be missing in SHA256SUMS
	}
	if err := os.MkdirAll(out, 0o755); err != nil { //nolint:gosec // G301: it is for everyone
		return err
	}
	var sums []string
	for _, t := range targets {
		p, err := build(ctx, source, t)
		if err != nil {
			return err
		}
		released, err := release(ctx, source, p)
		if err != nil {
			return err
		}
		for _, f := range released {
			if err := publish(out, f); err != nil {
				return err
			}
			sums = append(sums, sum(f.content)+"  "+f.name+"\n")
			fmt.Fprintf(stdout, "%s %.1f MB\n", f.name, float64(len(f.content))/1e6) //nolint:errcheck // progress
		}
	}
	slices.SortFunc(sums, func(a, b string) int { return strings.Compare(a[64:], b[64:]) }) // by name
	return publish(out, file{name: "SHA256SUMS", content: []byte(strings.Join(sums, ""))})
}

func publish(folder string, f file) error {
	return os.WriteFile(filepath.Join(folder, f.name), f.content, 0o644) //nolint:gosec // G306: it is for everyone
}

// release returns the archive and the SBOM of a program.
func release(ctx context.Context, source string, p program) ([]file, error) {
	content := []file{{name: p.binary(), mode: 0o755, content: p.content}}
	for _, name := range []string{"LICENSE", "README.md", "CHANGELOG.md"} {
		text, err := os.ReadFile(filepath.Join(source, name)) //nolint:gosec // G304: of the checkout
		if err != nil {
			return nil, err
		}
		content = append(content, file{name: name, mode: 0o644, content: text})
	}
	licenses, err := licensesOf(ctx, source, p)
	if err != nil {
		return nil, err
	}
	content = append(content, file{name: "THIRD_PARTY_LICENSES", mode: 0o644, content: licenses})
	for i := range content {
		content[i].name = path.Join(p.name(), content[i].name)
	}
	pack, extension := tarGzip, ".tar.gz"
	if p.os == "windows" {
		pack, extension = zipped, ".zip"
	}
	archive, err := pack(p.time, content)
	if err != nil {
		return nil, err
	}
	bom, err := sbom(p)
	return []file{{name: p.name() + extension, content: archive}, {name: p.name() + ".cdx.json", content: bom}}, err
}

func tarGzip(at time.Time, files []file) ([]byte, error) {
	var out bytes.Buffer
	text, err := tarred(at, files)
	if err != nil {
		return nil, err
	}
	compressed := gzip.NewWriter(&out) // without a name and time of its own
	if _, err := compressed.Write(text); err != nil {
		return nil, err
	}
	err = compressed.Close()
	return out.Bytes(), err
}

func tarred(at time.Time, files []file) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range files {
		header := &tar.Header{
			Typeflag: tar.TypeReg, Name: f.name, Size: int64(len(f.content)),
			Mode: f.mode, Uid: f.owner, Gid: f.owner, ModTime: at,
		}
		if strings.HasSuffix(f.name, "/") {
			header.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.content); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), err
}

func zipped(at time.Time, files []file) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range files {
		header := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: at.UTC()}
		header.SetMode(os.FileMode(f.mode)) //nolint:gosec // G115: permissions
		to, err := w.CreateHeader(header)
		if err != nil {
			return nil, err
		}
		if _, err := to.Write(f.content); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), err
}
