use std::time::Duration;

/// When a breaker opens and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BreakerSettings {
    /// Opens after this many failures in a row, 20 by default; or after more than a quarter of that, when
    /// they last for 5 s. A provider that fails in part goes on.
    pub failures: u32,
    /// How long it stays open at first: 5 s by default, a fifth of that where the provider fails in part.
    /// Doubles each time that its probes fail.
    pub first_pause: Duration,
    /// How long it stays open at most, unless the provider asks for longer: 2 min by default.
    pub longest_pause: Duration,
    /// How long a provider with a configuration fault is left alone: 60 s by default.
    pub configuration_pause: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            failures: 20,
            first_pause: Duration::from_secs(5),
            longest_pause: Duration::from_secs(120),
            configuration_pause: Duration::from_secs(60),
        }
    }
}
