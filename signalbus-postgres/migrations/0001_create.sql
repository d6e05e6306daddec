-- The schema of signalbus-postgres, version 1. It needs Postgres 14 or newer, and no extension.
--
-- The library runs this file by itself, or you do: `psql -1 -v ON_ERROR_STOP=1 -f 0001_create.sql`.
-- For a schema with another name replace the word `signalbus` throughout.
--
-- Times are microseconds since 1970 in UTC, by the clock of the database.
--
-- States of a delivery:
--    0 ready       may be sent now
--    1 timed       waits for its `due`
--    2 sending     claimed
--    3 behind      waits for an earlier one of its order key
--    4 unplaced    strictly ordered: the owner of its lane has yet to see whether it is behind
--    5 held        a pause holds it
--   10 dead       11 expired       12 suppressed   13 outcome_unknown   (may be redriven)
--   20 accepted   21 cancelled     22 not_needed
--
-- Order modes: 0 unordered, 1 start, 2 strict, 3 strict and blocking.
-- Classes: 0 urgent, 1 standard, 2 bulk.

CREATE SCHEMA IF NOT EXISTS signalbus;

-- One row. `oldest` is the lowest version of the schema that a library must know to use it.
CREATE TABLE signalbus.meta (
    single    boolean PRIMARY KEY DEFAULT true CHECK (single),
    version   integer NOT NULL,
    oldest    integer NOT NULL,
    lanes     integer,
    swept_at  bigint NOT NULL DEFAULT 0
);

INSERT INTO signalbus.meta (version, oldest) VALUES (1, 1);

-- One row for each worker that lives: renewing it renews all its lanes. `spaces` are those it wants
-- lanes of: one for each channel it sends on, one for each topic it reads from a bus.
CREATE TABLE signalbus.worker (
    worker  uuid PRIMARY KEY,
    since   bigint NOT NULL,
    until   bigint NOT NULL,
    spaces  bigint[] NOT NULL
) WITH (fillfactor = 50);

-- A lane is a number of 16 bits within a space, whose id stands above them; its row is made when
-- the space is first asked for. Changes with its owner only. A writer locks the row FOR KEY SHARE, a new owner FOR UPDATE.
CREATE TABLE signalbus.lane (
    lane    bigint PRIMARY KEY,
    epoch   bigint NOT NULL,
    worker  uuid
) WITH (fillfactor = 50);

-- The deliveries of an event have positions from `first_position` to `last_position`; those of
-- others may lie between. `parent` is the event that it follows from. `file_bytes` is how large its files are together.
CREATE TABLE signalbus.event (
    id              uuid PRIMARY KEY,
    tenant          text COLLATE "C" NOT NULL,
    topic           text COLLATE "C" NOT NULL,
    class           smallint NOT NULL,
    file_bytes      bigint NOT NULL,
    accepted_at     bigint NOT NULL,
    parent          uuid,
    first_position  bigint,
    last_position   bigint,
    content         bytea NOT NULL
);

CREATE INDEX event_accepted ON signalbus.event (accepted_at);

-- What claims have taken, and until when it counts: `key` is the engine's own.
CREATE TABLE signalbus.counter (
    key    bytea PRIMARY KEY,
    used   bigint NOT NULL,
    until  bigint NOT NULL
) WITH (fillfactor = 50);

CREATE INDEX counter_until ON signalbus.counter (until);

-- Idempotency keys, hashed: people put addresses into them.
CREATE TABLE signalbus.key (
    tenant       text COLLATE "C" NOT NULL,
    key          bytea NOT NULL,
    event        uuid NOT NULL,
    fingerprint  bytea NOT NULL,
    PRIMARY KEY (tenant, key)
);

CREATE INDEX key_event ON signalbus.key (event);

-- Who an event is for: addresses, name and data are here and nowhere else. `key` stands for the
-- person; `content` is gone when they were erased.
CREATE TABLE signalbus.recipient (
    event    uuid NOT NULL,
    place    bigint NOT NULL,
    key      bytea NOT NULL,
    content  bytea,
    PRIMARY KEY (event, place)
);

CREATE INDEX recipient_key ON signalbus.recipient (key);

-- `open` counts the deliveries of the event that have not ended; with the last of them the body goes.
CREATE TABLE signalbus.secret (
    event  uuid PRIMARY KEY,
    open   bigint NOT NULL,
    body   bytea
);

CREATE TABLE signalbus.attachment (
    event         uuid NOT NULL,
    place         integer NOT NULL,
    file_name     text NOT NULL,
    content_type  text NOT NULL,
    content_id    text,
    content       bytea NOT NULL,
    PRIMARY KEY (event, place)
);

-- Not cached: of two events of one recipient, the one that was answered before the other was
-- published has the lower position.
CREATE SEQUENCE signalbus.position;

