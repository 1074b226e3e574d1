-- When a client first logged in; of those that are there, when they last did.
ALTER TABLE devices ADD COLUMN first BIGINT NOT NULL DEFAULT 0;
UPDATE devices SET first = seen;
