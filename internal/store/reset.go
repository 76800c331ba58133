package store

import (
	"context"
	"fmt"
	"slices"
)

// Reset deletes all rows but those of accounts, their API keys, the logins to the console and the settings, in one transaction.
// Each account then has its Primary Customer Profile as it was when the account was added. The positions of events go on, and
// leave out at least one, so that every reader of EventsAfter can tell that it has missed something.
func (s *Store) Reset(ctx context.Context) error {
	return s.write(ctx, func(tx session) error {
		if _, err := usePositions(tx, 1); err != nil {
			return fmt.Errorf("skip a position: %w", err)
		}
		if err := skipUnplaced(tx, `number > 0`); err != nil {
			return fmt.Errorf("skip positions: %w", err)
		}
		kept := []string{accounts.name, apiKeys.name, eventPositions.name, logins.name, settings.name}
		for _, table := range tables() {
			if slices.Contains(kept, table.name) {
				continue
			}
			if _, err := tx.exec(`DELETE FROM ` + table.name); err != nil {
				return fmt.Errorf("delete %s: %w", table.name, err)
			}
		}
		_, err := tx.exec(addPrimaries)
		return err
	})
}
