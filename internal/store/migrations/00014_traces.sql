-- +goose Up

-- The W3C traceparent of the request that caused the notice, which goes with the callback; empty: none.
ALTER TABLE notices ADD COLUMN traceparent TEXT NOT NULL DEFAULT '';
