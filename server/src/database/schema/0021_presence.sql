-- What people have chosen to be, and what they were last: after a restart they count as that for a moment.

CREATE TABLE presence (
    account INTEGER NOT NULL UNIQUE REFERENCES accounts (id),
    wish TEXT NOT NULL DEFAULT 'available',
    state TEXT NOT NULL DEFAULT 'offline',
    since INTEGER,
    last_seen INTEGER
) STRICT;
CREATE INDEX presence_by_state ON presence (state);
-- When the server was last known to run: those who were there were seen until then.
CREATE TABLE presence_mark (
    one INTEGER NOT NULL UNIQUE CHECK (one = 1),
    at INTEGER NOT NULL
) STRICT;
