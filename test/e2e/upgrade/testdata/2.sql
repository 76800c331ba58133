-- +goose Up
ALTER TABLE bundles ADD COLUMN remark TEXT NOT NULL DEFAULT '';
CREATE INDEX bundles_remarks ON bundles (account_sid, remark);

CREATE TABLE remarks (
    sid  TEXT NOT NULL PRIMARY KEY,
    text TEXT NOT NULL
);
INSERT INTO remarks (sid, text) VALUES ('XX0', 'the first');
