-- What users reported to the operator. A number holds the time in milliseconds above its 20 lowest bits. The content is
-- opaque here.
CREATE TABLE reports (
    id       INTEGER PRIMARY KEY,
    owner    INTEGER NOT NULL,
    host     TEXT NOT NULL,
    reported TEXT NOT NULL,
    bare     TEXT NOT NULL,
    domain   TEXT NOT NULL,
    reason   TEXT NOT NULL,
    messages INTEGER NOT NULL,
    content  BLOB NOT NULL
) STRICT;

CREATE INDEX reports_owner ON reports (owner, id);
