-- How often strangers asked: one row a bucket, until when it is in use; a bucket that is full again needs no row.
-- Keys are hashes. Unlogged: what a crash loses here is a minute's patience.
CREATE UNLOGGED TABLE limits (
    key     bytea       PRIMARY KEY,
    full_at timestamptz NOT NULL
);
CREATE INDEX limits_by_time ON limits (full_at);
