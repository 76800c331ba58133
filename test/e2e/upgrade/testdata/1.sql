-- +goose Up
ALTER TABLE notices ADD COLUMN remark TEXT;
