-- Words of archived messages, filled when their owner searches. A number for each entry, never used again; its words, and
-- one that stands for the owner, in the table of words under the same number.
CREATE TABLE search_entries (
    id    INTEGER PRIMARY KEY AUTOINCREMENT,
    owner INTEGER NOT NULL,
    seq   INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX search_position ON search_entries (owner, seq);

CREATE VIRTUAL TABLE search_words USING fts5(
    words, content='', contentless_delete=1, tokenize="unicode61 remove_diacritics 0"
);

-- Up to which position the words of an owner's entries are known.
CREATE TABLE search_heads (
    owner INTEGER PRIMARY KEY,
    seq   INTEGER NOT NULL
) STRICT;
