-- Random keys by stretches of 4,096 rows: what is written at random touches every page of an index. Who looks for
-- a key looks into each stretch.

DROP INDEX signalbus_recipient_key;
CREATE INDEX signalbus_recipient_key ON signalbus_recipient ((event >> 12), key);

DROP INDEX signalbus_delivery_address;
CREATE INDEX signalbus_delivery_address
    ON signalbus_delivery ((position >> 12), address) WHERE address IS NOT NULL;

-- Half of the hash of an idempotency key tells the keys of a tenant apart; its index cannot be kept by stretches.
UPDATE signalbus_event SET key = substr(key, 1, 16) WHERE length(key) > 16;
