package store

import (
	"context"
	"time"
)

// loginKind says what a row of the table of logins is.
type loginKind string

const (
	loginCode    loginKind = "code"    // of a link, which opens one session
	loginSession loginKind = "session" // of a browser
)

// expiredLogins is how many expired logins AddLoginCode deletes at most.
const expiredLogins = 400

// login is what opens the console until it expires. Only its hash is known here.
type login struct {
	hash    string
	kind    loginKind
	expires time.Time
}

var logins = newTable(
	layout{name: "console_logins"},
	fixed(text("hash", func(l *login) *string { return &l.hash })),
	fixed(text("kind", func(l *login) *loginKind { return &l.kind })),
	fixed(moment("expires_at", func(l *login) *time.Time { return &l.expires })),
)

// AddLoginCode stores the hash of a code, which opens one session of the console until it expires. Every session begins with a
// code, so this is also where expired codes and sessions are deleted, a bounded number at once.
func (s *Store) AddLoginCode(ctx context.Context, hash string, now, expires time.Time) error {
	return s.write(ctx, func(tx session) error {
		if _, err := tx.exec(`DELETE FROM console_logins WHERE hash IN (
				SELECT hash FROM console_logins WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)`, micros(now), expiredLogins,
		); err != nil {
			return err
		}
		return logins.insert(tx, login{hash, loginCode, expires})
	})
}

// StartSession stores the hash of a session and deletes the code that opens it, or returns ErrNotFound if the code is unknown,
// used or expired.
func (s *Store) StartSession(ctx context.Context, codeHash, sessionHash string, now, expires time.Time) error {
	if err := s.findLogin(ctx, codeHash, loginCode, now); err != nil { // before a transaction, so that guesses cost none
		return err
	}
	return s.write(ctx, func(tx session) error {
		used, err := tx.exec(`DELETE FROM console_logins WHERE hash = $1 AND kind = $2`, codeHash, string(loginCode))
		if err != nil {
			return err
		}
		if used == 0 { // another request was faster
			return ErrNotFound
		}
		return logins.insert(tx, login{sessionHash, loginSession, expires})
	})
}

// FindSession returns ErrNotFound unless the session exists and has not expired.
func (s *Store) FindSession(ctx context.Context, hash string, now time.Time) error {
	return s.findLogin(ctx, hash, loginSession, now)
}

func (s *Store) findLogin(ctx context.Context, hash string, kind loginKind, now time.Time) error {
	_, err := scanString(session{ctx, s.logins}.row(`SELECT hash FROM console_logins
		WHERE hash = $1 AND kind = $2 AND expires_at > $3`, hash, string(kind), micros(now)))
	return s.classify(err)
}

// EndSession deletes a session, if it exists.
func (s *Store) EndSession(ctx context.Context, hash string) error {
	_, err := s.exec(ctx, `DELETE FROM console_logins WHERE hash = $1 AND kind = $2`, hash, string(loginSession))
	return err
}
