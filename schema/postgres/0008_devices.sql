-- The clients that said which installation they are when they logged in. Tokens are opaque here; empty for none.
CREATE TABLE devices (
    owner    BIGINT NOT NULL,
    id       TEXT COLLATE "C" NOT NULL,
    software TEXT NOT NULL,
    name     TEXT NOT NULL,
    seen     BIGINT NOT NULL,
    tokens   BYTEA NOT NULL,
    PRIMARY KEY (owner, id)
);
