-- AUTOINCREMENT: the number of a removed account is never given again.
CREATE TABLE accounts (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    jid            TEXT NOT NULL UNIQUE,
    keys           BLOB NOT NULL,
    disabled       INTEGER NOT NULL DEFAULT 0,
    admin          INTEGER NOT NULL,
    created        INTEGER NOT NULL,
    roster_version INTEGER NOT NULL DEFAULT 0
) STRICT;
