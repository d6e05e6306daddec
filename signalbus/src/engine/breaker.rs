//! A small circuit breaker for one provider.

use std::time::Duration;

use crate::route::BreakerSettings;

/// Stops sending to a provider that fails, tries it with single probes, and ramps up again.
///
/// Times are monotonic. Only provider and quota faults are reported to it: a bad recipient never
/// benches a healthy provider.
#[derive(Debug)]
pub(crate) struct Breaker {
    settings: BreakerSettings,
    /// How many may be in flight when all is well.
    full: usize,
    state: State,
    in_flight: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Lets through `limit` at a time; `usize::MAX` when it has not failed lately.
    Closed {
        failures: u32,
        limit: usize,
    },
    Open {
        until: Duration,
        pause: Duration,
    },
    /// One probe is in flight.
    Probing {
        pause: Duration,
    },
}

/// Whether a send may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permit {
    Yes,
    /// As the one probe of a half-open breaker.
    Probe,
    No,
}

/// What a try says about its provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// It works.
    Healthy,
    /// Says nothing: the message or recipient was at fault, or nothing was asked.
    Neutral,
    /// It failed, and asked to be left alone this long, if it asked.
    Failing(Option<Duration>),
    /// Its settings or credentials are wrong.
    Misconfigured,
}

impl Breaker {
    pub(crate) fn new(settings: BreakerSettings, full: usize) -> Self {
        let state = State::Closed {
            failures: 0,
            limit: usize::MAX,
        };
        Self {
            settings,
            full,
            state,
            in_flight: 0,
        }
    }

    /// Asks without taking.
    pub(crate) fn permit(&self, now: Duration) -> Permit {
        match self.state {
            State::Closed { limit, .. } if self.in_flight < limit => Permit::Yes,
            State::Open { until, .. } if now >= until => Permit::Probe,
            State::Closed { .. } | State::Open { .. } | State::Probing { .. } => Permit::No,
        }
    }

    /// A send starts, with the permit it was given.
    pub(crate) fn start(&mut self, permit: Permit) {
        self.in_flight += 1;
        if let (Permit::Probe, State::Open { pause, .. }) = (permit, self.state) {
            self.state = State::Probing { pause };
        }
    }

    /// A send ended. `probe` says whether it was the probe.
    pub(crate) fn end(&mut self, signal: Signal, probe: bool, now: Duration) {
        self.in_flight = self.in_flight.saturating_sub(1);
        match (signal, self.state) {
            (Signal::Misconfigured, _) => {
                let pause = self.settings.configuration_pause;
                self.open(now, pause, pause);
            }
            (Signal::Failing(asked), State::Probing { pause }) if probe => {
                let pause = pause.saturating_mul(2).min(self.settings.longest_pause);
                self.open(now, pause.max(asked.unwrap_or_default()), pause);
            }
            (Signal::Failing(asked), State::Closed { failures, limit }) => {
                let failures = failures + 1;
                // While it ramps up, a failure takes half of it back.
                let limit = if limit == usize::MAX {
                    limit
                } else {
                    limit / 2
                };
                if asked.is_some() || failures >= self.settings.failures || limit == 0 {
                    let pause = self.settings.first_pause;
                    self.open(now, asked.unwrap_or(pause), pause);
                } else {
                    self.state = State::Closed { failures, limit };
                }
            }
            // Those that were in flight when it opened may prolong it, not shorten it.
            (Signal::Failing(Some(asked)), State::Open { until, pause }) => {
                self.state = State::Open {
                    until: until.max(now.saturating_add(asked)),
                    pause,
                };
            }
            (Signal::Healthy, State::Probing { .. }) if probe => {
                self.state = State::Closed {
                    failures: 0,
                    limit: 2,
                };
            }
            (Signal::Healthy, State::Closed { limit, .. }) => {
                let limit = if limit >= self.full {
                    usize::MAX
                } else {
                    limit + 1
                };
                self.state = State::Closed { failures: 0, limit };
            }
            // A probe that says nothing about the provider is followed by another.
            (Signal::Neutral, State::Probing { pause }) if probe => {
                self.state = State::Open { until: now, pause };
            }
            _ => {}
        }
    }

    /// When it will let a probe through, while it is open.
    pub(crate) fn opens_at(&self) -> Option<Duration> {
        match self.state {
            State::Open { until, .. } => Some(until),
            State::Closed { .. } | State::Probing { .. } => None,
        }
    }

    /// 0 closed, 1 half open, 2 open: the value of the gauge `provider_circuit_state`.
    pub(crate) fn level(&self) -> u8 {
        match self.state {
            State::Closed { .. } => 0,
            State::Probing { .. } => 1,
            State::Open { .. } => 2,
        }
    }

