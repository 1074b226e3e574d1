-- Contacts and unanswered requests. "groups" is a JSON array; subscription is 0 none, 1 to, 2 from, 3 both.
CREATE TABLE roster (
    owner        INTEGER NOT NULL,
    contact      TEXT NOT NULL,
    listed       INTEGER NOT NULL,
    name         TEXT,
    "groups"     TEXT NOT NULL,
    subscription INTEGER NOT NULL,
    ask          INTEGER NOT NULL,
    approved     INTEGER NOT NULL,
    request      BLOB,
    PRIMARY KEY (owner, contact)
) STRICT, WITHOUT ROWID;
