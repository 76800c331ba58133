package store

import (
	"context"
	"fmt"
)

// Reset deletes all rows but the accounts, in one transaction. Each account then has its Primary Customer Profile as it was when
// the account was added.
func (s *Store) Reset(ctx context.Context) error {
	return s.write(ctx, func(tx session) error {
		for _, table := range tables() {
			if table.name == accounts.name {
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
