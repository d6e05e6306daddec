use std::time::Duration;

/// How an engine shares its time and memory. All counts are per engine.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EngineOptions {
    /// Sends in flight at once: 1,024 by default.
    pub slots: usize,
    /// How long a lane stays ours without a renewal: 15 s by default. Independent of how long a
    /// send takes.
    pub lease: Duration,
    /// How often leases are renewed: every 5 s by default.
    pub renew: Duration,
    /// How often the store is asked for work that nobody announced: every 250 ms by default.
    pub poll: Duration,
    /// Deliveries of one class and channel held in memory: 8,192 by default, about 300 bytes
    /// each.
    pub in_hand: usize,
    /// Deliveries of one class, tenant and channel read at once, over all lanes: 2,048 by default,
    /// and at most a quarter of `in_hand`.
    pub window: usize,
    /// Transactions of claims and results on their way at once: 4 by default. Each has lanes of its own: a
    /// store with one lane, as SQLite's, has one at a time.
    pub writers: usize,
    /// Claims and results written in one transaction: 512 of each by default.
    pub flush: usize,
    /// Bytes of files held in memory for sends: 64 MiB by default. Work with files is claimed only
    /// while they fit; an event with more than that goes alone.
    pub files: u64,
    /// How long a shutdown waits for sends in flight: 30 s by default.
    pub drain: Duration,
    /// How many tenants may have series of their own in the metrics: none by default.
    pub tenant_metrics: usize,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            slots: 1_024,
            lease: Duration::from_secs(15),
            renew: Duration::from_secs(5),
            poll: Duration::from_millis(250),
            in_hand: 8_192,
            window: 2_048,
            writers: 4,
            flush: 512,
            files: 64 * 1024 * 1024,
            drain: Duration::from_secs(30),
            tenant_metrics: 0,
        }
    }
}

/// The shortest time between two looks at the store, and between two renewals.
const SHORTEST: Duration = Duration::from_millis(1);

impl EngineOptions {
    /// With nothing so small that the engine would spin or stand still.
    pub(crate) fn checked(mut self) -> Self {
        for count in [
            &mut self.slots,
            &mut self.in_hand,
            &mut self.window,
            &mut self.writers,
            &mut self.flush,
        ] {
            *count = (*count).max(1);
        }
        for time in [&mut self.poll, &mut self.renew] {
            *time = (*time).max(SHORTEST);
        }
        self.lease = self.lease.max(self.renew.saturating_mul(2));
        self
    }

    /// Sets the sends in flight at once; at least one.
    #[must_use]
    pub fn with_slots(mut self, slots: usize) -> Self {
        self.slots = slots.max(1);
        self
    }

    /// Sets how long a lane stays ours; leases are renewed at a third of it.
    #[must_use]
    pub fn with_lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self.renew = lease / 3;
        self
    }

    /// Sets how often the store is asked for work that nobody announced.
    #[must_use]
    pub fn with_poll(mut self, poll: Duration) -> Self {
        self.poll = poll;
        self
    }

    /// Sets the bytes of files held in memory for sends.
    #[must_use]
    pub fn with_files(mut self, bytes: u64) -> Self {
        self.files = bytes;
        self
    }

    /// Sets how long a shutdown waits for sends in flight.
    #[must_use]
    pub fn with_drain(mut self, drain: Duration) -> Self {
        self.drain = drain;
        self
    }

    /// Sets the deliveries of one class and channel held in memory; at least one.
    #[must_use]
    pub fn with_in_hand(mut self, in_hand: usize) -> Self {
        self.in_hand = in_hand.max(1);
        self
    }

    /// Sets the transactions of claims and results on their way at once; at least one.
    #[must_use]
    pub fn with_writers(mut self, writers: usize) -> Self {
        self.writers = writers.max(1);
        self
    }

    /// Sets the claims and results written in one transaction; at least one.
    #[must_use]
    pub fn with_flush(mut self, flush: usize) -> Self {
        self.flush = flush.max(1);
        self
    }

    /// Counts what is published and what ends by tenant too, in two metrics of their own
    /// ([`TENANT_PUBLISHED`](crate::metrics::names::TENANT_PUBLISHED),
    /// [`TENANT_ENDED`](crate::metrics::names::TENANT_ENDED)). At most `most` tenants get a series: those
    /// that bring more than one part in `2 × most` of all deliveries, as they become known; the rest is
    /// counted as `other`. Zero, the default, counts no tenant.
    #[must_use]
    pub fn with_tenant_metrics(mut self, most: usize) -> Self {
        self.tenant_metrics = most;
        self
    }
}
