-- pagekeeper: the whole database. A new archive is this file; an older one is brought here step by step (src/db/upgrade.rs).
--
-- Questions of the data model that cannot be answered later, answered here:
--
-- * What is the truth? `ledger` with `entries` and `versions`: the ordered log, and what each of its lines says. `captures`
--   and `bodies` hold what was read from the platforms. Everything under "Views" can be thrown away and computed again.
-- * What is an item? A platform and a native id, once, whatever page it was seen under. A row with `kind` NULL is an item
--   known only because another one names it as its parent or root; it is listed nowhere.
-- * What is a version? One row for each change of content or state, numbered by its ledger entry. A version repeats the
--   whole content, also when only the state changed, so that each can be read and disposed of by itself.
-- * How is a leaf free of personal data? It holds seq, time, kind and a salted commitment (src/seal.rs). The salt lies beside
--   the content; whoever clears both leaves a leaf that says nothing, and every other proof stays valid.
-- * How can one item of a page be destroyed and its neighbors kept? A version names the byte range of its own JSON in its
--   capture (`raw_start`, `raw_len`) and commits to a salted hash of those bytes. The range can be blanked alone.
-- * What changes without a ledger entry? Only what is marked *cache* below: last sightings, platform counts, due times.
--
-- Times are milliseconds since 1970 in UTC. JSON is UTF-8 text. Digests are SHA-256 as 32 bytes.

-- The archive itself: one row, written by `init`. `origin` names the log in every checkpoint and never changes.
CREATE TABLE archive (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    origin     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    went_live_at INTEGER          -- cache of the `config` entry by which an administrator went live; NULL: previews only
) STRICT;

-- The append-only log. `seq` has no holes: it is max(seq) + 1 inside the writing transaction. `leaf_hash` is the RFC 6962
-- hash of the line `pagekeeper/leaf/v1 seq at kind base64(commitment)`; 256 rows of it are a level-0 tile.
--
-- Kinds, with the fields they commit to beside `subject` and `actor` (fields are only ever added):
--   archive          origin, version of the program
--   account          every register column that is filled, `change` (added, changed, retired, confirmed), reason, kept (the receipt of a retired
--                    page); or `change` retiring, reason (a person wants it retired after a last harvest), or stays (no more)
--   config           what, and its new value (went_live, …)
--   harvest          account, mode, outcome, cause, counts, from, to
--   coverage         account, stream, kind, from, to, cause (a watched interval opened or closed, a gap)
--   version          see `versions`
--   media            item, medium, sha256, size, mime
--   same             item, alias: one item under another id
--   sighting         item, account: one item under another page
--   input            kind, digest, text: packs, district facts and the like that flags depend on; of the roster counts and
--                    digests alone
--   import           file, digest, lines, kept, skipped
--   alert            flags, class: flags of an account that people are to be told of by mail, stored before anything is sent
--   exposure         item: a person opened a flagged item
--   acknowledgement  flag: a person stopped her own repeats
--   review           flag, outcome, reason, note, packs (the digest of the packs in force)
--   suppression      rule, phrase, reason, expires_at; or ended (the entry that began it), reason
--   sample           week, versions: drawn for a look; or version, outcome, category, note: what a person saw
--   finding          check, clause, change (opened, fixed, withdrawn), what, evidence (numbers of the entries it rests on), turn
--   ticket           check, change (opened, mailed, answered, accepted, reopened), owner, answer, reason, until
--   attestation      topic, answer, words, said_by, expires_on, evidence (the file's digest), evidence_name
--   moderation       item, act, person, clause, reason, happened_on: as a person entered it
--   access           what (moderation record), from, to (days), rows, stayed: a person had it made; what was made is not kept
--   report           week, from_seq, to_seq, digest: a weekly report
--   user             change (added, changed, disabled, enabled, password, link, signed_out), and on added and changed display_name, roles, schools,
--                    concerns, origin (local, or the identity provider)
--   restore          reason, size, published_size, published_root: a person accepts a database older than a published checkpoint
CREATE TABLE ledger (
    seq        INTEGER PRIMARY KEY,
    at         INTEGER NOT NULL,
    kind       TEXT NOT NULL,
    subject    TEXT,
    actor      TEXT,
    commitment BLOB NOT NULL CHECK (length(commitment) = 32),
    leaf_hash  BLOB NOT NULL CHECK (length(leaf_hash) = 32)
) STRICT;

CREATE TRIGGER ledger_is_append_only BEFORE UPDATE ON ledger BEGIN SELECT RAISE(ABORT, 'a ledger entry never changes'); END;
CREATE TRIGGER ledger_is_never_cut BEFORE DELETE ON ledger BEGIN SELECT RAISE(ABORT, 'a ledger entry is never removed'); END;
CREATE TRIGGER ledger_has_no_holes BEFORE INSERT ON ledger
WHEN new.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM ledger)
BEGIN SELECT RAISE(ABORT, 'ledger entries follow one another without a hole'); END;

