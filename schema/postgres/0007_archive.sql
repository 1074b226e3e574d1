-- The resource of the other side, for those who ask for a full JID. In `log` it stands beside the bare JID `peer`.
ALTER TABLE log ADD COLUMN resource TEXT NOT NULL DEFAULT '';

-- One conversation is read in pages, wherever it lies in the archive.
CREATE INDEX log_peer ON log (owner, peer, seq) WHERE archived;
