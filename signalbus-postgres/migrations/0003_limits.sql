-- Version 3 of the schema: how far limits are used up. Not logged: a crash of the server empties it,
-- which allows one burst more for each key. Nothing else depends on it.

CREATE UNLOGGED TABLE signalbus.level (
    key      text COLLATE "C" NOT NULL PRIMARY KEY,
    full_at  bigint NOT NULL
) WITH (fillfactor = 50);

UPDATE signalbus.meta SET version = 3;
