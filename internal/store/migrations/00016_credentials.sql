-- +goose Up

-- The second auth token of an account, while its tokens are rotated; empty: none.
ALTER TABLE accounts ADD COLUMN secondary_token TEXT NOT NULL DEFAULT '';

-- API keys: further credentials of an account. Only the hashes of their secrets are kept.
CREATE TABLE api_keys (
    sid           TEXT   NOT NULL PRIMARY KEY,
    account_sid   TEXT   NOT NULL,
    friendly_name TEXT   NOT NULL,
    secret_hash   TEXT   NOT NULL, -- SHA-256, in hex
    created_at    BIGINT NOT NULL
);
CREATE INDEX api_keys_by_account ON api_keys (account_sid, sid);

-- What all servers on the database share, such as the key that signs page tokens.
CREATE TABLE settings (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
