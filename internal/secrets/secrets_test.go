package secrets_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/internal/secrets"
)

// Keys of tests, as lines of a key file.
var (
	lineA = base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 32))
	lineB = base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{2}, 32))
)

const row = "accounts/AC1"

func parse(tb testing.TB, lines ...string) *secrets.Keyring {
	tb.Helper()
	keys, err := secrets.ParseKeys([]byte(strings.Join(lines, "\n")))
	if err != nil {
		tb.Fatal(err)
	}
	return keys
}

// TestRoundTrip encrypts with one key and decrypts with keyrings that have it, in any place.
func TestRoundTrip(t *testing.T) {
	a, b := parse(t, lineA), parse(t, lineB)
	for _, text := range []string{"", "x", strings.Repeat("0123456789abcdef", 8), "\x00\xff"} {
		sealed := a.Seal(row, text)
		for _, keys := range []*secrets.Keyring{a, parse(t, lineA, lineB), parse(t, lineB, lineA)} {
			if got, err := keys.Open(row, sealed); got != text || err != nil {
				t.Errorf("%q, %v, want %q", got, err, text)
			}
		}
		if !secrets.Sealed(sealed) || (len(text) > 1 && strings.Contains(sealed, text)) {
			t.Errorf("the stored form of %q is %q", text, sealed)
		}
		if id, err := secrets.KeyID(sealed); id != a.IDs()[0] || err != nil {
			t.Errorf("key ID %q, %v, want %q", id, err, a.IDs()[0])
		}
		if again := a.Seal(row, text); again == sealed {
			t.Error("the same text was encrypted to the same form twice")
		}
		for _, keys := range []*secrets.Keyring{b, nil} {
			if _, err := keys.Open(row, sealed); !errors.Is(err, secrets.ErrUnknownKey) || !strings.Contains(err.Error(), a.IDs()[0]) {
				t.Errorf("without the key: %v", err)
			}
		}
		if _, err := a.Open("accounts/AC2", sealed); !errors.Is(err, secrets.ErrDamaged) {
			t.Errorf("in another row: %v", err)
		}
	}
}

// TestStoredForm keeps the form of what earlier versions have stored.
func TestStoredForm(t *testing.T) {
	const stored = "aes256gcm:d3142499:RQWbajUHoI4pPPtVrmq8geRFgqmafwWwwA5rZHX8Ye4T"
	if got, err := parse(t, lineA).Open(row, stored); got != "token" || err != nil {
		t.Errorf("%q, %v; the form of %q is now %q", got, err, "token", parse(t, lineA).Seal(row, "token"))
	}
}

// TestChangedByte changes each byte of a stored form to several others. None must be accepted.
func TestChangedByte(t *testing.T) {
	keys := parse(t, lineA, lineB)
	sealed := keys.Seal(row, "token")
	for i := range sealed {
		for _, other := range []byte("0aAg/:= \n\x00\xff") {
			if sealed[i] == other {
				continue
			}
			changed := sealed[:i] + string(other) + sealed[i+1:]
			if text, err := keys.Open(row, changed); err == nil || text != "" {
				t.Errorf("%q was decrypted to %q", changed, text)
			}
			if !secrets.Sealed(changed) {
				t.Errorf("%q looks plain", changed)
			}
		}
		for _, changed := range []string{sealed[:i], sealed[:i] + sealed[i+1:], sealed[:i] + "\n" + sealed[i:], sealed[:i] + "=" + sealed[i:]} {
			if text, err := keys.Open(row, changed); err == nil || text != "" {
				t.Errorf("%q was decrypted to %q", changed, text)
			}
		}
	}
}

func TestParseKeys(t *testing.T) {
	keys := parse(t, "# the first", "", lineA+" \r", "\t"+lineB)
	if ids := keys.IDs(); len(ids) != 2 || ids[0] != parse(t, lineA).IDs()[0] || ids[1] != parse(t, lineB).IDs()[0] {
		t.Errorf("IDs %q", ids)
	}
	if len(parse(t, secrets.GenerateKey(), secrets.GenerateKey()).IDs()) != 2 {
		t.Error("generated keys are refused, or the same")
	}
	for text, want := range map[string]string{
		"":                                 "the file has no key",
		"# " + lineA:                       "the file has no key",
		lineA + "\n" + lineA:               "line 2 repeats the key ",
		lineA + "\n\n" + lineA[1:]:         "line 3 is not a key",
		lineA[:40]:                         "line 1 is not a key",
		strings.TrimRight(lineA, "="):      "line 1 is not a key",
		lineA + lineB:                      "line 1 is not a key",
		strings.Repeat("0", 64):            "line 1 is not a key",
		strings.Replace(lineA, "=", "", 1): "line 1 is not a key",
	} {
		_, err := secrets.ParseKeys([]byte(text))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		} else if strings.Contains(err.Error(), lineA[:10]) || strings.Contains(err.Error(), "0000000") {
			t.Errorf("the error has the key: %v", err)
		}
	}
}

func TestReadFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "keys")
	for text, want := range map[string]string{
		lineA: "", lineA[1:]: name + ": line 1 is not a key", strings.Repeat("#\n", 40_000): "has more than 65536 bytes",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := secrets.ReadFile(name)
		if (err == nil) != (want == "") || (err != nil && !strings.Contains(err.Error(), want)) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if _, err := secrets.ReadFile(name + "missing"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

// FuzzOpen opens arbitrary stored forms in arbitrary rows: nothing is accepted that was not stored there, and no error has the text.
func FuzzOpen(f *testing.F) {
	keys, other := parse(f, lineA), parse(f, lineB)
	f.Add(keys.Seal(row, "token"), row)
	f.Add(other.Seal(row, "token"), row)
	f.Add(keys.Seal("accounts/AC2", "token"), row)
	f.Add("aes256gcm:d3142499:", row)
	f.Add("aes256gcm:d3142499:AAAA\nAAAA", "")
	f.Add("0123456789abcdef", "\x00")
	f.Fuzz(func(t *testing.T, text, row string) {
		if got, err := other.Open(row, text); err == nil { // nobody has encrypted it with this key, except the seeds
			if sealed := other.Seal(row, got); !secrets.Sealed(text) || len(sealed) != len(text) {
				t.Errorf("%q was accepted as %q", text, got)
			}
		}
		if _, err := secrets.KeyID(text); err == nil && !secrets.Sealed(text) {
			t.Errorf("%q has a key and looks plain", text)
		}
		sealed := keys.Seal(row, text)
		if got, err := keys.Open(row, sealed); got != text || err != nil {
			t.Errorf("%q, %v, want %q", got, err, text)
		}
		if _, err := keys.Open(row+"x", sealed); !errors.Is(err, secrets.ErrDamaged) {
			t.Errorf("in another row: %v", err)
		}
		place := len(row) * 7 % len(sealed)
		changed := sealed[:place] + string(sealed[place]^1) + sealed[place+1:]
		if got, err := keys.Open(row, changed); err == nil || got != "" {
			t.Errorf("%q was decrypted to %q", changed, got)
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	keys := parse(b, lineA)
	sealed := keys.Seal(row, "0123456789abcdef0123456789abcdef")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := keys.Open(row, sealed); err != nil {
			b.Fatal(err)
		}
	}
}
