-- What /v1 asks of the database. Words of a name, and pieces of it, are found by their groups of three letters; the
-- extension is one that a database's owner may add.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- Pages in the order of a column: with the key behind it, so that a page goes on where the last one ended.
CREATE INDEX passengers_name ON passengers (name, uuid);
CREATE INDEX passengers_age ON passengers (age, uuid);
CREATE INDEX passengers_fare ON passengers (fare, uuid);
CREATE INDEX passengers_name_words ON passengers USING gin (name gin_trgm_ops);

CREATE INDEX employees_name ON employees (name, id);
CREATE INDEX employees_age ON employees (age, id);
CREATE INDEX employees_created_at ON employees (created_at, id);
CREATE INDEX employees_name_words ON employees USING gin (name gin_trgm_ops);

-- A note may be a client's, by its Idempotency-Key; then it is kept for longer, and says what was asked and answered.
ALTER TABLE ledger
    ADD COLUMN fingerprint uuid, -- of what the client sent with its key; NULL: a note of the service's own
    ADD COLUMN written_by uuid, -- the request that did it: another one with the same key is told what it did
    ADD COLUMN answer jsonb; -- the rows as they were then

-- What is forgotten after an hour, and what after a day: neither is looked for among the other.
DROP INDEX ledger_at;
CREATE INDEX ledger_own ON ledger (at) WHERE fingerprint IS NULL;
CREATE INDEX ledger_clients ON ledger (at) WHERE fingerprint IS NOT NULL;
