-- Keys of accepted messages, 16 bytes each, a row for each batch of a sender.
CREATE TABLE resends (
    owner BIGINT NOT NULL,
    boot  BIGINT NOT NULL,
    at    BIGINT NOT NULL,
    keys  BYTEA NOT NULL
);

CREATE UNIQUE INDEX resends_owner ON resends (owner, at, boot);

-- To find the oldest; costs an insert next to nothing.
CREATE INDEX resends_age ON resends USING brin (at);
