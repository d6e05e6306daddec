-- Version 7 of the schema: the suppression list of one tenant, without a look at those of all others.
CREATE INDEX suppression_tenant
    ON signalbus.suppression (tenant, channel, address, sender, category);

UPDATE signalbus.meta SET version = 7;
