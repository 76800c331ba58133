package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"runtime"
	"slices"
	"text/tabwriter"

	"github.com/opentrusthub/trusthub/internal/secrets"
	"github.com/opentrusthub/trusthub/internal/store"
)

// keyFlag names the file with the keys of the auth tokens.
type keyFlag struct {
	KeyFile string `name:"key-file" env:"TRUSTHUB_KEY_FILE" placeholder:"FILE" help:"File with the keys of the auth tokens in the database, one on each line, as 'trusthub secrets generate' prints them. The first one encrypts, all decrypt. Without it, auth tokens are not encrypted."`
}

// keys returns the keys of the file, or nil without one.
func (f keyFlag) keys() (*secrets.Keyring, error) {
	if f.KeyFile == "" {
		return nil, nil
	}
	keys, err := secrets.ReadFile(f.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("--key-file (TRUSTHUB_KEY_FILE): %w", err)
	}
	return keys, nil
}

// readableByAll reports whether every user of the machine can read the file. Its group may have to: Kubernetes and Docker give
// secrets to a container that way.
func (f keyFlag) readableByAll() bool {
	const others = 0o004
	info, err := os.Stat(f.KeyFile)
	return err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&others != 0 // Windows has no such modes
}

// logEncryption logs whether the auth tokens in the database are encrypted, and what an operator should do about it.
func (f keyFlag) logEncryption(ctx context.Context, db *store.Store, log *slog.Logger) error {
	if f.KeyFile == "" {
		log.Info("auth tokens are not encrypted in the database; --key-file encrypts them")
		return nil
	}
	if f.readableByAll() {
		log.Warn("every user of this machine can read the key file: restrict its mode to its owner")
	}
	found, err := db.TokenKeys(ctx)
	if err != nil {
		return err
	}
	log.Info("auth tokens are encrypted in the database", "tokens_by_key", found.Encrypted)
	if found.Plain > 0 {
		log.Warn("some auth tokens are not encrypted yet: run 'trusthub secrets rotate'", "tokens", found.Plain)
	}
	if found.Unreadable > 0 {
		log.Error("some auth tokens cannot be decrypted, and their accounts' requests and callbacks fail: see 'trusthub secrets check'",
			"tokens", found.Unreadable)
	}
	return nil
}

type secretsCmd struct {
	Generate secretsGenerateCmd `cmd:"" help:"Print a new key, as a line of a key file."`
	Check    secretsCheckCmd    `cmd:"" help:"Print which keys the auth tokens are encrypted with. The exit status is 1 if some cannot be decrypted."`
	Rotate   secretsRotateCmd   `cmd:"" help:"Encrypt all auth tokens with the first key of the key file."`
}

type secretsGenerateCmd struct{}

// Help is what --help adds to the command's one line.
func (*secretsGenerateCmd) Help() string {
	return `For example: (umask 077; trusthub secrets generate >> trusthub.keys). Keep a copy of the file apart from the database and its backups: without it, the auth tokens are lost.`
}

// Run prints 32 random bytes in base64.
func (secretsGenerateCmd) Run(s streams) error {
	_, err := fmt.Fprintln(s.out, secrets.GenerateKey())
	return err
}

type secretsCheckCmd struct {
	dbFlag
}

// checkedSecrets is what `trusthub secrets check` prints.
type checkedSecrets struct {
	FirstKey   string         `json:"first_key,omitempty"` // of the key file
	Encrypted  map[string]int `json:"encrypted"`           // tokens by key
	Plain      int            `json:"plain"`
	Unreadable int            `json:"unreadable"`
}

// Run reads all auth tokens and decrypts them.
func (c *secretsCheckCmd) Run(ctx context.Context, s streams) error {
	keys, err := c.keys()
	if err != nil {
		return err
	}
	return c.use(ctx, func(db *store.Store) error {
		found, err := db.TokenKeys(ctx)
		if err != nil {
			return err
		}
		checked := checkedSecrets{Encrypted: found.Encrypted, Plain: found.Plain, Unreadable: found.Unreadable}
		if keys != nil {
			checked.FirstKey = keys.IDs()[0]
		}
		if err := printResult(s.out, checked, checkedTable); err != nil || found.Unreadable == 0 {
			return err
		}
		for _, reason := range found.Errors {
			fmt.Fprintln(s.err, reason)
		}
		return fmt.Errorf("%d %w", found.Unreadable, store.ErrUnreadable)
	})
}

func checkedTable(w *tabwriter.Writer, c checkedSecrets) {
	for _, id := range slices.Sorted(maps.Keys(c.Encrypted)) {
		note := ""
		if id == c.FirstKey {
			note = "the first key"
		}
		fmt.Fprintf(w, "encrypted with %s\t%d\t%s\n", id, c.Encrypted[id], note)
	}
	fmt.Fprintf(w, "not encrypted\t%d\t\ncannot be decrypted\t%d\t\n", c.Plain, c.Unreadable)
}

type secretsRotateCmd struct {
	dbFlag
}

// Help is what --help adds to the command's one line.
func (*secretsRotateCmd) Help() string {
	return `It encrypts auth tokens that are not encrypted, and those that are with another key of the file. Servers must have all keys of the file, and go on meanwhile. If it is interrupted, run it again. A SQLite file is rewritten at the end, so that nothing is left in free space: nobody can write meanwhile, some seconds for each GB. Backups keep what they have.`
}

// rotatedSecrets is what `trusthub secrets rotate` prints.
type rotatedSecrets struct {
	FirstKey string `json:"first_key"`
	Rotated  int    `json:"rotated"` // tokens that this run has encrypted
}

// Run encrypts all auth tokens with the first key.
func (c *secretsRotateCmd) Run(ctx context.Context, s streams) error {
	keys, err := c.keys()
	if err != nil {
		return err
	}
	if keys == nil {
		return errors.New("name the file with the keys: --key-file or TRUSTHUB_KEY_FILE; 'trusthub secrets generate' prints a key for it")
	}
	return c.use(ctx, func(db *store.Store) error {
		rotated, err := db.ReencryptTokens(ctx)
		if err != nil && !errors.Is(err, store.ErrUnreadable) {
			return fmt.Errorf("not all auth tokens are encrypted with the first key, run the command again: %w", err)
		}
		if scrubErr := db.Scrub(ctx); scrubErr != nil {
			return errors.Join(err, fmt.Errorf("older forms may be left in the file's free space, run the command again: %w", scrubErr))
		}
		if err != nil {
			return fmt.Errorf("%w, and keep their old keys: 'trusthub secrets check' names their accounts", err)
		}
		return printResult(s.out, rotatedSecrets{keys.IDs()[0], rotated}, func(w *tabwriter.Writer, r rotatedSecrets) {
			fmt.Fprintf(w, "Encrypted %d auth tokens with the key %s, as all others are.\n", r.Rotated, r.FirstKey)
		})
	})
}
