-- Version 1 to version 2. Every statement stands in schema.sql in the same words: the test compares what comes out.

CREATE TABLE roster (
    hash     BLOB PRIMARY KEY CHECK (length(hash) = 32),
    released INTEGER NOT NULL CHECK (released IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE TABLE suppressions (
    seq        INTEGER PRIMARY KEY REFERENCES ledger,
    rule       TEXT NOT NULL,
    phrase     TEXT NOT NULL,
    reason     TEXT NOT NULL,
    actor      TEXT NOT NULL,
    at         INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at   INTEGER
) STRICT;
CREATE INDEX suppressions_by_rule ON suppressions (rule) WHERE ended_at IS NULL;

CREATE TABLE samples (
    id         INTEGER PRIMARY KEY,
    seq        INTEGER NOT NULL REFERENCES ledger,
    week       TEXT NOT NULL,
    item_id    INTEGER NOT NULL REFERENCES items,
    version_seq INTEGER NOT NULL REFERENCES versions,
    outcome    TEXT CHECK (outcome IN ('fine', 'missed')),
    category   TEXT,
    note       TEXT NOT NULL DEFAULT '',
    actor      TEXT,
    looked_at  INTEGER,
    looked_seq INTEGER REFERENCES ledger
) STRICT;
CREATE UNIQUE INDEX samples_by_version ON samples (version_seq);
CREATE INDEX samples_waiting ON samples (seq) WHERE outcome IS NULL;

CREATE TABLE suppressed (
    flag        BLOB NOT NULL,
    suppression INTEGER NOT NULL REFERENCES suppressions,
    PRIMARY KEY (flag, suppression)
) STRICT, WITHOUT ROWID;

CREATE TABLE replays (
    id      INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    through INTEGER NOT NULL,
    packs   TEXT NOT NULL,
    stayed  INTEGER NOT NULL,
    fresh   INTEGER NOT NULL,
    gone    INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    rules   TEXT NOT NULL
) STRICT;
