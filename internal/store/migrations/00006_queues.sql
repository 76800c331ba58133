-- +goose Up

-- A worker shares its places by account first and by endpoint second, and looks only at what is due.
DROP INDEX notices_due;
CREATE INDEX notices_due ON notices (due_at) WHERE due_at > 0;
CREATE INDEX notices_of_account ON notices (account_sid, channel, due_at) WHERE due_at > 0;
CREATE INDEX notices_queues ON notices (account_sid, channel, endpoint, due_at) WHERE due_at > 0;
