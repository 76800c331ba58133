-- +goose Up

-- The histories of bundles: one row for each change, written in the transaction of the change. The creation has no row, because
-- the bundle tells it. A history outlives its bundle for a while, so there is no reference to it.
CREATE TABLE events (
    bundle_sid  TEXT   NOT NULL,
    number      BIGINT NOT NULL, -- in the bundle's history; 1 is the creation
    bundle_kind TEXT   NOT NULL,
    account_sid TEXT   NOT NULL,
    type        TEXT   NOT NULL,
    actor       TEXT   NOT NULL,
    request_id  TEXT   NOT NULL, -- empty: not from a request
    created_at  BIGINT NOT NULL,
    from_status TEXT   NOT NULL, -- empty: the status has not changed
    to_status   TEXT   NOT NULL,
    fields      TEXT   NOT NULL, -- the names of other fields that changed, with commas between them
    errors      TEXT   NOT NULL, -- the codes of a rejection, as in bundles
    object_sid  TEXT   NOT NULL, -- of an object, a channel endpoint or an evaluation; empty: none
    position    BIGINT NOT NULL, -- among the events of all bundles; 0: not assigned yet
    sort_at     BIGINT NOT NULL, -- created_at, or that of an earlier event of the bundle if a clock was set back in between
    PRIMARY KEY (bundle_sid, number)
);
CREATE UNIQUE INDEX events_by_position ON events (position) WHERE position > 0;
CREATE INDEX events_without_position ON events (sort_at, bundle_sid, number) WHERE position = 0;
CREATE INDEX events_of_deleted ON events (created_at) WHERE type = 'deleted';

-- The last position that was assigned, in the row with the id 1. Whoever assigns the next ones locks it.
CREATE TABLE event_positions (
    id   BIGINT NOT NULL PRIMARY KEY,
    last BIGINT NOT NULL
);
