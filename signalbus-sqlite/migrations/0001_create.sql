-- Times are microseconds since 1970 in UTC. Identifiers are the 16 bytes of a UUID.
--
-- States of a delivery:
--    0 ready       may be sent now
--    1 timed       waits for its `due`
--    2 sending     claimed
--    3 behind      waits for an earlier one of its order key
--    5 held        a pause holds it
--   10 dead       11 expired       12 suppressed   13 outcome_unknown   (may be redriven)
--   20 accepted   21 cancelled     22 not_needed
--
-- Order modes: 0 unordered, 1 start, 2 strict, 3 strict and blocking.
-- Classes: 0 urgent, 1 standard, 2 bulk.

CREATE TABLE signalbus_meta (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO signalbus_meta (name, value) VALUES ('next_event', 1), ('next_position', 1);

-- Leases, in microseconds of the monotonic clock of the process that holds the file. A lane is a
-- number of 16 bits within a space (a channel, or a topic on a bus), whose id stands above them.
CREATE TABLE signalbus_lane (
    lane   INTEGER PRIMARY KEY,
    epoch  INTEGER NOT NULL,
    worker BLOB,
    until  INTEGER NOT NULL
) STRICT;

-- Workers that want lanes, also while they hold none; and of which spaces, as JSON.
CREATE TABLE signalbus_worker (
    worker BLOB PRIMARY KEY,
    until  INTEGER NOT NULL,
    spaces TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What is held back, oldest first. An empty word narrows nothing; a pause of a provider holds no
-- delivery, and is kept for engines to read.
CREATE TABLE signalbus_pause (
    pause     INTEGER PRIMARY KEY,
    tenant    TEXT NOT NULL,
    topic     TEXT NOT NULL,
    channel   TEXT NOT NULL,
    provider  TEXT NOT NULL,
    actor     TEXT NOT NULL,
    reason    TEXT NOT NULL,
    since     INTEGER NOT NULL,
    UNIQUE (tenant, topic, channel, provider)
) STRICT;

-- What claims have taken, and until when it counts: `key` is the engine's own.
CREATE TABLE signalbus_counter (
    key    BLOB PRIMARY KEY,
    used   INTEGER NOT NULL,
    until  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX signalbus_counter_until ON signalbus_counter (until);

-- The deliveries of an event have the positions from `first_position` on. `file_bytes` is how large
-- its files are together; `parent` is the id of the event that it follows from;
-- `key` is the idempotency key, hashed, as people put addresses into them.
CREATE TABLE signalbus_event (
    event          INTEGER PRIMARY KEY,
    id             BLOB NOT NULL UNIQUE,
    tenant         TEXT NOT NULL,
    topic          TEXT NOT NULL,
    class          INTEGER NOT NULL,
    accepted_at    INTEGER NOT NULL,
    parent         BLOB,
    first_position INTEGER NOT NULL,
    deliveries     INTEGER NOT NULL,
    file_bytes     INTEGER NOT NULL,
    key            BLOB,
    fingerprint    BLOB,
    content        BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX signalbus_event_key ON signalbus_event (tenant, key) WHERE key IS NOT NULL;
CREATE INDEX signalbus_event_accepted ON signalbus_event (accepted_at);

-- Who an event is for: addresses, name and data are here and nowhere else. `key` stands for the
-- person; `content` is gone when they were erased.
CREATE TABLE signalbus_recipient (
    event   INTEGER NOT NULL,
    place   INTEGER NOT NULL,
    key     BLOB NOT NULL,
    content BLOB,
    PRIMARY KEY (event, place)
) STRICT, WITHOUT ROWID;

CREATE INDEX signalbus_recipient_key ON signalbus_recipient (key);

-- Kept until the last delivery of the event has ended.
CREATE TABLE signalbus_secret (
    event INTEGER PRIMARY KEY,
    body  BLOB NOT NULL
) STRICT;

CREATE TABLE signalbus_attachment (
    event        INTEGER NOT NULL REFERENCES signalbus_event (event) ON DELETE CASCADE,
    place        INTEGER NOT NULL,
    file_name    TEXT NOT NULL,
    content_type TEXT NOT NULL,
    content_id   TEXT,
    content      BLOB NOT NULL,
    PRIMARY KEY (event, place)
) STRICT;

-- `holds` is 1 while an ordered delivery can keep a later one of its key waiting: until it ends,
-- and while it is dead. A column of its own, so that a claim does not touch that index.
--
-- `waits_since` is set while `due` counts from then. `after` is the id of the delivery that it waits
-- for, `unless` the rung of that one's ladder that makes it not needed.
CREATE TABLE signalbus_delivery (
    position     INTEGER PRIMARY KEY,
    id           BLOB NOT NULL UNIQUE,
    event        INTEGER NOT NULL,
    tenant       TEXT NOT NULL,
    channel      TEXT,
    class        INTEGER NOT NULL,
    lane         INTEGER NOT NULL,
    order_key    INTEGER NOT NULL,
    order_mode   INTEGER NOT NULL,
    recipient    INTEGER NOT NULL,
    address      BLOB,
    sender       TEXT,
    category     TEXT,
    pool         TEXT NOT NULL,
    after        BLOB,
    unless       INTEGER,
    gather       BLOB,
    watched      INTEGER NOT NULL,
    accepted_at  INTEGER NOT NULL,
    expires_at   INTEGER,
    state        INTEGER NOT NULL,
    holds        INTEGER NOT NULL,
    due          INTEGER NOT NULL,
    waits_since  INTEGER,
    retry        INTEGER NOT NULL DEFAULT 0,
    generation   INTEGER NOT NULL DEFAULT 0,
    attempt      INTEGER NOT NULL DEFAULT 0,
    tries        INTEGER NOT NULL DEFAULT 0,
    failures     INTEGER NOT NULL DEFAULT 0,
    suspicion    INTEGER NOT NULL DEFAULT 0,
    cancelled    INTEGER NOT NULL DEFAULT 0,
    rendered     INTEGER NOT NULL DEFAULT 0,
    claim_epoch  INTEGER,
    claimed_at   INTEGER,
    alone        INTEGER,
    reason       TEXT,
    ended_at     INTEGER,
    provider     TEXT,
    message_id   TEXT,
    message_hash INTEGER,
    receipt      TEXT,
    receipt_rank INTEGER NOT NULL DEFAULT 0,
    memo         BLOB
) STRICT;

-- Work that may be sent now, by group; the position comes last by itself.
CREATE INDEX signalbus_delivery_ready
    ON signalbus_delivery (class, channel, tenant, pool, retry, lane) WHERE state = 0;
-- What becomes due next in a lane, and, when very much is due at once, for whom.
CREATE INDEX signalbus_delivery_due ON signalbus_delivery (lane, due) WHERE state = 1;
CREATE INDEX signalbus_delivery_due_share
    ON signalbus_delivery (class, tenant, due) WHERE state = 1;
CREATE INDEX signalbus_delivery_sending
    ON signalbus_delivery (lane, claim_epoch) WHERE state = 2;
CREATE INDEX signalbus_delivery_held ON signalbus_delivery (state) WHERE state = 5;
CREATE INDEX signalbus_delivery_after
    ON signalbus_delivery (after) WHERE after IS NOT NULL AND state < 10;
CREATE INDEX signalbus_delivery_behind
    ON signalbus_delivery (order_key, tenant) WHERE state = 3;
CREATE INDEX signalbus_delivery_order
    ON signalbus_delivery (order_key, tenant) WHERE holds = 1;
-- The exceptions an operator looks for; what ended well is not in it.
CREATE INDEX signalbus_delivery_failed
    ON signalbus_delivery (state) WHERE state >= 10 AND state < 20;
CREATE INDEX signalbus_delivery_tenant ON signalbus_delivery (tenant);
-- What was sent to an address.
CREATE INDEX signalbus_delivery_address
    ON signalbus_delivery (address) WHERE address IS NOT NULL;
CREATE INDEX signalbus_delivery_message
    ON signalbus_delivery (message_hash) WHERE message_hash IS NOT NULL;

-- A message kept for the next try. Apart, since a row is rewritten whole with every change.
CREATE TABLE signalbus_rendering (
    position INTEGER PRIMARY KEY,
    body     BLOB NOT NULL
) STRICT;

-- Append-only. `body` is JSON of the given version.
CREATE TABLE signalbus_history (
    position INTEGER NOT NULL,
    entry    INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    version  INTEGER NOT NULL,
    body     TEXT NOT NULL,
    PRIMARY KEY (position, entry)
) STRICT, WITHOUT ROWID;

-- Without a position it is parked: its message is not known yet. An empty tenant means that the account
-- serves all tenants. `body` is JSON: code, detail, bounce, suppress.
CREATE TABLE signalbus_receipt (
    receipt      INTEGER PRIMARY KEY,
    tenant       TEXT NOT NULL,
    provider     TEXT NOT NULL,
    id           TEXT NOT NULL,
    kind         TEXT NOT NULL,
    rank         INTEGER NOT NULL,
    body         TEXT,
    occurred_at  INTEGER,
    recorded_at  INTEGER NOT NULL,
    position     INTEGER,
    delivery     BLOB,
    message_hash INTEGER,
    message_id   TEXT
) STRICT;

CREATE UNIQUE INDEX signalbus_receipt_id ON signalbus_receipt (tenant, provider, id);
CREATE INDEX signalbus_receipt_position
    ON signalbus_receipt (position) WHERE position IS NOT NULL;
CREATE INDEX signalbus_receipt_parked_message
    ON signalbus_receipt (message_hash) WHERE position IS NULL AND message_hash IS NOT NULL;
CREATE INDEX signalbus_receipt_parked_delivery
    ON signalbus_receipt (delivery) WHERE position IS NULL AND delivery IS NOT NULL;
CREATE INDEX signalbus_receipt_parked_at
    ON signalbus_receipt (recorded_at) WHERE position IS NULL;

-- An empty tenant stands for all; an empty sender or category narrows nothing.
CREATE TABLE signalbus_suppression (
    tenant        TEXT NOT NULL,
    channel       TEXT NOT NULL,
    address       BLOB NOT NULL,
    sender        TEXT NOT NULL,
    category      TEXT NOT NULL,
    cause         TEXT NOT NULL,
    gravity       INTEGER NOT NULL,
    code          TEXT,
    as_of         INTEGER,
    suppressed_at INTEGER NOT NULL,
    PRIMARY KEY (channel, address, tenant, sender, category)
) STRICT, WITHOUT ROWID;

CREATE TABLE signalbus_bus_position (
    bus        TEXT NOT NULL,
    consumers  TEXT NOT NULL,
    topic      TEXT NOT NULL,
    partition  INTEGER NOT NULL,
    next       INTEGER NOT NULL,
    PRIMARY KEY (bus, consumers, topic, partition)
) STRICT, WITHOUT ROWID;
