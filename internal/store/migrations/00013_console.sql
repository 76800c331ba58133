-- +goose Up

-- What opens the console: codes of login links, each for one session, and sessions of browsers.
CREATE TABLE console_logins (
    hash       TEXT   NOT NULL PRIMARY KEY, -- SHA-256 of the random code or session token, in hex
    kind       TEXT   NOT NULL, -- code, session
    expires_at BIGINT NOT NULL
);
CREATE INDEX console_logins_expired ON console_logins (expires_at);
