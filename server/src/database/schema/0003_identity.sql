-- Roles and profiles, sessions that are renewed, invitations, reset codes, grants, and the log of what was done.

ALTER TABLE accounts ADD COLUMN role TEXT NOT NULL DEFAULT 'member';
UPDATE accounts SET role = 'provider' WHERE publisher = 1;
ALTER TABLE accounts DROP COLUMN publisher;
ALTER TABLE accounts ADD COLUMN display_name TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN status_text TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN language TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN picture TEXT;
ALTER TABLE accounts ADD COLUMN locked_at INTEGER;
CREATE INDEX accounts_by_picture ON accounts (picture);

ALTER TABLE sessions ADD COLUMN seen_at INTEGER NOT NULL DEFAULT 0;
UPDATE sessions SET seen_at = created_at;
ALTER TABLE sessions ADD COLUMN address TEXT NOT NULL DEFAULT '';
-- The token before the newest one, and whether it is still good: until the newest is first shown.
ALTER TABLE sessions ADD COLUMN former BLOB;
ALTER TABLE sessions ADD COLUMN former_good INTEGER NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX sessions_by_former ON sessions (former);

CREATE TABLE invitations (
    id INTEGER PRIMARY KEY,
    code BLOB NOT NULL UNIQUE,
    made_by INTEGER REFERENCES accounts (id),
    role TEXT NOT NULL,
    note TEXT NOT NULL,
    uses_left INTEGER NOT NULL,
    used INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE reset_codes (
    account INTEGER NOT NULL UNIQUE REFERENCES accounts (id),
    code BLOB NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE grants (
    account INTEGER NOT NULL REFERENCES accounts (id),
    thing TEXT NOT NULL,
    id TEXT NOT NULL,
    allows TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    PRIMARY KEY (account, thing, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    actor INTEGER REFERENCES accounts (id),
    origin TEXT NOT NULL,
    act TEXT NOT NULL,
    subject INTEGER REFERENCES accounts (id),
    detail TEXT NOT NULL
) STRICT;
