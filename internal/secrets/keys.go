package secrets

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

const (
	keyBytes  = 32 // AES-256
	idBytes   = 4
	maxFile   = 64 << 10 // bytes of a key file
	idPurpose = "trusthub key ID\n"
)

// GenerateKey returns a new key as a line of a key file, without the line break.
func GenerateKey() string {
	secret := make([]byte, keyBytes)
	_, _ = rand.Read(secret) // it never fails
	return base64.StdEncoding.EncodeToString(secret)
}

// keyID returns the name of a key. It reveals nothing: nobody can guess 32 random bytes.
func keyID(secret []byte) string {
	sum := sha256.Sum256(append([]byte(idPurpose), secret...))
	return hex.EncodeToString(sum[:idBytes])
}

func isKeyID(s string) bool {
	decoded, err := hex.DecodeString(s)
	return err == nil && len(decoded) == idBytes && s == strings.ToLower(s)
}

// ReadFile reads a key file. Its errors do not quote it.
func ReadFile(name string) (*Keyring, error) {
	file, err := os.Open(name) //nolint:gosec // G304: the operator names the file
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // it is only read
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("%s has more than %d bytes, and is not a key file", name, maxFile)
	}
	keys, err := ParseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return keys, nil
}

// ParseKeys reads the text of a key file: 32 random bytes in base64 on each line. It ignores empty lines and those that begin
// with #. Its errors name lines and do not quote them.
func ParseKeys(text []byte) (*Keyring, error) {
	all := &Keyring{}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		secret, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil || len(secret) != keyBytes {
			return nil, fmt.Errorf("line %d is not a key: it must be %d bytes in base64, as 'trusthub secrets generate' prints",
				number, keyBytes)
		}
		next, err := newKey(secret)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		if slices.Contains(all.IDs(), next.id) {
			return nil, fmt.Errorf("line %d repeats the key %s", number, next.id)
		}
		all.keys = append(all.keys, next)
	}
	if len(all.keys) == 0 {
		return nil, errors.New("the file has no key; 'trusthub secrets generate' prints one")
	}
	return all, nil
}
