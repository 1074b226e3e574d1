-- What users reported to the operator. A number holds the time in milliseconds above its 20 lowest bits. The content is
-- opaque here.
CREATE TABLE reports (
    id       BIGINT PRIMARY KEY,
    owner    BIGINT NOT NULL,
    host     TEXT NOT NULL,
    reported TEXT NOT NULL,
    bare     TEXT NOT NULL,
    domain   TEXT NOT NULL,
    reason   TEXT NOT NULL,
    messages BIGINT NOT NULL,
    content  BYTEA NOT NULL
);

CREATE INDEX reports_owner ON reports (owner, id);
