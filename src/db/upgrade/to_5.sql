-- Version 4 to version 5. Every statement stands in schema.sql in the same words: the test compares what comes out.

CREATE TABLE users (
    id           INTEGER PRIMARY KEY,
    name         TEXT NOT NULL UNIQUE,
    display_name TEXT NOT NULL,
    roles        TEXT NOT NULL,
    schools      TEXT NOT NULL DEFAULT '[]',
    concerns     INTEGER NOT NULL DEFAULT 0 CHECK (concerns IN (0, 1)),
    issuer       TEXT,
    oidc_subject TEXT,
    password     TEXT,
    totp         BLOB,
    totp_step    INTEGER NOT NULL DEFAULT 0,
    disabled_at  INTEGER,
    added_at     INTEGER NOT NULL,
    seq          INTEGER NOT NULL REFERENCES ledger
) STRICT;
CREATE UNIQUE INDEX users_by_subject ON users (issuer, oidc_subject) WHERE oidc_subject IS NOT NULL;

CREATE TABLE recovery_codes (
    digest  BLOB PRIMARY KEY CHECK (length(digest) = 32),
    user_id INTEGER NOT NULL REFERENCES users
) STRICT, WITHOUT ROWID;
CREATE INDEX recovery_codes_by_user ON recovery_codes (user_id);

CREATE TABLE sign_up_links (
    digest     BLOB PRIMARY KEY CHECK (length(digest) = 32),
    user_id    INTEGER NOT NULL UNIQUE REFERENCES users,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    digest  BLOB PRIMARY KEY CHECK (length(digest) = 32),
    user_id INTEGER NOT NULL REFERENCES users,
    made_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    address TEXT NOT NULL,
    agent   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (user_id, used_at);

CREATE TABLE browsers (
    digest  BLOB PRIMARY KEY CHECK (length(digest) = 32),
    user_id INTEGER NOT NULL REFERENCES users,
    used_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX browsers_by_user ON browsers (user_id, used_at);

CREATE TABLE sign_in_failures (
    key     TEXT PRIMARY KEY,
    count   INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    next_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sign_in_failures_by_age ON sign_in_failures (last_at);
