-- Words of archived messages, filled when their owner searches, with one that stands for the owner.
CREATE TABLE search_entries (
    owner BIGINT NOT NULL,
    seq   BIGINT NOT NULL,
    words TSVECTOR NOT NULL,
    PRIMARY KEY (owner, seq)
);

CREATE INDEX search_words ON search_entries USING gin (words);

-- Up to which position the words of an owner's entries are known.
CREATE TABLE search_heads (
    owner BIGINT PRIMARY KEY,
    seq   BIGINT NOT NULL
);
