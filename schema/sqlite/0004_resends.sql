-- Keys of accepted messages, 16 bytes each, a row for each batch of a sender. In the order of appending, so that
-- the oldest are found at its start without an index.
CREATE TABLE resends (
    id    INTEGER PRIMARY KEY,
    owner INTEGER NOT NULL,
    boot  INTEGER NOT NULL,
    at    INTEGER NOT NULL,
    keys  BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX resends_owner ON resends (owner, at, boot);
