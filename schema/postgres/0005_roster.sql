-- Contacts and unanswered requests. "groups" is a JSON array; subscription is 0 none, 1 to, 2 from, 3 both.
CREATE TABLE roster (
    owner        BIGINT NOT NULL,
    contact      TEXT COLLATE "C" NOT NULL,
    listed       BOOLEAN NOT NULL,
    name         TEXT,
    "groups"     TEXT NOT NULL,
    subscription BIGINT NOT NULL,
    ask          BOOLEAN NOT NULL,
    approved     BOOLEAN NOT NULL,
    request      BYTEA,
    PRIMARY KEY (owner, contact)
);
