-- The clients that said which installation they are when they logged in. Tokens are opaque here; empty for none.
CREATE TABLE devices (
    owner    INTEGER NOT NULL,
    id       TEXT NOT NULL,
    software TEXT NOT NULL,
    name     TEXT NOT NULL,
    seen     INTEGER NOT NULL,
    tokens   BLOB NOT NULL,
    PRIMARY KEY (owner, id)
) STRICT, WITHOUT ROWID;
