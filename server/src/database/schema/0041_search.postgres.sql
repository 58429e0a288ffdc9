-- Full-text search over lines: the terms are made by the server (chat/terms.rs), the index only keeps them.

CREATE TABLE search (number BIGINT PRIMARY KEY, terms TSVECTOR NOT NULL);
CREATE INDEX search_terms ON search USING gin (terms);
-- Lines up to this number are in the index.
CREATE TABLE search_progress (one BIGINT PRIMARY KEY CHECK (one = 1), number BIGINT NOT NULL);
INSERT INTO search_progress (one, number) VALUES (1, 0);
