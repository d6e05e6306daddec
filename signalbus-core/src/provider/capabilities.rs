use std::time::Duration;

/// What the engine has to know about a provider to use it well. Every field changes what the
/// engine does.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// How long one send may take before the engine gives up on it: 30 s by default.
    pub timeout: Duration,
    /// How many sends may be in flight at once, per engine: 64 by default.
    pub concurrency: usize,
    /// How many sends may start in a time, per engine; none by default.
    pub rate: Option<Rate>,
    /// How long the provider recognises a repeated [`Delivery::reference`](super::Delivery::reference)
    /// and sends only once; none by default. Within it an unknown outcome is simply tried again.
    pub dedup_window: Option<Duration>,
    /// Whether the provider calls
    /// [`Delivery::request_started`](super::Delivery::request_started). If it does, a timeout or
    /// panic before that call means "not sent"; if not (the default), every timeout or panic
    /// means "it may have been sent".
    pub reports_start: bool,
    /// Whether it may send for some tenants through accounts of their own; see
    /// [`Provider::has_account_of`](super::Provider::has_account_of). No by default.
    pub own_accounts: bool,
}

impl Default for Capabilities {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            concurrency: 64,
            rate: None,
            dedup_window: None,
            reports_start: false,
            own_accounts: false,
        }
    }
}

impl Capabilities {
    /// Sets how long one send may take.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets how many sends may be in flight at once; at least one.
    #[must_use]
    pub fn with_concurrency(mut self, concurrency: usize) -> Self {
        self.concurrency = concurrency.max(1);
        self
    }

    /// Sets how many sends may start in a time.
    #[must_use]
    pub fn with_rate(mut self, rate: Rate) -> Self {
        self.rate = Some(rate);
        self
    }

    /// Says that the provider calls
    /// [`Delivery::request_started`](super::Delivery::request_started).
    #[must_use]
    pub fn reporting_start(mut self) -> Self {
        self.reports_start = true;
        self
    }

    /// Says that the provider may send for some tenants through accounts of their own.
    #[must_use]
    pub fn with_own_accounts(mut self) -> Self {
        self.own_accounts = true;
        self
    }

    /// Says that the provider recognises a repeated reference for this long.
    #[must_use]
    pub fn with_dedup_window(mut self, window: Duration) -> Self {
        self.dedup_window = Some(window);
        self
    }
}

/// So many in a time, evenly spread, with a burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// The time between two sends.
    pub interval: Duration,
    /// How many may start at once after a rest; at least one.
    pub burst: u32,
}

impl Rate {
    /// `count` in each second, with a burst of as many. Zero counts as one.
    #[must_use]
    pub fn per_second(count: u32) -> Self {
        let count = count.max(1);
        Self {
            interval: Duration::from_secs(1) / count,
            burst: count,
        }
    }
}
