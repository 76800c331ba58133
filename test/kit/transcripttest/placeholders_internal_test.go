package transcripttest

import "testing"

// TestPlaceholders: names count in the order of appearance, also if a random id looks like a SID that has the time.
func TestPlaceholders(t *testing.T) {
	p := placeholders{known: map[string]string{}}
	got := p.hide(`"request_id": "RQffffffffffffffffffffffffffffffff", "sid": "BU01ffffffffffffffffffffffffffffff",
		"request_id": "RQ01ffffffffffffffffffffffffffffff"`)
	want := `"request_id": "{RQ1}", "sid": "{BU1}",
		"request_id": "{RQ2}"`
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
