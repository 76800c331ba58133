-- +goose Up

-- To list and replay what could not be delivered, of which there are few among many.
CREATE INDEX notices_dead ON notices (id) WHERE state = 'dead';
