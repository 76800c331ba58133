package seed

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
)

// primaryKey refers to the Primary Customer Profile of the account. No object can have it as its key.
const primaryKey = "primary"

var validKey = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$`)

// sidOf returns the SID that belongs to a key. It never changes. kind and key contain no slash.
//
// The SIDs of the server begin with the time (trust.NewSID). These begin with 00 instead, which was in 1970, so that they come
// after all others in lists, which have the newest first, and what a test creates counts as newer than what it found.
func sidOf(prefix, kind, key string) string {
	sum := sha256.Sum256([]byte(kind + "/" + key))
	return prefix + "00" + hex.EncodeToString(sum[:15])
}
