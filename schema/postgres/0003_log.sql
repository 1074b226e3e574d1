-- The heap is in the order of appending; positions have an index of their own.
CREATE TABLE log (
    owner    BIGINT NOT NULL,
    seq      BIGINT NOT NULL,
    at       BIGINT NOT NULL,
    archived BOOLEAN NOT NULL,
    pending  BOOLEAN NOT NULL,
    peer     TEXT NOT NULL,
    stanza   BYTEA NOT NULL
);

CREATE UNIQUE INDEX log_position ON log (owner, seq);

-- What is pending is found at once, however large the archive.
CREATE INDEX log_pending ON log (owner, seq) WHERE pending;

-- Retention takes the oldest.
CREATE INDEX log_age ON log (at) WHERE archived;

-- The greatest position ever archived, and how many entries are archived now: counted as they come and go.
CREATE TABLE log_heads (
    owner    BIGINT PRIMARY KEY,
    last     BIGINT NOT NULL,
    archived BIGINT NOT NULL
);
