-- One value for each owner, kind and key.
CREATE TABLE docs (
    owner BIGINT NOT NULL,
    kind  TEXT COLLATE "C" NOT NULL,
    key   TEXT COLLATE "C" NOT NULL,
    value BYTEA NOT NULL,
    PRIMARY KEY (owner, kind, key)
);
