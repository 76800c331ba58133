-- +goose Up

-- Trust Products and Customer Profiles are both bundles. All that there were so far are Trust Products.
ALTER TABLE products RENAME TO bundles;
ALTER TABLE bundles ADD COLUMN kind TEXT NOT NULL DEFAULT 'trust-product'; -- or customer-profile

-- Each list, and each count of one, is of an account's bundles of one kind.
DROP INDEX products_of_account;
DROP INDEX products_by_status;
DROP INDEX products_due;
DROP INDEX products_in_review;
CREATE INDEX bundles_of_account ON bundles (account_sid, kind, sid);
CREATE INDEX bundles_by_status ON bundles (account_sid, kind, status, sid);
CREATE INDEX bundles_due ON bundles (due_at) WHERE due_at > 0;
CREATE INDEX bundles_in_review ON bundles (sid) WHERE due_at > 0 AND status IN ('pending-review', 'in-review');

ALTER TABLE notices RENAME COLUMN product_sid TO bundle_sid;
ALTER TABLE notices ADD COLUMN bundle_kind TEXT NOT NULL DEFAULT 'trust-product';

ALTER TABLE idempotency_keys RENAME COLUMN product TO answer;
ALTER TABLE idempotency_keys ADD COLUMN operation TEXT NOT NULL DEFAULT 'CreateTrustProduct'; -- the operationId of the contract
UPDATE idempotency_keys SET answer = '{"Kind":"trust-product",' || SUBSTR(answer, 2);

-- The last migration of the oldest program that can work on this schema. It is raised by a migration that removes something,
-- to that of the release that stopped using it: CONTRIBUTING.md has the rule.
CREATE TABLE schema_compatibility (
    oldest_program BIGINT NOT NULL
);
INSERT INTO schema_compatibility (oldest_program) VALUES (8);