CREATE INDEX ledger_accounts ON ledger (subject, seq) WHERE kind = 'account';

-- What an entry of any kind but `version` says: its salt and its fields as one JSON object of strings.
CREATE TABLE entries (
    seq    INTEGER PRIMARY KEY REFERENCES ledger,
    salt   BLOB NOT NULL CHECK (length(salt) = 32),
    fields TEXT NOT NULL
) STRICT;

CREATE TRIGGER entries_never_change BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'a ledger entry never changes'); END;
CREATE TRIGGER entries_are_kept BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'a ledger entry is never removed'); END;

-- The Merkle tree above the leaves: the hash of each complete subtree of 256^level leaves. Written with the entry that
-- completes it. 256 rows of a level are a tile of the level above; the right edge is computed when a root is wanted.
CREATE TABLE tree (
    level INTEGER NOT NULL CHECK (level >= 1),
    idx   INTEGER NOT NULL,
    hash  BLOB NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (level, idx)
) STRICT, WITHOUT ROWID;

-- Signed tree heads, as published to the checkpoint folder. `note` is the whole C2SP signed note.
CREATE TABLE checkpoints (
    size INTEGER PRIMARY KEY,
    at   INTEGER NOT NULL,
    root BLOB NOT NULL,
    note TEXT NOT NULL
) STRICT;

-- The register: official pages. `native_id` never changes once known; `handle` may. `extra` keeps the columns of an imported
-- file that we do not know. `platform` is free text: a row of a platform without a connector is kept and counted as not kept.
CREATE TABLE accounts (
    id          INTEGER PRIMARY KEY,
    slug        TEXT NOT NULL UNIQUE,
    platform    TEXT NOT NULL,
    native_id   TEXT,
    handle      TEXT NOT NULL DEFAULT '',
    name        TEXT NOT NULL DEFAULT '',
    school      TEXT NOT NULL DEFAULT '',
    groups      TEXT NOT NULL DEFAULT '',
    purpose     TEXT NOT NULL DEFAULT '',
    owner_name  TEXT NOT NULL DEFAULT '',
    owner_email TEXT NOT NULL DEFAULT '',
    supervisor  TEXT NOT NULL DEFAULT '',
    status      TEXT NOT NULL CHECK (status IN ('proposed', 'active', 'retired')),
    supervisor_notified_on TEXT NOT NULL DEFAULT '',
    it_notified_on         TEXT NOT NULL DEFAULT '',
    comment_policy_url     TEXT NOT NULL DEFAULT '',
    extra       TEXT NOT NULL DEFAULT '{}',
    added_at    INTEGER NOT NULL,
    -- cache of the last harvest: since when and why the account is not being kept, and until when the platform wants rest
    trouble       TEXT,
    trouble_since INTEGER,
    parked_until  INTEGER
) STRICT;
CREATE UNIQUE INDEX accounts_by_native_id ON accounts (platform, native_id) WHERE native_id IS NOT NULL;

-- Who is harvesting an account right now. `started` tells a process apart from a later one with the same number: a claim
-- whose process is gone is void.
CREATE TABLE claims (
    account_id INTEGER PRIMARY KEY REFERENCES accounts,
    pid        INTEGER NOT NULL,
    started    INTEGER NOT NULL,
    at         INTEGER NOT NULL
) STRICT;

