-- What a request did to a row that it may not find again on its second try: it deleted the row, or moved the name that
-- the row was looked up by. Written in the same transaction as the change, kept for a while.
CREATE TABLE ledger (
    request uuid PRIMARY KEY,
    row uuid NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX ledger_at ON ledger (at);
