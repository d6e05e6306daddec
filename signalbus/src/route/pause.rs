use std::time::Duration;

/// When a breaker opens and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BreakerSettings {
    /// Opens after this many failures in a row: 5 by default.
    pub failures: u32,
    /// How long it stays open at first: 5 s by default. Doubles with every failed probe.
    pub first_pause: Duration,
    /// How long it stays open at most, unless the provider asks for longer: 2 min by default.
    pub longest_pause: Duration,
    /// How long a provider with a configuration fault is left alone: 60 s by default.
    pub configuration_pause: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            failures: 5,
            first_pause: Duration::from_secs(5),
            longest_pause: Duration::from_secs(120),
            configuration_pause: Duration::from_secs(60),
        }
    }
}
