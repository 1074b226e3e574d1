-- The table is in the order of appending, which keeps inserts at its end; positions have an index of their own.
CREATE TABLE log (
    id       INTEGER PRIMARY KEY,
    owner    INTEGER NOT NULL,
    seq      INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    archived INTEGER NOT NULL,
    pending  INTEGER NOT NULL,
    peer     TEXT NOT NULL,
    stanza   BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX log_position ON log (owner, seq);

-- What is pending is found at once, however large the archive.
CREATE INDEX log_pending ON log (owner, seq) WHERE pending = 1;

-- Retention takes the oldest.
CREATE INDEX log_age ON log (at) WHERE archived = 1;

-- The greatest position ever archived, and how many entries are archived now: counted as they come and go.
CREATE TABLE log_heads (
    owner    INTEGER PRIMARY KEY,
    last     INTEGER NOT NULL,
    archived INTEGER NOT NULL
) STRICT;
