-- Version 3 to version 4. Every statement stands in schema.sql in the same words: the test compares what comes out.

CREATE TABLE attestations (
    seq        INTEGER PRIMARY KEY REFERENCES ledger,
    account_id INTEGER NOT NULL REFERENCES accounts,
    topic      TEXT NOT NULL,
    answer     TEXT NOT NULL CHECK (answer IN ('yes', 'no', 'unknown')),
    words      TEXT NOT NULL DEFAULT '',
    said_by    TEXT NOT NULL,
    actor      TEXT NOT NULL,
    at         INTEGER NOT NULL,
    expires_on TEXT NOT NULL,
    evidence   BLOB CHECK (length(evidence) = 32),
    evidence_name TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX attestations_by_topic ON attestations (account_id, topic, seq);

CREATE TRIGGER attestations_never_change BEFORE UPDATE ON attestations
BEGIN SELECT RAISE(ABORT, 'an attestation never changes'); END;
CREATE TRIGGER attestations_are_kept BEFORE DELETE ON attestations
BEGIN SELECT RAISE(ABORT, 'an attestation is never removed'); END;

CREATE TABLE moderation (
    seq        INTEGER PRIMARY KEY REFERENCES ledger,
    account_id INTEGER NOT NULL REFERENCES accounts,
    item_id    INTEGER REFERENCES items,
    act        TEXT NOT NULL CHECK (act IN ('hidden', 'removed', 'shown', 'blocked', 'unblocked')),
    person     TEXT NOT NULL DEFAULT '',
    clause     TEXT NOT NULL DEFAULT '',
    reason     TEXT NOT NULL,
    actor      TEXT NOT NULL,
    happened_on TEXT NOT NULL,
    at         INTEGER NOT NULL
) STRICT;
CREATE INDEX moderation_by_account ON moderation (account_id, seq);

CREATE TRIGGER moderation_never_changes BEFORE UPDATE ON moderation
BEGIN SELECT RAISE(ABORT, 'a moderation record never changes'); END;
CREATE TRIGGER moderation_is_kept BEFORE DELETE ON moderation
BEGIN SELECT RAISE(ABORT, 'a moderation record is never removed'); END;

CREATE TABLE credentials (
    platform   TEXT NOT NULL,
    account_id INTEGER NOT NULL,
    probed_at  INTEGER NOT NULL,
    facts      TEXT NOT NULL,
    PRIMARY KEY (platform, account_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE tickets (
    finding_id INTEGER PRIMARY KEY REFERENCES findings,
    owner      TEXT NOT NULL DEFAULT '',
    state      TEXT NOT NULL CHECK (state IN ('open', 'answered', 'accepted')),
    answer     TEXT CHECK (answer IN ('done', 'help', 'not_mine')),
    answered_at INTEGER,
    reason     TEXT NOT NULL DEFAULT '',
    accepted_by TEXT,
    accepted_until TEXT,
    mails      INTEGER NOT NULL DEFAULT 0,
    first_mailed_at INTEGER,
    last_mailed_at  INTEGER,
    seq        INTEGER NOT NULL REFERENCES ledger
) STRICT;

CREATE INDEX findings_by_check ON findings (check_id, account_id);

CREATE INDEX flags_by_category ON flags (category, shadow, clause, item_id, flag);

CREATE TABLE offers (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    digest  BLOB NOT NULL CHECK (length(digest) = 32),
    text    TEXT NOT NULL,
    at      INTEGER NOT NULL,
    against BLOB NOT NULL CHECK (length(against) = 32),
    through INTEGER NOT NULL,
    found   TEXT NOT NULL
) STRICT;

CREATE INDEX versions_not_shown ON versions (item_id) WHERE state <> 'visible';

CREATE TABLE seen_before (
    seq INTEGER PRIMARY KEY REFERENCES versions,
    at  INTEGER NOT NULL
) STRICT;

CREATE TRIGGER seen_before_never_changes BEFORE UPDATE ON seen_before BEGIN SELECT RAISE(ABORT, 'a version never changes'); END;
CREATE TRIGGER seen_before_is_kept BEFORE DELETE ON seen_before BEGIN SELECT RAISE(ABORT, 'a version is never removed'); END;
