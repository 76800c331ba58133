// Package secrets encrypts short texts, such as auth tokens, before they are stored in a database.
//
// # What it guarantees
//
//   - A text is encrypted with AES-256-GCM and a random nonce, and bound to its row: it cannot be decrypted if a byte of it is
//     changed, or if it is moved to another row.
//   - The stored form names its key, so that keys can be replaced one text at a time. It has colons, which no auth token has.
//   - Errors name keys by their IDs, which are not secret. They contain neither keys nor texts.
//
// # What it does not do
//
// It does not hide how long a text is, nor whether an older text was put back into its row. Keys and decrypted texts stay in the
// memory of the process.
package secrets

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"slices"
)

var (
	// ErrUnknownKey means that a text was encrypted with a key that the keyring does not have.
	ErrUnknownKey = errors.New("it is encrypted with a key that was not given")
	// ErrDamaged means that a text is not as it was stored, or was stored in another row.
	ErrDamaged = errors.New("it was changed, or moved from another row")
)

// Keyring has the keys of a key file. The first one encrypts, all decrypt. A nil *Keyring has none. It is safe for concurrent
// use.
type Keyring struct {
	keys []key
}

type key struct {
	id   string
	aead cipher.AEAD
}

func newKey(secret []byte) (key, error) {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return key{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return key{keyID(secret), aead}, err
}

// IDs returns the IDs of the keys, the first one's first.
func (k *Keyring) IDs() []string {
	if k == nil {
		return nil
	}
	ids := make([]string, len(k.keys))
	for i, key := range k.keys {
		ids[i] = key.id
	}
	return ids
}

// Seal returns the form in which a text is stored in a row, encrypted with the first key. The keyring must not be nil.
func (k *Keyring) Seal(row, text string) string {
	first := k.keys[0]
	return format(first.id, first.aead.Seal(nil, nil, []byte(text), []byte(row))) //nolint:gosec // G407: it makes a random nonce
}

// Open returns the text of a row, given its stored form. It returns ErrUnknownKey or ErrDamaged, with the key's ID.
func (k *Keyring) Open(row, stored string) (string, error) {
	id, sealed, err := parse(stored)
	if err != nil {
		return "", err
	}
	var keys []key
	if k != nil {
		keys = k.keys
	}
	i := slices.IndexFunc(keys, func(key key) bool { return key.id == id })
	if i < 0 {
		return "", fmt.Errorf("%w: %s", ErrUnknownKey, id)
	}
	text, err := keys[i].aead.Open(nil, nil, sealed, []byte(row))
	if err != nil {
		return "", fmt.Errorf("%w (key %s)", ErrDamaged, id)
	}
	return string(text), nil
}
