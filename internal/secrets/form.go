package secrets

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// scheme begins each stored form: scheme:key ID:base64 of nonce, ciphertext and tag.
const scheme = "aes256gcm"

// encoding has no padding and refuses trailing bits.
var encoding = base64.RawStdEncoding.Strict()

// Sealed reports whether a stored text is not plain: plain ones have no colon. It may be damaged.
func Sealed(stored string) bool { return strings.Contains(stored, ":") }

// KeyID returns the ID of the key that a text was encrypted with, or ErrDamaged.
func KeyID(stored string) (string, error) {
	id, _, err := parse(stored)
	return id, err
}

func format(id string, sealed []byte) string {
	return scheme + ":" + id + ":" + encoding.EncodeToString(sealed)
}

// parse accepts only what format returns, so that no two stored forms mean the same.
func parse(stored string) (id string, sealed []byte, err error) {
	parts := strings.Split(stored, ":")
	if len(parts) != 3 || parts[0] != scheme || !isKeyID(parts[1]) {
		return "", nil, fmt.Errorf("%w (its form is invalid)", ErrDamaged)
	}
	sealed, err = encoding.DecodeString(parts[2])
	if err != nil || encoding.EncodeToString(sealed) != parts[2] { // the decoder ignores line breaks
		return "", nil, fmt.Errorf("%w (its form is invalid)", ErrDamaged)
	}
	return parts[1], sealed, nil
}
