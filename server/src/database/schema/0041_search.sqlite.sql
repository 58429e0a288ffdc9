-- Full-text search over lines: the terms are made by the server (chat/terms.rs), the index only keeps them.

CREATE VIRTUAL TABLE search USING fts5 (terms, content='', contentless_delete=1, detail=none, tokenize='ascii');
-- Lines up to this number are in the index.
CREATE TABLE search_progress (one INTEGER PRIMARY KEY CHECK (one = 1), number INTEGER NOT NULL) STRICT;
INSERT INTO search_progress (one, number) VALUES (1, 0);
