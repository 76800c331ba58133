-- +goose Up
-- Types are TEXT and BIGINT only, so that SQLite and Postgres take the same text. Times are microseconds since 1970, UTC.

CREATE TABLE accounts (
    sid        TEXT   NOT NULL PRIMARY KEY,
    auth_token TEXT   NOT NULL, -- in the clear: it is also the key that signs the account's callbacks
    created_at BIGINT NOT NULL
);

CREATE TABLE products (
    sid             TEXT   NOT NULL PRIMARY KEY,
    account_sid     TEXT   NOT NULL,
    policy_sid      TEXT   NOT NULL,
    friendly_name   TEXT   NOT NULL,
    email           TEXT   NOT NULL,
    status_callback TEXT   NOT NULL, -- empty: none
    status          TEXT   NOT NULL,
    valid_until     BIGINT NOT NULL, -- 0: not approved
    errors          TEXT   NOT NULL, -- rejection codes, separated by commas; empty: none
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);
