-- Version 5 of the schema: where the tables were made, so that a restored copy knows that it is one.
--
-- The row names the transaction that wrote it and its table. A dump carries what it says, and the copy of
-- the row is written by another transaction into another table. An upgrade by pg_upgrade, a standby and a base
-- backup keep both: after a restore from those, say so with `signalbus restored`.
CREATE TABLE signalbus.installation (
    single    boolean PRIMARY KEY DEFAULT true CHECK (single),
    written   bigint NOT NULL,
    relation  bigint NOT NULL
);

UPDATE signalbus.meta SET version = 5;
