-- +goose Up

-- When the lease of a notice that is being sent ends, by the database's own clock; 0: it is not leased, or its lease has ended.
-- From here on due_at alone says when it is to be sent, by the servers' clocks; it is 0 while the notice is leased.
ALTER TABLE notices ADD COLUMN leased_until BIGINT NOT NULL DEFAULT 0;
CREATE INDEX notices_leased ON notices (leased_until) WHERE leased_until > 0;

-- Reviews that go on by themselves, to be scheduled anew after the clock was set back.
CREATE INDEX products_in_review ON products (sid) WHERE due_at > 0 AND status IN ('pending-review', 'in-review');
