-- Version 2 of the schema: the directory. Documents by owner, kind and name; who changed them; what
-- tenants have used up. An empty owner is the host. `body` is JSON.

CREATE TABLE signalbus.entry (
    owner       text COLLATE "C" NOT NULL,
    kind        text COLLATE "C" NOT NULL,
    name        text COLLATE "C" NOT NULL,
    revision    bigint NOT NULL,
    changed_at  bigint NOT NULL,
    used_at     bigint,
    body        text NOT NULL,
    PRIMARY KEY (owner, kind, name)
);

-- A key is found before it is known whose it is.
CREATE UNIQUE INDEX entry_key ON signalbus.entry (name) WHERE kind = 'key';

CREATE INDEX entry_revision ON signalbus.entry (kind, revision);

-- The number of a line is the revision of the entry that it changed.
CREATE TABLE signalbus.trail (
    number  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      bigint NOT NULL,
    owner   text COLLATE "C" NOT NULL,
    actor   text COLLATE "C" NOT NULL,
    action  text COLLATE "C" NOT NULL,
    kind    text COLLATE "C",
    target  text NOT NULL
);

CREATE INDEX trail_owner ON signalbus.trail (owner, number);

CREATE TABLE signalbus.spent (
    tenant  text COLLATE "C" NOT NULL,
    span    text COLLATE "C" NOT NULL,
    used    bigint NOT NULL,
    PRIMARY KEY (tenant, span)
) WITH (fillfactor = 50);

UPDATE signalbus.meta SET version = 2;
