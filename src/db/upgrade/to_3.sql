-- Version 2 to version 3. Every statement stands in schema.sql in the same words: the test compares what comes out.

CREATE INDEX ledger_accounts ON ledger (subject, seq) WHERE kind = 'account';
CREATE INDEX items_profiles ON items (last_seq) WHERE kind = 'profile';

CREATE TABLE findings (
    id         INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL REFERENCES accounts,
    check_id   TEXT NOT NULL,
    clause     TEXT NOT NULL,
    turn       TEXT NOT NULL CHECK (turn IN ('owner', 'it', 'principal')),
    what       TEXT NOT NULL,
    evidence   TEXT NOT NULL,
    since      INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    opened_seq INTEGER NOT NULL REFERENCES ledger,
    ended      TEXT CHECK (ended IN ('fixed', 'withdrawn')),
    ended_at   INTEGER,
    ended_seq  INTEGER REFERENCES ledger
) STRICT;
CREATE UNIQUE INDEX findings_open ON findings (account_id, check_id) WHERE ended IS NULL;

CREATE TABLE audits (
    id      INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    through INTEGER NOT NULL,
    open    INTEGER NOT NULL
) STRICT;
