-- An identity column: the number of a removed account is never given again.
CREATE TABLE accounts (
    id             BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    jid            TEXT COLLATE "C" NOT NULL UNIQUE,
    keys           BYTEA NOT NULL,
    disabled       BOOLEAN NOT NULL DEFAULT FALSE,
    admin          BOOLEAN NOT NULL,
    created        BIGINT NOT NULL,
    roster_version BIGINT NOT NULL DEFAULT 0
);
