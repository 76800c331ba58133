package api

import (
	"net/http"
	"strings"
	"testing"
)

func TestReadTraceParent(t *testing.T) {
	const valid = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for value, want := range map[string]string{
		valid: valid,
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
		"":                         "",
		"00":                       "",
		valid + "\n":               "",
		valid + "-more":            "",
		strings.ToUpper(valid):     "",
		"01" + valid[2:]:           "", // an unknown version
		"ff" + valid[2:]:           "",
		strings.Repeat("0", 1<<20): "",
		strings.Replace(valid, "0af7651916cd43dd8448eb211c80319c", strings.Repeat("0", 32), 1): "",
		strings.Replace(valid, "b7ad6b7169203331", strings.Repeat("0", 16), 1):                 "",
		strings.Replace(valid, "b7ad6b7169203331", "b7ad6b716920333\u00e9", 1):                 "",
	} {
		if got := readTraceParent(http.Header{traceHeader: {value}}); got != want {
			t.Errorf("%.60q: %q, want %q", value, got, want)
		}
	}
	if got := readTraceParent(http.Header{}); got != "" {
		t.Errorf("without one: %q", got)
	}
	if got := readTraceParent(http.Header{traceHeader: {valid, valid}}); got != "" {
		t.Errorf("with two: %q", got)
	}
}
