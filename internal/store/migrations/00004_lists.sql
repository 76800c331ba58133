-- +goose Up

-- Lists are in the order of the SID, which begins with the time of its making.
CREATE INDEX products_of_account ON products (account_sid, sid);
CREATE INDEX products_by_status ON products (account_sid, status, sid);