-- One run over one account. `outcome`: running, complete, partial (some of it could not be read), failed (nothing could).
-- A row that says running and has no claim is a run that died; the next one marks it `died`.
CREATE TABLE harvests (
    id         INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL REFERENCES accounts,
    mode       TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at   INTEGER,
    outcome    TEXT NOT NULL DEFAULT 'running',
    cause      TEXT,
    units      INTEGER NOT NULL DEFAULT 0,   -- metered exchanges made, counted as the platform counts
    counts     TEXT NOT NULL DEFAULT '{}'    -- {"new":…,"edited":…,"hidden":…,"missing":…,"gone":…,"restored":…,"pages":…}
) STRICT;
CREATE INDEX harvests_by_account ON harvests (account_id, id);

-- One HTTP exchange, or one imported line (`origin` import). Secrets were removed before hashing. Every exchange leaves a row, and so
-- does every attempt of a call that is sent again. `status` 0: no answer came. `size` 0: there were no bytes, or the answer broke off
-- (a secret that breaks off with it would not be found in it); a problem says which.
CREATE TABLE captures (
    id         INTEGER PRIMARY KEY,
    harvest_id INTEGER REFERENCES harvests,
    at         INTEGER NOT NULL,
    origin     TEXT NOT NULL CHECK (origin IN ('harvest', 'import')),
    method     TEXT NOT NULL,
    target     TEXT NOT NULL,
    status     INTEGER NOT NULL,
    headers    TEXT NOT NULL,
    redactions TEXT NOT NULL DEFAULT '[]',
    size       INTEGER NOT NULL,
    digest     BLOB NOT NULL CHECK (length(digest) = 32)
) STRICT;
CREATE INDEX captures_by_harvest ON captures (harvest_id);

CREATE TRIGGER captures_never_change BEFORE UPDATE ON captures BEGIN SELECT RAISE(ABORT, 'a capture never changes'); END;
CREATE TRIGGER captures_are_kept BEFORE DELETE ON captures BEGIN SELECT RAISE(ABORT, 'a capture is never removed'); END;

-- The bytes of a capture, zstd. Kept for good once something cites them (a version, an absence, a problem, a gap); those that
-- nothing cites are swept when their harvest has ended.
CREATE TABLE bodies (
    capture_id INTEGER PRIMARY KEY REFERENCES captures,
    cited      INTEGER NOT NULL CHECK (cited IN (0, 1)),
    body       BLOB NOT NULL
) STRICT;
CREATE INDEX bodies_not_cited ON bodies (capture_id) WHERE cited = 0;

CREATE TRIGGER bodies_never_change BEFORE UPDATE ON bodies
WHEN new.body IS NOT old.body OR new.capture_id <> old.capture_id OR new.cited < old.cited
BEGIN SELECT RAISE(ABORT, 'a capture never changes'); END;
CREATE TRIGGER bodies_are_kept BEFORE DELETE ON bodies WHEN old.cited = 1
BEGIN SELECT RAISE(ABORT, 'a cited capture is never removed'); END;

-- What could not be read as expected in an exchange.
CREATE TABLE problems (
    id         INTEGER PRIMARY KEY,
    capture_id INTEGER NOT NULL REFERENCES captures,
    account_id INTEGER REFERENCES accounts,
    at         INTEGER NOT NULL,
    place      TEXT NOT NULL,
    what       TEXT NOT NULL
) STRICT;