-- `holds` is true while an ordered delivery can keep a later one of its key waiting: until it
-- ends, and while it is dead. `waits_since` is set while `due` counts from then. `after` is the id of
-- the delivery that it waits for, `unless` the rung of that one's ladder that makes it not needed.
CREATE TABLE signalbus.delivery (
    position      bigint PRIMARY KEY,
    order_key     bigint NOT NULL,
    accepted_at   bigint NOT NULL,
    due           bigint NOT NULL,
    expires_at    bigint,
    ended_at      bigint,
    claimed_at    bigint,
    claim_epoch   bigint,
    message_hash  bigint,
    waits_since   bigint,
    lane          bigint NOT NULL,
    recipient     bigint NOT NULL,
    generation    integer NOT NULL DEFAULT 0,
    attempt       integer NOT NULL DEFAULT 0,
    tries         integer NOT NULL DEFAULT 0,
    failures      integer NOT NULL DEFAULT 0,
    suspicion     integer NOT NULL DEFAULT 0,
    state         smallint NOT NULL,
    class         smallint NOT NULL,
    order_mode    smallint NOT NULL,
    receipt_rank  smallint NOT NULL DEFAULT 0,
    unless        smallint,
    holds         boolean NOT NULL,
    tried         boolean NOT NULL DEFAULT false,
    cancelled     boolean NOT NULL DEFAULT false,
    rendered      boolean NOT NULL DEFAULT false,
    alone         boolean,
    watched       boolean NOT NULL DEFAULT false,
    id            uuid NOT NULL,
    event         uuid NOT NULL,
    after         uuid,
    tenant        text COLLATE "C" NOT NULL,
    channel       text COLLATE "C",
    pool          text COLLATE "C" NOT NULL DEFAULT '',
    gather        bytea,
    memo          bytea,
    address       bytea,
    sender        text COLLATE "C",
    category      text COLLATE "C",
    reason        text COLLATE "C",
    provider      text COLLATE "C",
    message_id    text COLLATE "C",
    receipt       text COLLATE "C"
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);

CREATE UNIQUE INDEX delivery_id ON signalbus.delivery (id);
-- Work that may be sent now, by group.
CREATE INDEX delivery_ready ON signalbus.delivery (class, channel, tenant, pool, tried, lane, position)
    WHERE state = 0;
-- What becomes due next in a lane, and, when very much is due at once, for whom.
CREATE INDEX delivery_due ON signalbus.delivery (lane, due) WHERE state = 1;
CREATE INDEX delivery_due_share ON signalbus.delivery (class, tenant, due) WHERE state = 1;
CREATE INDEX delivery_sending ON signalbus.delivery (lane, claim_epoch) WHERE state = 2;
CREATE INDEX delivery_behind ON signalbus.delivery (order_key, tenant, position) WHERE state = 3;
CREATE INDEX delivery_held ON signalbus.delivery (position) WHERE state = 5;
CREATE INDEX delivery_after ON signalbus.delivery (after) WHERE after IS NOT NULL AND state < 10;
CREATE INDEX delivery_unplaced ON signalbus.delivery (lane) WHERE state = 4;
CREATE INDEX delivery_order ON signalbus.delivery (order_key, tenant, position) WHERE holds;
-- The exceptions an operator looks for; what ended well is not in it.
CREATE INDEX delivery_failed ON signalbus.delivery (state, position) WHERE state >= 10 AND state < 20;
CREATE INDEX delivery_tenant ON signalbus.delivery (tenant, position);
-- What was sent to an address.
CREATE INDEX delivery_address ON signalbus.delivery (address) WHERE address IS NOT NULL;
CREATE INDEX delivery_message ON signalbus.delivery (message_hash) WHERE message_hash IS NOT NULL;

-- What is held back, oldest first. An empty word narrows nothing; a pause of a provider holds no
-- delivery, and is kept for engines to read.
CREATE TABLE signalbus.pause (
    pause     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    since     bigint NOT NULL,
    tenant    text COLLATE "C" NOT NULL,
    topic     text COLLATE "C" NOT NULL,
    channel   text COLLATE "C" NOT NULL,
    provider  text COLLATE "C" NOT NULL,
    actor     text NOT NULL,
    reason    text NOT NULL,
    UNIQUE (tenant, topic, channel, provider)
);

-- A message kept for the next try. Apart, since a row is rewritten whole with every change.
CREATE TABLE signalbus.rendering (
    position  bigint PRIMARY KEY,
    body      bytea NOT NULL
);

-- Append-only. `body` is JSON of the given version. A ring of twelve tables, one for each month
-- in which an event was accepted: `purge` deletes no row of it, and empties a table when nothing
-- of its month is left.
CREATE SEQUENCE signalbus.history_entry;
CREATE TABLE signalbus.history (
    position  bigint NOT NULL,
    entry     bigint NOT NULL DEFAULT nextval('signalbus.history_entry'),
    at        bigint NOT NULL,
    month     smallint NOT NULL,
    version   smallint NOT NULL,
    body      text NOT NULL
) PARTITION BY LIST (month);

