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
	if status := c.productStatus("acme-a2p"); status != http.StatusOK || len(c.server.SIDs) != 7 {
		t.Errorf("status %d, SIDs %v", status, c.server.SIDs)
	}
	if err := os.Remove(file); err != nil { // it is not read again
		t.Fatal(err)
	}
	for to, want := range map[string]int{"empty": http.StatusNotFound, "seed": http.StatusOK} {
		c.reset(to)
		if status := c.productStatus("acme-a2p"); status != want {
			t.Errorf("after a reset to %s: status %d, want %d", to, status, want)
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	c.ends()
}

// productStatus returns the status of a request for a product of the seed.
func (c *child) productStatus(key string) int {
	c.Helper()
	r, err := http.NewRequestWithContext(c.Context(), http.MethodGet, c.server.BaseURL+"/v1/TrustProducts/"+c.server.SIDs[key], http.NoBody)
	if err != nil {
		c.Fatal(err)
	}
	r.SetBasicAuth(c.server.AccountSID, c.server.AuthToken)
	return c.statusOf(r)
}

// reset resets the server to nothing or to its seed.
func (c *child) reset(to string) {
	c.Helper()
	r, err := http.NewRequestWithContext(c.Context(), http.MethodPost, c.server.BaseURL+"/operator/v1/test/reset",
		strings.NewReader(`{"to": "`+to+`"}`))
	if err != nil {
		c.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+c.server.AuthToken)
	r.Header.Set("Content-Type", "application/json")
	if status := c.statusOf(r); status != http.StatusNoContent {
		c.Fatalf("the reset to %s has status %d", to, status)
	}
}

func (c *child) statusOf(r *http.Request) int {
	c.Helper()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		c.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		c.Fatal(err)
	}
	return response.StatusCode
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
