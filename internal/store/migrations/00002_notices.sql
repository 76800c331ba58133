-- +goose Up

-- When the product's status changes by itself; 0: it does not.
ALTER TABLE products ADD COLUMN due_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX products_due ON products (due_at) WHERE due_at > 0;

-- What customers are to be told, and have been told. Of one product and channel only the first that is open is ever due:
-- the next becomes due when it ends.
CREATE TABLE notices (
    id            TEXT   NOT NULL PRIMARY KEY,
    channel       TEXT   NOT NULL, -- callback, email
    target        TEXT   NOT NULL, -- the URL or the address
    endpoint      TEXT   NOT NULL, -- who is contacted: scheme and host of the URL, or "smtp"
    account_sid   TEXT   NOT NULL,
    product_sid   TEXT   NOT NULL,
    friendly_name TEXT   NOT NULL,
    status        TEXT   NOT NULL,
    errors        TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    position      BIGINT NOT NULL, -- order among the notices of the product and channel
    state         TEXT   NOT NULL, -- open: waiting, ready, sending; ended: delivered, dead, dropped, not-sent
    tries         BIGINT NOT NULL, -- since it was made or replayed
    due_at        BIGINT NOT NULL, -- ready: when to send it; sending: when the lease ends; else 0
    lease         TEXT   NOT NULL, -- sending: of the worker that may report on it; else empty
    ended_at      BIGINT NOT NULL  -- 0: open
);
CREATE UNIQUE INDEX notices_order ON notices (product_sid, channel, position);
CREATE INDEX notices_due ON notices (endpoint, due_at) WHERE due_at > 0;
CREATE INDEX notices_ended ON notices (ended_at) WHERE ended_at > 0;

CREATE TABLE attempts (
    notice_id   TEXT   NOT NULL,
    number      BIGINT NOT NULL, -- from 1
    started_at  BIGINT NOT NULL,
    duration    BIGINT NOT NULL, -- microseconds
    verdict     TEXT   NOT NULL,
    status_code BIGINT NOT NULL,
    answer      TEXT   NOT NULL,
    error       TEXT   NOT NULL,
    PRIMARY KEY (notice_id, number)
);