CREATE TABLE signalbus.history_00 PARTITION OF signalbus.history FOR VALUES IN (0);
CREATE TABLE signalbus.history_01 PARTITION OF signalbus.history FOR VALUES IN (1);
CREATE TABLE signalbus.history_02 PARTITION OF signalbus.history FOR VALUES IN (2);
CREATE TABLE signalbus.history_03 PARTITION OF signalbus.history FOR VALUES IN (3);
CREATE TABLE signalbus.history_04 PARTITION OF signalbus.history FOR VALUES IN (4);
CREATE TABLE signalbus.history_05 PARTITION OF signalbus.history FOR VALUES IN (5);
CREATE TABLE signalbus.history_06 PARTITION OF signalbus.history FOR VALUES IN (6);
CREATE TABLE signalbus.history_07 PARTITION OF signalbus.history FOR VALUES IN (7);
CREATE TABLE signalbus.history_08 PARTITION OF signalbus.history FOR VALUES IN (8);
CREATE TABLE signalbus.history_09 PARTITION OF signalbus.history FOR VALUES IN (9);
CREATE TABLE signalbus.history_10 PARTITION OF signalbus.history FOR VALUES IN (10);
CREATE TABLE signalbus.history_11 PARTITION OF signalbus.history FOR VALUES IN (11);
CREATE INDEX history_position ON signalbus.history (position, entry);

-- Without a position it is parked: its message is not known yet. An empty tenant means that the
-- account serves all tenants. `body` is JSON: code, detail, bounce, suppress.
CREATE TABLE signalbus.receipt (
    receipt       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    position      bigint,
    message_hash  bigint,
    occurred_at   bigint,
    recorded_at   bigint NOT NULL,
    delivery      uuid,
    tenant        text COLLATE "C" NOT NULL,
    provider      text COLLATE "C" NOT NULL,
    id            text COLLATE "C" NOT NULL,
    kind          text COLLATE "C" NOT NULL,
    message_id    text COLLATE "C",
    rank          smallint NOT NULL,
    body          text
);

CREATE UNIQUE INDEX receipt_id ON signalbus.receipt (tenant, provider, id);
CREATE INDEX receipt_position ON signalbus.receipt (position) WHERE position IS NOT NULL;
CREATE INDEX receipt_parked_message
    ON signalbus.receipt (message_hash) WHERE position IS NULL AND message_hash IS NOT NULL;
CREATE INDEX receipt_parked_delivery
    ON signalbus.receipt (delivery) WHERE position IS NULL AND delivery IS NOT NULL;
CREATE INDEX receipt_parked_at ON signalbus.receipt (recorded_at) WHERE position IS NULL;

-- An empty tenant stands for all; an empty sender or category narrows nothing.
CREATE TABLE signalbus.suppression (
    suppressed_at  bigint NOT NULL,
    as_of          bigint,
    gravity        smallint NOT NULL,
    tenant         text COLLATE "C" NOT NULL,
    channel        text COLLATE "C" NOT NULL,
    address        bytea NOT NULL,
    sender         text COLLATE "C" NOT NULL,
    category       text COLLATE "C" NOT NULL,
    cause          text NOT NULL,
    code           text,
    PRIMARY KEY (channel, address, tenant, sender, category)
);

CREATE TABLE signalbus.bus_position (
    bus        text COLLATE "C" NOT NULL,
    consumers  text COLLATE "C" NOT NULL,
    topic      text COLLATE "C" NOT NULL,
    partition  bigint NOT NULL,
    next       bigint NOT NULL,
    PRIMARY KEY (bus, consumers, topic, partition)
);

-- For people: deliveries with words and times.
CREATE VIEW signalbus.deliveries AS
SELECT d.id, d.event, d.tenant, e.topic, d.channel,
       CASE WHEN d.state IN (0, 1, 3, 4) THEN 'waiting' WHEN d.state = 2 THEN 'sending'
            WHEN d.state = 5 THEN 'held'
            WHEN d.state = 10 THEN 'dead' WHEN d.state = 11 THEN 'expired'
            WHEN d.state = 12 THEN 'suppressed' WHEN d.state = 13 THEN 'outcome_unknown'
            WHEN d.state = 20 THEN 'accepted' WHEN d.state = 21 THEN 'cancelled'
            WHEN d.state = 22 THEN 'not_needed' END AS state,
       d.reason, d.generation, d.attempt, d.provider, d.message_id, d.receipt,
       to_timestamp(d.accepted_at / 1e6) AS accepted_at,
       CASE WHEN d.state IN (0, 1, 3, 4) THEN to_timestamp(d.due / 1e6) END AS due,
       to_timestamp(d.ended_at / 1e6) AS ended_at
FROM signalbus.delivery AS d JOIN signalbus.event AS e ON e.id = d.event;
