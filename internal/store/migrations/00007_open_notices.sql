-- +goose Up

-- To count what an account has still to be told.
CREATE INDEX notices_open ON notices (account_sid) WHERE ended_at = 0;
