-- Contacts by request and consent, each person's own groups of them, and blocks.

CREATE TABLE contact_requests (
    asker INTEGER NOT NULL REFERENCES accounts (id),
    asked INTEGER NOT NULL REFERENCES accounts (id),
    text TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (asker, asked)
) STRICT, WITHOUT ROWID;
CREATE INDEX contact_requests_to ON contact_requests (asked);
-- A row for each of the two.
CREATE TABLE contacts (
    account INTEGER NOT NULL REFERENCES accounts (id),
    contact INTEGER NOT NULL REFERENCES accounts (id),
    since INTEGER NOT NULL,
    PRIMARY KEY (account, contact)
) STRICT, WITHOUT ROWID;
CREATE TABLE contact_groups (
    account INTEGER NOT NULL REFERENCES accounts (id),
    name TEXT NOT NULL,
    contact INTEGER NOT NULL REFERENCES accounts (id),
    PRIMARY KEY (account, contact, name)
) STRICT, WITHOUT ROWID;
-- last_seen: what the blocked one is told from then on.
CREATE TABLE blocks (
    blocker INTEGER NOT NULL REFERENCES accounts (id),
    blocked INTEGER NOT NULL REFERENCES accounts (id),
    at INTEGER NOT NULL,
    last_seen INTEGER,
    PRIMARY KEY (blocker, blocked)
) STRICT, WITHOUT ROWID;
-- For the directory: people are found by either name.
CREATE INDEX accounts_by_display_name ON accounts (lower(display_name));
