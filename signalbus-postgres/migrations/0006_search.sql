-- Version 6 of the schema: searches by topic at ten million rows. The index is small: it has each topic once.
CREATE INDEX event_topic ON signalbus.event (topic);

UPDATE signalbus.meta SET version = 6;
