-- One name, however it is capitalised, for both engines: PostgreSQL knows no NOCASE.

CREATE UNIQUE INDEX accounts_by_name ON accounts (lower(name));
