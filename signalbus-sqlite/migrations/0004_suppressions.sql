-- The suppression list of one tenant, without a look at those of all others.
CREATE INDEX signalbus_suppression_tenant
    ON signalbus_suppression (tenant, channel, address, sender, category);
