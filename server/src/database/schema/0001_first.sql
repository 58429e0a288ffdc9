-- Accounts and their sessions, direct chats and their messages.

CREATE TABLE accounts (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    password TEXT NOT NULL,
    publisher INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    removed_at INTEGER
) STRICT;
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    token BLOB NOT NULL UNIQUE,
    account INTEGER NOT NULL REFERENCES accounts (id),
    device TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_of_account ON sessions (account, created_at);
CREATE TABLE chats (
    id INTEGER PRIMARY KEY,
    pair TEXT UNIQUE,
    created_at INTEGER NOT NULL
) STRICT;
CREATE TABLE members (
    chat INTEGER NOT NULL REFERENCES chats (id),
    account INTEGER NOT NULL REFERENCES accounts (id),
    PRIMARY KEY (chat, account)
) STRICT, WITHOUT ROWID;
CREATE INDEX chats_of_account ON members (account);
CREATE TABLE messages (
    chat INTEGER NOT NULL REFERENCES chats (id),
    sequence INTEGER NOT NULL,
    author INTEGER NOT NULL REFERENCES accounts (id),
    key TEXT NOT NULL,
    text TEXT NOT NULL,
    notice TEXT,
    at INTEGER NOT NULL,
    PRIMARY KEY (chat, sequence)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX messages_by_key ON messages (chat, author, key);
