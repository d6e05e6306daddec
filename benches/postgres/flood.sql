-- Ids are as those of version 7: in the order in which they were made.
CREATE FUNCTION pg_temp.made(kind text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex(1790000000000 + n / 8), 12, '0') || '7' || lpad(to_hex(n % 4096), 3, '0')
            || '8' || kind || substr(md5(n::text), 1, 14))::uuid
$$;

INSERT INTO signalbus.event (id, tenant, topic, class, file_bytes, accepted_at, first_position, last_position, content)
SELECT pg_temp.made('0', n), e.tenant, e.topic, e.class, e.file_bytes, e.accepted_at, e.first_position + n, e.last_position + n,
       e.content
FROM generate_series(1::bigint, COPIES) AS n
CROSS JOIN (SELECT * FROM signalbus.event WHERE tenant = 'flood') AS e;

INSERT INTO signalbus.recipient (event, place, key, content)
SELECT pg_temp.made('0', n), r.place, substr(sha256(int8send(n)), 1, 16), r.content
FROM generate_series(1::bigint, COPIES) AS n CROSS JOIN (SELECT * FROM signalbus.recipient) AS r;

INSERT INTO signalbus.key (tenant, key, event, fingerprint)
SELECT k.tenant, substr(sha256(int8send(n)), 1, length(k.key)), pg_temp.made('0', n), k.fingerprint
FROM generate_series(1::bigint, COPIES) AS n CROSS JOIN (SELECT * FROM signalbus.key) AS k;

INSERT INTO signalbus.delivery (position, order_key, accepted_at, due, lane, recipient, state, class, order_mode, holds, id,
                                event, tenant, channel, address)
SELECT d.position + n, hashint8extended(n, 0), d.accepted_at, d.due, (d.lane >> 16 << 16) + n % 64, d.recipient, d.state, d.class,
       d.order_mode, d.holds, pg_temp.made('1', n), pg_temp.made('0', n), d.tenant, d.channel,
       substr(sha256(int8send(n)), 1, length(d.address))
FROM generate_series(1::bigint, COPIES) AS n CROSS JOIN (SELECT * FROM signalbus.delivery) AS d;

SELECT setval('signalbus.position', (SELECT max(position) FROM signalbus.delivery));