-- The identity of a post, comment, reply, story, video or profile. `account_id` is the registered account that wrote it, else
-- the one on whose page its root stands. Kind, place in the thread, role, creation and URL are those of the first sighting and
-- never change: the version entries commit to them. The rest is a cache of the versions and of the last sighting.
CREATE TABLE items (
    id         INTEGER PRIMARY KEY,
    platform   TEXT NOT NULL,
    native_id  TEXT NOT NULL,
    kind       TEXT,                      -- NULL: known only by reference
    account_id INTEGER REFERENCES accounts,
    page_id    INTEGER REFERENCES accounts, -- under whose walk it was first seen: only that walk can find it missing
    parent_id  INTEGER REFERENCES items,
    root_id    INTEGER REFERENCES items,  -- itself for a post
    role       TEXT,
    created_at INTEGER,
    url        TEXT,
    state      TEXT,                      -- cache: of the newest version
    first_seq  INTEGER,                   -- cache: of the first version
    last_seq   INTEGER,                   -- cache: of the newest version
    first_seen_at INTEGER,
    last_seen_at  INTEGER,                -- cache
    seen_in    INTEGER,                   -- cache: the harvest that saw it last
    checked_in INTEGER,                   -- cache: the harvest that made it missing
    counts     TEXT,                      -- cache: what the platform counts
    due_at     INTEGER                    -- cache, roots only: when the thread is to be looked at again
) STRICT;
CREATE UNIQUE INDEX items_by_native_id ON items (native_id, platform);
CREATE INDEX items_by_root ON items (root_id) WHERE root_id IS NOT NULL;
CREATE INDEX items_posts ON items (page_id, created_at) WHERE kind IN ('post', 'story', 'video');
CREATE INDEX items_due ON items (page_id, due_at) WHERE due_at IS NOT NULL;
CREATE TRIGGER items_keep_their_identity BEFORE UPDATE ON items
WHEN new.platform <> old.platform OR new.native_id <> old.native_id OR (old.kind IS NOT NULL AND (new.kind IS NOT old.kind
  OR new.parent_id IS NOT old.parent_id OR new.root_id IS NOT old.root_id OR new.role IS NOT old.role
  OR new.created_at IS NOT old.created_at OR new.url IS NOT old.url))
BEGIN SELECT RAISE(ABORT, 'the identity of an item never changes'); END;
CREATE TRIGGER items_are_kept BEFORE DELETE ON items BEGIN SELECT RAISE(ABORT, 'an item is never removed'); END;
CREATE INDEX items_missing ON items (page_id) WHERE state = 'missing';
CREATE INDEX items_profiles ON items (last_seq) WHERE kind = 'profile';

-- The other ids an item was seen under.
CREATE TABLE aliases (
    platform  TEXT NOT NULL,
    native_id TEXT NOT NULL,
    item_id   INTEGER NOT NULL REFERENCES items,
    seq       INTEGER NOT NULL REFERENCES ledger,
    PRIMARY KEY (platform, native_id)
) STRICT, WITHOUT ROWID;

