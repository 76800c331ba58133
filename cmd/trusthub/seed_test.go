package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/internal/seed"
	"github.com/opentrusthub/trusthub/test/kit/programtest"
)

// TestServeTestSeed: the server of a test has what its seed describes from the start, and prints the SIDs.
func TestServeTestSeed(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "seed.yaml")
	if err := os.WriteFile(file, seed.Example(), 0o600); err != nil {
		t.Fatal(err)
	}
	reader, writer := pipe(t)
	c := startChild(t, reader, "trusthub", "serve", "--test", "--seed", file)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.server.BaseURL+"/v1/TrustProducts/"+c.server.SIDs["acme-a2p"], http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(c.server.AccountSID, c.server.AuthToken)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusOK || len(c.server.SIDs) != 7 {
		t.Errorf("status %d, %v, SIDs %v", response.StatusCode, err, c.server.SIDs)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	c.ends()
}

// TestServeTestSeedFails: with an invalid seed the server does not start, prints no line and leaves nothing behind.
func TestServeTestSeedFails(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "seed.yaml")
	if err := os.WriteFile(file, []byte("\ntrust_products: 1"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		file: "trusthub: " + file + ":2: trust_products must be a list\n",
		"-":  "trusthub: --seed must name a file: standard input says when the test ends\n",
	} {
		temp := t.TempDir()
		p := programtest.Start(t, programtest.Command{
			Path: "trusthub", Args: []string{"serve", "--test", "--seed", name}, Env: append(os.Environ(), "TMPDIR="+temp, noRace),
		})
		if err := p.Wait(); err == nil || !strings.HasSuffix(p.Stderr(), want) || p.Stdout() != "" {
			t.Errorf("%v, printed %q and %q, want %q", err, p.Stdout(), p.Stderr(), want)
		}
		if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
			t.Errorf("the program left %v, %v", left, err)
		}
	}
}
