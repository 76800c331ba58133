-- +goose Up

-- What a create with an Idempotency-Key made, so that its repeats get the same answer.
CREATE TABLE idempotency_keys (
    account_sid     TEXT   NOT NULL,
    idempotency_key TEXT   NOT NULL,
    fingerprint     TEXT   NOT NULL, -- of the request's body
    product         TEXT   NOT NULL, -- as it was created, in JSON
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (account_sid, idempotency_key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);