-- The other accounts under which an item was seen.
CREATE TABLE sightings (
    item_id    INTEGER NOT NULL REFERENCES items,
    account_id INTEGER NOT NULL REFERENCES accounts,
    seq        INTEGER NOT NULL REFERENCES ledger,
    PRIMARY KEY (item_id, account_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX sightings_by_seq ON sightings (seq);

-- What an item was as of a capture. `seq` is its ledger entry. The entry commits to: item, kind, change, state, cause,
-- observed_at, created_at, parent, root, author_id, author_name, author_handle, role, url, text, more, content (the digest),
-- raw (the item's own JSON as received), capture (its digest), evidence (digests of the captures that show an absence), seen_before.
-- `more` is the rest of the content as JSON: {"parts":[…],"links":[…],"media":[{native_id, alt, mime}]}; NULL when empty.
CREATE TABLE versions (
    seq         INTEGER PRIMARY KEY REFERENCES ledger,
    item_id     INTEGER NOT NULL REFERENCES items,
    capture_id  INTEGER NOT NULL REFERENCES captures,
    raw_start   INTEGER NOT NULL,
    raw_len     INTEGER NOT NULL,
    change      TEXT NOT NULL,
    state       TEXT NOT NULL,
    cause       TEXT,
    observed_at INTEGER NOT NULL,
    author_id   TEXT,
    author_name TEXT,
    author_handle TEXT,
    text        TEXT,
    more        TEXT,
    content     BLOB NOT NULL CHECK (length(content) = 32),
    evidence    TEXT,                     -- JSON list of capture ids, for an absence
    salt        BLOB
) STRICT;
CREATE INDEX versions_by_item ON versions (item_id);
CREATE INDEX versions_not_shown ON versions (item_id) WHERE state <> 'visible';

CREATE TRIGGER versions_never_change BEFORE UPDATE ON versions BEGIN SELECT RAISE(ABORT, 'a version never changes'); END;
CREATE TRIGGER versions_are_kept BEFORE DELETE ON versions BEGIN SELECT RAISE(ABORT, 'a version is never removed'); END;

-- When the item of a version was last seen before it, by a harvest of ours: what stood between is known to this moment and no longer. A
-- first version and an imported one have no row. The version's entry commits to it as `seen_before`.
CREATE TABLE seen_before (
    seq INTEGER PRIMARY KEY REFERENCES versions,
    at  INTEGER NOT NULL
) STRICT;

CREATE TRIGGER seen_before_never_changes BEFORE UPDATE ON seen_before BEGIN SELECT RAISE(ABORT, 'a version never changes'); END;
CREATE TRIGGER seen_before_is_kept BEFORE DELETE ON seen_before BEGIN SELECT RAISE(ABORT, 'a version is never removed'); END;

-- The media of items: wanted when the page was committed, kept once the bytes lie in `media/` under their digest. `url` is the
-- platform's signed link and is forgotten when the bytes are had or the link has died.
CREATE TABLE media (
    item_id    INTEGER NOT NULL REFERENCES items,
    native_id  TEXT NOT NULL,
    version_seq INTEGER NOT NULL REFERENCES versions,
    state      TEXT NOT NULL CHECK (state IN ('wanted', 'kept', 'lost', 'not_fetched')),
    url        TEXT,
    expires_at INTEGER,
    mime       TEXT,
    sha256     BLOB,
    size       INTEGER,
    tries      INTEGER NOT NULL DEFAULT 0,
    next_try_at INTEGER,
    cause      TEXT,
    seq        INTEGER REFERENCES ledger,
    PRIMARY KEY (item_id, native_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX media_wanted ON media (expires_at) WHERE state = 'wanted';

-- What was watched and what was not. `watched`: looked at again and again, `longest` is the longest time between two looks.
-- `backfilled`: what still stood at `as_of`. `gap`: with its cause; `gap_kind` missing (we could not look), not_watched (caught
-- up later, but what came and went in between is not held), shortfall (the platform counts more than it gives). The newest
-- watched interval of a stream grows (cache); its opening and its closing are `coverage` entries.
CREATE TABLE coverage (
    id         INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL REFERENCES accounts,
    stream     TEXT NOT NULL,
    kind       TEXT NOT NULL CHECK (kind IN ('watched', 'backfilled', 'gap')),
    from_at    INTEGER,
    to_at      INTEGER,
    longest    INTEGER,
    as_of      INTEGER,
    gap_kind   TEXT,
    cause      TEXT,
    item_id    INTEGER REFERENCES items,
    opened_seq INTEGER REFERENCES ledger,
    closed_at  INTEGER                    -- a gap that was mended: the platform's count agrees again, the account is read again
) STRICT;
CREATE INDEX coverage_by_account ON coverage (account_id, stream, kind);
CREATE INDEX coverage_by_item ON coverage (item_id) WHERE item_id IS NOT NULL;

-- Where a backfill may go on: every post younger than `at` has been walked with its comments. Never a platform's paging token.
CREATE TABLE positions (
    account_id INTEGER PRIMARY KEY REFERENCES accounts,
    at         INTEGER,
    finished_at INTEGER
) STRICT;

-- What derived views depend on beside items. The newest good row of a kind is in force, whatever lies on the disk.
CREATE TABLE inputs (
    seq    INTEGER PRIMARY KEY REFERENCES ledger,
    kind   TEXT NOT NULL,
    digest BLOB NOT NULL,
    text   TEXT NOT NULL,
    at     INTEGER NOT NULL
) STRICT;
CREATE INDEX inputs_by_kind ON inputs (kind, seq);

-- The names of students that a post may be checked against, as HMAC-SHA-256 under a key that lies outside of database and
-- backups (`[rules] roster_key_file`): one row for each way a name is written, never the name. `released`: a release form is on
-- file. Replaced as a whole by an import, emptied by `roster forget`; what is in force is on record as the input `roster`.
CREATE TABLE roster (
    hash     BLOB PRIMARY KEY CHECK (length(hash) = 32),
    released INTEGER NOT NULL CHECK (released IN (0, 1))
) STRICT, WITHOUT ROWID;

-- A person's outcome on a flag key (item, content digest, rule). Append-only: undo and reopen are further rows.
CREATE TABLE reviews (
    seq     INTEGER PRIMARY KEY REFERENCES ledger,
    flag    BLOB NOT NULL CHECK (length(flag) = 8),
    item_id INTEGER NOT NULL REFERENCES items,
    content BLOB NOT NULL,
    rule    TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason  TEXT NOT NULL,
    note    TEXT NOT NULL DEFAULT '',
    actor   TEXT NOT NULL,
    at      INTEGER NOT NULL
) STRICT;
CREATE INDEX reviews_by_flag ON reviews (flag, seq);

CREATE TRIGGER reviews_never_change BEFORE UPDATE ON reviews BEGIN SELECT RAISE(ABORT, 'a review never changes'); END;
CREATE TRIGGER reviews_are_kept BEFORE DELETE ON reviews BEGIN SELECT RAISE(ABORT, 'a review is never removed'); END;

-- A phrase that a person called harmless for one rule: flags of that rule whose matched words all lie in it are not queued until
-- it expires or somebody ends it. `ended_at` is a cache: of the entry that ended it, or of its expiry once that has passed.
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

-- Items without a flag that were drawn for a person to look at, so that misses are seen. `outcome`: NULL (waits), fine, missed.
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

-- Who opened which flagged item (kind exposure) and who stopped her repeats of an urgent mail (kind acknowledgement).
CREATE TABLE openings (
    seq     INTEGER PRIMARY KEY REFERENCES ledger,
    kind    TEXT NOT NULL CHECK (kind IN ('exposure', 'acknowledgement')),
    item_id INTEGER NOT NULL REFERENCES items,
    flag    BLOB,
    actor   TEXT NOT NULL,
    at      INTEGER NOT NULL
) STRICT;
CREATE INDEX openings_by_item ON openings (item_id);

-- Urgent mail: one row a flag key, stored before anything is sent; a rebuild of the flags finds it there and sends nothing.
-- `class`: urgent (at once), morning (in the next morning's mail), past (counted in one summary mail a run, never sent alone).
CREATE TABLE alerts (
    flag       BLOB PRIMARY KEY CHECK (length(flag) = 8),
    item_id    INTEGER NOT NULL REFERENCES items,
    account_id INTEGER NOT NULL REFERENCES accounts,
    category   TEXT NOT NULL,
    severity   TEXT NOT NULL,
    class      TEXT NOT NULL CHECK (class IN ('urgent', 'morning', 'past')),
    stored_at  INTEGER NOT NULL,
    sends      INTEGER NOT NULL DEFAULT 0,
    last_sent_at INTEGER,
    escalated_at INTEGER,
    seq        INTEGER NOT NULL REFERENCES ledger
) STRICT;
CREATE INDEX alerts_open ON alerts (class, last_sent_at);
CREATE INDEX alerts_unsent ON alerts (class, seq, stored_at) WHERE sends = 0;

-- Every mail, stored before it is sent, with a Message-ID that stays the same: a crash may send it twice, never not at all.
-- Who is about to try a mail moves `next_try_at` first, so that two processes do not send it at once. `away_since`: when a try
-- first found nobody to take it; the mail waits.
CREATE TABLE mails (
    id         INTEGER PRIMARY KEY,
    kind       TEXT NOT NULL,
    message_id TEXT NOT NULL UNIQUE,
    recipient  TEXT NOT NULL,
    subject    TEXT NOT NULL,
    text       TEXT NOT NULL,
    html       TEXT NOT NULL,
    important  INTEGER NOT NULL,
    stored_at  INTEGER NOT NULL,
    sent_at    INTEGER,
    tries      INTEGER NOT NULL DEFAULT 0,
    next_try_at INTEGER NOT NULL,
    answer     TEXT,
    away_since INTEGER,
    refused_at INTEGER                    -- the server said no for good
) STRICT;
CREATE INDEX mails_waiting ON mails (next_try_at) WHERE sent_at IS NULL AND refused_at IS NULL;
CREATE INDEX mails_urgent ON mails (stored_at) WHERE kind = 'urgent';
CREATE INDEX mails_refused ON mails (refused_at) WHERE refused_at IS NOT NULL;

-- Which flags a mail told its recipient of: what grouping, repeats and the hourly limit are counted from.
CREATE TABLE mailed (
    flag    BLOB NOT NULL REFERENCES alerts,
    mail_id INTEGER NOT NULL REFERENCES mails,
    PRIMARY KEY (flag, mail_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX mailed_by_mail ON mailed (mail_id);

-- Each weekly report as it was sent: the ledger entries (from_seq, to_seq] it covers, and its lists, so that its numbers open
-- exactly what they counted.
CREATE TABLE reports (
    id       INTEGER PRIMARY KEY,
    week     TEXT NOT NULL,
    from_seq INTEGER NOT NULL,
    to_seq   INTEGER NOT NULL,
    made_at  INTEGER NOT NULL,
    subject  TEXT NOT NULL,
    text     TEXT NOT NULL,
    html     TEXT NOT NULL,
    lists    TEXT NOT NULL,
    seq      INTEGER NOT NULL REFERENCES ledger
) STRICT;
CREATE UNIQUE INDEX reports_by_range ON reports (from_seq, to_seq);

-- What a person says of an account that no API gives. `topic` never changes its meaning: two_factor, blocked_words, recovery_email,
-- password_holder, malware, leavers, acceptable_use, looked_at (of a page that nothing but a person can read). The newest row of a topic is in
-- force until `expires_on` (a day as in 2027-06-30). The evidence file lies among the media under its digest.
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

-- Moderation that a person entered. What a platform shows (hidden and gone items, its list of blocked people) stands in the versions of those
-- items and of the page's profile, and nowhere twice. `act`: hidden, removed, shown, blocked, unblocked. `person` is whom a block is about, as
-- the page shows the name. `clause` is empty when none was named. `happened_on` is the day it was done on, as the person says: 2026-11-17.
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

-- What a credential was seen to give when it was last probed: cache, JSON without secrets. `account_id` 0: one for the whole platform.
CREATE TABLE credentials (
    platform   TEXT NOT NULL,
    account_id INTEGER NOT NULL,
    probed_at  INTEGER NOT NULL,
    facts      TEXT NOT NULL,
    PRIMARY KEY (platform, account_id)
) STRICT, WITHOUT ROWID;

-- Who signs in. `name` is what she signs in with and what the record calls her by; it is never given to anybody else, so a user is disabled and not
-- removed. `roles` and `schools` are JSON lists; no school means the whole district. `concerns`: a reviewer who is named for them. A local user has a
-- `password` (argon2id, a PHC string) and `totp` (the secret of her second factor, sealed by a key that lies outside of database and backups:
-- ChaCha20-Poly1305, nonce first, bound to her name), one from an identity provider `issuer` and `oidc_subject`. `totp_step`: the last half minute whose
-- code was taken; none is taken twice. Nothing of a password or a second factor is in the ledger.
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

-- Codes that stand in for a lost second factor, as digests; each is removed when it is used.
CREATE TABLE recovery_codes (
    digest  BLOB PRIMARY KEY CHECK (length(digest) = 32),
    user_id INTEGER NOT NULL REFERENCES users
) STRICT, WITHOUT ROWID;
CREATE INDEX recovery_codes_by_user ON recovery_codes (user_id);

-- One-time links by which a person sets her password and second factor, as digests: the newest of a user is the only one.
CREATE TABLE sign_up_links (
    digest     BLOB PRIMARY KEY CHECK (length(digest) = 32),
    user_id    INTEGER NOT NULL UNIQUE REFERENCES users,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Who is signed in: the digest of the cookie. `used_at` is written once a minute at most. What ended is removed.
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

-- Browsers in which a user has signed in, by the digest of a cookie of their own: strangers who try her name do not make these wait.
CREATE TABLE browsers (
    digest  BLOB PRIMARY KEY CHECK (length(digest) = 32),
    user_id INTEGER NOT NULL REFERENCES users,
    used_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX browsers_by_user ON browsers (user_id, used_at);

-- Sign-ins that failed, by user, address or browser, and until when the next one waits. Forgotten after a day.
CREATE TABLE sign_in_failures (
    key     TEXT PRIMARY KEY,
    count   INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    next_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sign_in_failures_by_age ON sign_in_failures (last_at);

-- Every run of a job that was due, once for each time it was due.
CREATE TABLE jobs (
    name         TEXT NOT NULL,
    scheduled_at INTEGER NOT NULL,
    started_at   INTEGER NOT NULL,
    ended_at     INTEGER,
    outcome      TEXT,                    -- done, failed, interrupted
    error        TEXT,
    PRIMARY KEY (name, scheduled_at)
) STRICT, WITHOUT ROWID;

-- Views -------------------------------------------------------------------------------------------------------------------

-- How far each view has followed the ledger, for which inputs and by which code. Another `inputs` or `code` means: compute anew.
CREATE TABLE watermarks (
    view   TEXT PRIMARY KEY,
    seq    INTEGER NOT NULL,
    inputs BLOB NOT NULL,
    code   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Rule R matches content C of item I. `flag` is the first 8 bytes of SHA-256 over the key. `spans` is JSON: [[part, start, end]…]
-- in bytes; part 0 is the text. `past`: turned up by a backfill, an import or a changed pack.
CREATE TABLE flags (
    flag       BLOB PRIMARY KEY CHECK (length(flag) = 8),
    item_id    INTEGER NOT NULL REFERENCES items,
    content    BLOB NOT NULL,
    version_seq INTEGER NOT NULL,
    rule       TEXT NOT NULL,
    category   TEXT NOT NULL,
    severity   TEXT NOT NULL,
    clause     TEXT NOT NULL DEFAULT '',
    spans      TEXT NOT NULL,
    modifiers  TEXT NOT NULL DEFAULT '[]',
    shadow     INTEGER NOT NULL,
    past       INTEGER NOT NULL,
    first_flagged_at INTEGER NOT NULL
) STRICT;
CREATE INDEX flags_by_item ON flags (item_id);
CREATE INDEX flags_by_version ON flags (version_seq);
CREATE INDEX flags_by_category ON flags (category, shadow, clause, item_id, flag);

-- Which flags the phrases of suppressions cover, whether these are in force or not.
CREATE TABLE suppressed (
    flag        BLOB NOT NULL,
    suppression INTEGER NOT NULL REFERENCES suppressions,
    PRIMARY KEY (flag, suppression)
) STRICT, WITHOUT ROWID;

-- What changed packs (or other inputs) did to the flags: shown before the changed flags count, and kept. `rules` is JSON:
-- {"rule": [new, gone, changed]}.
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

-- Packs that changed on the disk and wait for a person's word: one row at most, replaced when they change again, gone when they are put in
-- force (an `input` entry with who did it). `digest` and `text` as in `inputs`. `against`: the inputs and the version they were compared
-- with. `found` is JSON: {"texts", "stayed", "new", "gone", "changed", "rules": {"rule": {"new", "gone", "changed", "examples"}}}.
CREATE TABLE offers (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    digest  BLOB NOT NULL CHECK (length(digest) = 32),
    text    TEXT NOT NULL,
    at      INTEGER NOT NULL,
    against BLOB NOT NULL CHECK (length(against) = 32),
    through INTEGER NOT NULL,
    found   TEXT NOT NULL
) STRICT;

-- Where an account falls short of a check of the audit. `since`: when it was first seen so; `seen_at`: when last. A check that lacks data
-- leaves the row as it is. Fixed when the check was seen to hold, withdrawn when it is not asked any more (the page was retired, the
-- district states no standard). `evidence` is JSON: the ledger entries it rests on. The row follows the facts; its `finding` entries stay.
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
CREATE INDEX findings_by_check ON findings (check_id, account_id);

-- The request to an owner to mend a finding: one a finding. `state` is of what people said; that a check holds again stands with the finding.
-- open, answered (`answer`: done, help, not_mine), accepted (left as it is until `accepted_until`, a day). `owner` is the address last written
-- to. Its `ticket` entries say who did what.
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

-- Every run of the audit: what a later one compares itself with. `through`: the newest ledger entry it knew.
CREATE TABLE audits (
    id      INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    through INTEGER NOT NULL,
    open    INTEGER NOT NULL
) STRICT;