    fn open(&mut self, now: Duration, wait: Duration, pause: Duration) {
        self.state = State::Open {
            until: now.saturating_add(wait),
            pause,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn failing() -> Breaker {
        let mut breaker = Breaker::new(BreakerSettings::default(), 64);
        for _ in 0..5 {
            assert_eq!(breaker.permit(Duration::ZERO), Permit::Yes);
            breaker.start(Permit::Yes);
            breaker.end(Signal::Failing(None), false, Duration::ZERO);
        }
        breaker
    }

    #[test]
    fn opens_after_failures_in_a_row_and_lets_one_probe_through() {
        let mut breaker = failing();
        assert_eq!(breaker.permit(4 * S), Permit::No);
        assert_eq!(breaker.permit(5 * S), Permit::Probe);
        breaker.start(Permit::Probe);
        assert_eq!(breaker.permit(5 * S), Permit::No, "one probe at a time");
        breaker.end(Signal::Failing(None), true, 5 * S);
        assert_eq!(breaker.permit(14 * S), Permit::No, "the pause doubles");
        assert_eq!(breaker.permit(15 * S), Permit::Probe);
    }

    #[test]
    fn recovery_ramps_up() {
        let mut breaker = failing();
        breaker.start(Permit::Probe);
        breaker.end(Signal::Healthy, true, 5 * S);
        let mut started = 0;
        while breaker.permit(5 * S) == Permit::Yes {
            breaker.start(Permit::Yes);
            started += 1;
        }
        assert_eq!(started, 2, "not everything at once");
        breaker.end(Signal::Healthy, false, 5 * S);
        breaker.end(Signal::Healthy, false, 5 * S);
        while breaker.permit(5 * S) == Permit::Yes {
            breaker.start(Permit::Yes);
            started += 1;
        }
        assert_eq!(started, 6, "each success lets one more through");
    }

    #[test]
    fn a_failure_while_it_ramps_up_takes_half_back() {
        let mut breaker = failing();
        breaker.start(Permit::Probe);
        breaker.end(Signal::Healthy, true, 5 * S);
        for _ in 0..6 {
            breaker.end(Signal::Healthy, false, 5 * S);
        }
        let mut room = |signal| {
            breaker.end(signal, false, 5 * S);
            match breaker.state {
                State::Closed { limit, .. } => limit,
                State::Open { .. } | State::Probing { .. } => 0,
            }
        };
        let failed = Signal::Failing(None);
        let steps = [failed, failed, Signal::Healthy, failed, failed].map(&mut room);
        assert_eq!(steps, [4, 2, 3, 1, 0], "out of 8; then it opens");
    }

    #[test]
    fn the_ramp_ends_with_all_that_may_be_in_flight() {
        let mut breaker = Breaker::new(BreakerSettings::default(), 4);
        breaker.end(Signal::Misconfigured, false, Duration::ZERO);
        breaker.start(Permit::Probe);
        breaker.end(Signal::Healthy, true, 60 * S);
        for _ in 0..3 {
            breaker.end(Signal::Healthy, false, 60 * S);
        }
        breaker.end(Signal::Failing(None), false, 60 * S);
        let well = State::Closed {
            failures: 1,
            limit: usize::MAX,
        };
        assert_eq!(breaker.state, well);
    }

    #[test]
    fn a_bad_recipient_never_opens_it() {
        let mut breaker = Breaker::new(BreakerSettings::default(), 64);
        for _ in 0..100 {
            breaker.start(Permit::Yes);
            breaker.end(Signal::Neutral, false, Duration::ZERO);
        }
        assert_eq!(breaker.permit(Duration::ZERO), Permit::Yes);
    }

    #[test]
    fn a_provider_that_asks_for_a_pause_gets_it_at_once() {
        let mut breaker = Breaker::new(BreakerSettings::default(), 64);
        breaker.start(Permit::Yes);
        breaker.end(Signal::Failing(Some(90 * S)), false, S);
        assert_eq!(breaker.permit(90 * S), Permit::No);
        assert_eq!(breaker.permit(91 * S), Permit::Probe);
    }

    #[test]
    fn an_endless_pause_is_no_overflow() {
        let mut breaker = Breaker::new(BreakerSettings::default(), 64);
        breaker.start(Permit::Yes);
        breaker.start(Permit::Yes);
        for _ in 0..2 {
            breaker.end(Signal::Failing(Some(Duration::MAX)), false, S);
            assert_eq!(breaker.permit(1_000_000 * S), Permit::No);
        }
    }

    #[test]
    fn a_configuration_fault_pauses_at_once() {
        let mut breaker = Breaker::new(BreakerSettings::default(), 64);
        breaker.start(Permit::Yes);
        breaker.end(Signal::Misconfigured, false, Duration::ZERO);
        assert_eq!(breaker.permit(59 * S), Permit::No);
        assert_eq!(breaker.permit(60 * S), Permit::Probe);
    }
}
