-- +goose Up

-- The error code with which the automatic review is to reject a submitted bundle; 0: none.
ALTER TABLE bundles ADD COLUMN noncompliance BIGINT NOT NULL DEFAULT 0;
