-- One value for each owner, kind and key.
CREATE TABLE docs (
    owner INTEGER NOT NULL,
    kind  TEXT NOT NULL,
    key   TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (owner, kind, key)
) STRICT;
