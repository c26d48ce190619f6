-- Version 1 to version 2. Every statement stands in schema.sql in the same words: the test compares what comes out.

CREATE TABLE roster (
    hash     BLOB PRIMARY KEY CHECK (length(hash) = 32),
    released INTEGER NOT NULL CHECK (released IN (0, 1))
) STRICT, WITHOUT ROWID;
