-- The directory: documents by owner, kind and name; who changed them; what tenants have used up.
-- An empty owner is the host. `body` is JSON. Times are microseconds since 1970 in UTC.

CREATE TABLE signalbus_entry (
    owner      TEXT NOT NULL,
    kind       TEXT NOT NULL,
    name       TEXT NOT NULL,
    revision   INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    used_at    INTEGER,
    body       TEXT NOT NULL,
    PRIMARY KEY (owner, kind, name)
) STRICT, WITHOUT ROWID;

-- A key is found before it is known whose it is.
CREATE UNIQUE INDEX signalbus_entry_key ON signalbus_entry (name) WHERE kind = 'key';

CREATE INDEX signalbus_entry_revision ON signalbus_entry (kind, revision);

-- The number of a line is the revision of the entry that it changed. AUTOINCREMENT: none comes again.
CREATE TABLE signalbus_trail (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at     INTEGER NOT NULL,
    owner  TEXT NOT NULL,
    actor  TEXT NOT NULL,
    action TEXT NOT NULL,
    kind   TEXT,
    target TEXT NOT NULL
) STRICT;

CREATE INDEX signalbus_trail_owner ON signalbus_trail (owner, number);

CREATE TABLE signalbus_spent (
    tenant TEXT NOT NULL,
    span   TEXT NOT NULL,
    used   INTEGER NOT NULL,
    PRIMARY KEY (tenant, span)
) STRICT, WITHOUT ROWID;
