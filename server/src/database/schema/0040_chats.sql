-- Group chats and requests; one log for each chat, of lines and of what changes them; files; what is to be sent later.

-- kind: 0 direct, 1 group. expired: entries up to this sequence are older than the chat keeps them.
ALTER TABLE chats ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;
ALTER TABLE chats ADD COLUMN creator INTEGER;
ALTER TABLE chats ADD COLUMN key TEXT;
ALTER TABLE chats ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE chats ADD COLUMN picture TEXT;
ALTER TABLE chats ADD COLUMN retention_ms INTEGER;
ALTER TABLE chats ADD COLUMN expired INTEGER NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX chats_by_key ON chats (creator, key);
CREATE INDEX chats_that_forget ON chats (id) WHERE retention_ms IS NOT NULL;

-- role: 0 member, 1 moderator, 2 owner. standing: 0 joined, 1 requested, 2 ignored, 3 declined.
ALTER TABLE members ADD COLUMN role INTEGER NOT NULL DEFAULT 0;
ALTER TABLE members ADD COLUMN standing INTEGER NOT NULL DEFAULT 0;
ALTER TABLE members ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
ALTER TABLE members ADD COLUMN delivered INTEGER NOT NULL DEFAULT 0;
ALTER TABLE members ADD COLUMN seen INTEGER NOT NULL DEFAULT 0;
ALTER TABLE members ADD COLUMN asker INTEGER;
ALTER TABLE members ADD COLUMN asked TEXT NOT NULL DEFAULT '';
ALTER TABLE members ADD COLUMN asked_at INTEGER NOT NULL DEFAULT 0;

-- kind: 0 line, 1 notice, 2 edit, 3 deletion, 4 reaction, 5 pin, 9 expired. target: the line answered or changed.
-- The number counts the entries of all chats in the order in which they were stored.
CREATE TABLE entries (
    number INTEGER PRIMARY KEY,
    chat INTEGER NOT NULL REFERENCES chats (id),
    sequence INTEGER NOT NULL,
    author INTEGER NOT NULL REFERENCES accounts (id),
    key TEXT NOT NULL,
    kind INTEGER NOT NULL,
    target INTEGER,
    text TEXT NOT NULL,
    details TEXT,
    at INTEGER NOT NULL,
    edited_at INTEGER,
    erased_at INTEGER,
    pinned_at INTEGER
) STRICT;
INSERT INTO entries (chat, sequence, author, key, kind, text, details, at)
    SELECT chat, sequence, author, key, CASE WHEN notice IS NULL THEN 0 ELSE 1 END, text, notice, at
    FROM messages ORDER BY at, chat, sequence;
DROP TABLE messages;
CREATE UNIQUE INDEX entries_by_sequence ON entries (chat, sequence);
CREATE UNIQUE INDEX entries_by_key ON entries (chat, author, key);
CREATE INDEX entries_shown ON entries (chat, sequence) WHERE kind < 2;
CREATE INDEX entries_pinned ON entries (chat, pinned_at) WHERE pinned_at IS NOT NULL;
CREATE INDEX entries_edited ON entries (chat, target) WHERE kind = 2;

CREATE TABLE reactions (
    chat INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    emoji TEXT NOT NULL,
    account INTEGER NOT NULL REFERENCES accounts (id),
    at INTEGER NOT NULL,
    PRIMARY KEY (chat, sequence, emoji, account)
) STRICT, WITHOUT ROWID;

-- hash is set when all of it has come and was checked; released when a line that it hung on was erased.
CREATE TABLE files (
    id TEXT PRIMARY KEY,
    owner INTEGER NOT NULL REFERENCES accounts (id),
    key TEXT NOT NULL,
    name TEXT NOT NULL,
    media TEXT NOT NULL,
    size INTEGER NOT NULL,
    hash TEXT,
    thumbnail TEXT,
    details TEXT,
    released INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX files_by_key ON files (owner, key);
CREATE INDEX files_by_hash ON files (hash);
CREATE INDEX files_by_thumbnail ON files (thumbnail);
CREATE TABLE attachments (
    file TEXT NOT NULL REFERENCES files (id),
    chat INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (file, chat, sequence)
) STRICT, WITHOUT ROWID;
CREATE INDEX attachments_of_line ON attachments (chat, sequence);

CREATE TABLE scheduled (
    id INTEGER PRIMARY KEY,
    chat INTEGER NOT NULL REFERENCES chats (id),
    author INTEGER NOT NULL REFERENCES accounts (id),
    key TEXT NOT NULL,
    message TEXT NOT NULL,
    send_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX scheduled_by_key ON scheduled (chat, author, key);
CREATE INDEX scheduled_by_time ON scheduled (send_at);
