-- +goose Up

-- What bundles are made of. The references let a server of the previous version delete bundles, too.

CREATE TABLE end_users (
    sid           TEXT   NOT NULL PRIMARY KEY,
    account_sid   TEXT   NOT NULL,
    friendly_name TEXT   NOT NULL,
    type          TEXT   NOT NULL, -- the machine name of a type; may be unknown
    attributes    TEXT   NOT NULL, -- a JSON object as it was given; empty: none
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL
);
CREATE INDEX end_users_of_account ON end_users (account_sid, sid);

CREATE TABLE supporting_documents (
    sid           TEXT   NOT NULL PRIMARY KEY,
    account_sid   TEXT   NOT NULL,
    friendly_name TEXT   NOT NULL,
    type          TEXT   NOT NULL, -- as in end_users
    attributes    TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL
);
CREATE INDEX supporting_documents_of_account ON supporting_documents (account_sid, sid);

CREATE TABLE assignments (
    sid         TEXT   NOT NULL PRIMARY KEY,
    account_sid TEXT   NOT NULL,
    bundle_sid  TEXT   NOT NULL REFERENCES bundles (sid) ON DELETE CASCADE,
    object_sid  TEXT   NOT NULL, -- of an end user, a supporting document or another bundle
    object_type TEXT   NOT NULL, -- its machine name; empty: it has none
    created_at  BIGINT NOT NULL
);
CREATE INDEX assignments_of_bundle ON assignments (bundle_sid, sid);
CREATE UNIQUE INDEX assignments_of_object ON assignments (object_sid, bundle_sid);

CREATE TABLE channel_endpoints (
    sid                   TEXT   NOT NULL PRIMARY KEY,
    account_sid           TEXT   NOT NULL,
    bundle_sid            TEXT   NOT NULL REFERENCES bundles (sid) ON DELETE CASCADE,
    policy_sid            TEXT   NOT NULL, -- the bundle's, which never changes
    channel_endpoint_type TEXT   NOT NULL,
    channel_endpoint_sid  TEXT   NOT NULL,
    created_at            BIGINT NOT NULL
);
CREATE INDEX channel_endpoints_of_bundle ON channel_endpoints (bundle_sid, sid);
-- An endpoint is on one bundle of a policy at most.
CREATE UNIQUE INDEX channel_endpoints_once ON channel_endpoints (account_sid, policy_sid, channel_endpoint_sid);

CREATE TABLE evaluations (
    sid         TEXT   NOT NULL PRIMARY KEY,
    account_sid TEXT   NOT NULL,
    bundle_sid  TEXT   NOT NULL REFERENCES bundles (sid) ON DELETE CASCADE,
    policy_sid  TEXT   NOT NULL,
    status      TEXT   NOT NULL,
    results     TEXT   NOT NULL, -- JSON, as the API returns it
    created_at  BIGINT NOT NULL
);
CREATE INDEX evaluations_of_bundle ON evaluations (bundle_sid, sid);
