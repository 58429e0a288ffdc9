-- Tokens that bots show for as long as nobody revokes them, and the answers to commands that were given with a key.

ALTER TABLE sessions ADD COLUMN lasting INTEGER NOT NULL DEFAULT 0;

-- answer: sealed with a key that stands outside of the database; without one the command was carried out, and that is
-- all that is known.
CREATE TABLE repeats (
    number INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts (id),
    key TEXT NOT NULL,
    request BLOB NOT NULL,
    answer BLOB,
    at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX repeats_by_key ON repeats (account, key);
CREATE INDEX repeats_of_account ON repeats (account, number);
CREATE INDEX repeats_by_time ON repeats (at);
