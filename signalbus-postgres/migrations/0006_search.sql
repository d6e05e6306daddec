-- Version 6 of the schema: searches by topic and by time at ten million rows. Both indexes are small: one has each
-- topic once, the other a few bytes for each 32 pages.
CREATE INDEX event_topic ON signalbus.event (topic);
CREATE INDEX delivery_accepted ON signalbus.delivery USING brin (accepted_at) WITH (pages_per_range = 32, autosummarize = on);

UPDATE signalbus.meta SET version = 6;
