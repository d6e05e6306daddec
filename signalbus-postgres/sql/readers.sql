-- Optional: roles that may look at deliveries of their tenants and at nothing else, by row level security.
-- It needs Postgres 15 or newer, and the owner of the tables (or a superuser) to run it:
--
--     psql -1 -v ON_ERROR_STOP=1 -f readers.sql
--     CREATE ROLE acme_support LOGIN IN ROLE signalbus_reader;
--     INSERT INTO signalbus.reader (role, tenant) VALUES ('acme_support', 'acme');
--
-- Such a role reads the view `signalbus.deliveries`, and of the tables `delivery`, `event` and `history` the
-- columns that have neither content nor addresses. All others see what they saw before. Run the application as
-- the owner of the tables or with BYPASSRLS: for those no policy is looked at.
--
-- For a schema with another name replace the word `signalbus.` throughout. It may be run again, and has to be after
-- a migration that adds tables. To undo it: `DROP ROLE` the readers, and `ALTER TABLE … DISABLE ROW LEVEL SECURITY`.

DO $$
BEGIN
    IF current_setting('server_version_num')::int < 150000 THEN
        RAISE EXCEPTION 'a view that keeps to the rights of its reader needs Postgres 15';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'signalbus_reader') THEN
        CREATE ROLE signalbus_reader NOLOGIN;
    END IF;
END $$;

-- Who reads whose deliveries. Nobody but its owner may write it.
CREATE TABLE IF NOT EXISTS signalbus.reader (
    role    name NOT NULL,
    tenant  text COLLATE "C" NOT NULL,
    PRIMARY KEY (role, tenant)
);
REVOKE ALL ON signalbus.reader FROM PUBLIC, signalbus_reader;

-- Whether somebody may read what is of this tenant. Everybody may who is no reader.
CREATE OR REPLACE FUNCTION signalbus.may_read(who name, whose text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT NOT pg_has_role(who, 'signalbus_reader', 'member')
        OR EXISTS (SELECT 1 FROM signalbus.reader AS r WHERE r.role = who AND r.tenant = whose)
$$;

ALTER TABLE signalbus.delivery ENABLE ROW LEVEL SECURITY;
ALTER TABLE signalbus.event ENABLE ROW LEVEL SECURITY;
ALTER TABLE signalbus.history ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS readers ON signalbus.delivery;
DROP POLICY IF EXISTS readers ON signalbus.event;
DROP POLICY IF EXISTS readers ON signalbus.history;
CREATE POLICY readers ON signalbus.delivery USING (signalbus.may_read(current_user, tenant));
CREATE POLICY readers ON signalbus.event USING (signalbus.may_read(current_user, tenant));
-- What happened to a delivery is for those who see the delivery.
CREATE POLICY readers ON signalbus.history USING (
    NOT pg_has_role(current_user, 'signalbus_reader', 'member')
    OR EXISTS (SELECT 1 FROM signalbus.delivery AS d WHERE d.position = history.position));

ALTER VIEW signalbus.deliveries SET (security_invoker = true);

GRANT USAGE ON SCHEMA signalbus TO signalbus_reader;
GRANT SELECT ON signalbus.deliveries TO signalbus_reader;
GRANT SELECT (position, id, event, tenant, channel, class, state, reason, generation, attempt, tries, accepted_at,
              due, expires_at, ended_at, provider, message_id, receipt, pool)
    ON signalbus.delivery TO signalbus_reader;
GRANT SELECT (id, tenant, topic, class, accepted_at, parent) ON signalbus.event TO signalbus_reader;
GRANT SELECT (position, entry, at, body) ON signalbus.history TO signalbus_reader;
-- A reader calls it for its policies; publishing is for others.
REVOKE EXECUTE ON FUNCTION signalbus.publish(jsonb, text) FROM PUBLIC;
