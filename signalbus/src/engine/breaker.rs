//! A small circuit breaker for one provider.

use std::time::Duration;

use crate::{mutant::Mutant, route::BreakerSettings};

/// Stops sending to a provider that is down, tries it with probes, and ramps up again.
///
/// One that fails in part is not down: it goes on, with fewer sends at once while failures come in a row.
/// Only a row that is long, or lasts, opens it. Who failed often before is probed as often as it usually takes
/// until one succeeds, and soon.
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
    /// Which part of the last sends went well, later ones counting more; and the same at the last
    /// that did.
    share: f64,
    usual_share: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    /// Lets through `limit` at a time; `usize::MAX` when it has not failed lately.
    Closed {
        row: Row,
        limit: usize,
    },
    Open {
        until: Duration,
        pause: Duration,
    },
    /// Probes are in flight, and so many more may follow.
    Probing {
        pause: Duration,
        left: u32,
        in_flight: u32,
    },
}

/// Failures in a row.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Row {
    count: u32,
    since: Duration,
}

/// How much one send changes the share of those that go well.
const WEIGHT: f64 = 1.0 / 32.0;

/// As long as a quarter of the failures that open it at once may last.
const LASTING: Duration = Duration::from_secs(5);

/// How many are in flight at least while it is closed, however often it fails.
const LEAST: usize = 4;

/// A provider of which usually less than this goes well fails in part.
const IN_PART: f64 = 0.7;

/// Probes in flight at once of a provider that fails in part.
const PROBES_AT_ONCE: u32 = 4;

/// The most probes of one half-open phase.
const MOST_PROBES: u32 = 60;

const WELL: State = State::Closed {
    row: Row {
        count: 0,
        since: Duration::ZERO,
    },
    limit: usize::MAX,
};

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
        Self {
            settings,
            full,
            state: WELL,
            in_flight: 0,
            share: 1.0,
            usual_share: 1.0,
        }
    }

    /// Asks without taking.
    pub(crate) fn permit(&self, now: Duration) -> Permit {
        match self.state {
            State::Closed { limit, .. } if self.in_flight < limit => Permit::Yes,
            State::Open { until, .. } if now >= until => Permit::Probe,
            State::Probing {
                left, in_flight, ..
            } if left > 0 && in_flight < PROBES_AT_ONCE => Permit::Probe,
            State::Closed { .. } | State::Open { .. } | State::Probing { .. } => Permit::No,
        }
    }

    /// A send starts, with the permit it was given.
    pub(crate) fn start(&mut self, permit: Permit) {
        self.in_flight += 1;
        if permit != Permit::Probe {
            return;
        }
        match &mut self.state {
            State::Open { pause, .. } => {
                self.state = State::Probing {
                    pause: *pause,
                    left: self.probes() - 1,
                    in_flight: 1,
                };
            }
            State::Probing {
                left, in_flight, ..
            } => {
                *left = left.saturating_sub(1);
                *in_flight += 1;
            }
            State::Closed { .. } => {}
        }
    }

    /// How many probes it takes until it is certain that one would have succeeded.
    fn probes(&self) -> u32 {
        if self.usual_share >= IN_PART {
            return 1;
        }
        let probes = (3.0 / self.usual_share).ceil().min(f64::from(MOST_PROBES));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between one and sixty"
        )]
        let probes = probes as u32;
        probes.max(1)
    }

    /// A send ended. `probe` says whether it was one of the probes.
    pub(crate) fn end(&mut self, signal: Signal, probe: bool, now: Duration) {
        self.in_flight = self.in_flight.saturating_sub(1);
        match signal {
            Signal::Healthy => {
                self.share += (1.0 - self.share) * WEIGHT;
                self.usual_share = self.share;
            }
            Signal::Failing(_) => self.share -= self.share * WEIGHT,
            Signal::Neutral | Signal::Misconfigured => {}
        }
        match (signal, self.state) {
            (Signal::Misconfigured, _) => {
                let pause = self.settings.configuration_pause;
                self.open(now, pause, pause);
            }
            (
                Signal::Failing(asked),
                State::Probing {
                    pause,
                    left,
                    in_flight,
                },
            ) if probe => {
                let in_flight = in_flight.saturating_sub(1);
                if asked.is_none() && (left > 0 || in_flight > 0) {
                    self.state = State::Probing {
                        pause,
                        left,
                        in_flight,
                    };
                    return;
                }
                let pause = pause.saturating_mul(2).min(self.settings.longest_pause);
                self.open(now, pause.max(asked.unwrap_or_default()), pause);
            }
            (Signal::Failing(asked), State::Closed { row, limit }) => {
                let row = Row {
                    count: row.count + 1,
                    since: if row.count == 0 { now } else { row.since },
                };
                let few = self.settings.failures.div_ceil(4).max(2);
                let lasts = row.count > few && now.saturating_sub(row.since) >= LASTING;
                let lasts = lasts || (Mutant::DownAtOnce.is_active() && row.count >= few);
                if asked.is_some() || row.count >= self.settings.failures || lasts {
                    let pause = self.first_pause();
                    self.open(now, asked.unwrap_or(pause), pause);
                    return;
                }
                // While it ramps up, a failure takes half of it back.
                let limit = match limit {
                    usize::MAX if row.count < few => usize::MAX,
                    usize::MAX => (self.in_flight / 2).max(LEAST),
                    limit => (limit / 2).max(LEAST.min(limit)),
                };
                self.state = State::Closed { row, limit };
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
                    row: Row::default(),
                    limit: 2,
                };
            }
            (Signal::Healthy, State::Closed { limit, .. }) => {
                let limit = if limit >= self.full {
                    usize::MAX
                } else {
                    limit + 1
                };
                let row = Row::default();
                self.state = State::Closed { row, limit };
            }
            // A probe that says nothing about the provider is followed by another.
            (
                Signal::Neutral,
                State::Probing {
                    pause,
                    left,
                    in_flight,
                },
            ) if probe => {
                let in_flight = in_flight.saturating_sub(1);
                self.state = if left == 0 && in_flight == 0 {
                    State::Open { until: now, pause }
                } else {
                    State::Probing {
                        pause,
                        left,
                        in_flight,
                    }
                };
            }
            _ => {}
        }
    }

    /// Who fails in part is not left alone for long.
    fn first_pause(&self) -> Duration {
        if self.usual_share >= IN_PART {
            return self.settings.first_pause;
        }
        self.settings.first_pause / 5
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
        for _ in 0..20 {
            assert_eq!(breaker.permit(Duration::ZERO), Permit::Yes);
            breaker.start(Permit::Yes);
            breaker.end(Signal::Failing(None), false, Duration::ZERO);
        }
        breaker
    }

    #[test]
    fn a_few_failures_in_a_row_open_it_when_they_last() {
        let mut breaker = Breaker::new(BreakerSettings::default(), 64);
        for second in 0..6 {
            assert_eq!(breaker.permit(second * S), Permit::Yes);
            breaker.start(Permit::Yes);
            breaker.end(Signal::Failing(None), false, second * S);
        }
        assert_eq!(breaker.permit(9 * S), Permit::No);
        assert_eq!(breaker.permit(10 * S), Permit::Probe);
    }

    #[test]
    fn failures_in_a_row_leave_a_few_in_flight() {
        let mut breaker = Breaker::new(BreakerSettings::default(), 64);
        let mut in_flight = 0;
        while in_flight < 64 {
            breaker.start(breaker.permit(Duration::ZERO));
            in_flight += 1;
        }
        for _ in 0..19 {
            breaker.end(Signal::Failing(None), false, Duration::ZERO);
            in_flight -= 1;
        }
        let State::Closed { limit, .. } = breaker.state else {
            panic!("{breaker:?}");
        };
        assert_eq!(limit, LEAST);
        assert_eq!(
            breaker.permit(Duration::ZERO),
            Permit::No,
            "{in_flight} are"
        );
    }

    /// A provider that usually fails nine times of ten.
    #[test]
    fn who_fails_in_part_is_probed_as_often_as_it_takes() {
        let mut breaker = Breaker::new(BreakerSettings::default(), 64);
        let mut now = Duration::ZERO;
        let send = |breaker: &mut Breaker, signal, now| {
            let permit = breaker.permit(now);
            breaker.start(permit);
            breaker.end(signal, permit == Permit::Probe, now);
            permit
        };
        for nth in 0..200 {
            let signal = if nth % 10 == 9 {
                Signal::Healthy
            } else {
                Signal::Failing(None)
            };
            assert_eq!(send(&mut breaker, signal, now), Permit::Yes);
        }
        for _ in 0..20 {
            send(&mut breaker, Signal::Failing(None), now);
        }
        assert_eq!(breaker.permit(now), Permit::No);
        now += S;
        let mut probes = 0;
        while breaker.permit(now) == Permit::Probe {
            send(&mut breaker, Signal::Failing(None), now);
            probes += 1;
        }
        assert!((20..=40).contains(&probes), "{probes}");
        now += 2 * S;
        assert_eq!(
            send(&mut breaker, Signal::Failing(None), now),
            Permit::Probe
        );
        assert_eq!(send(&mut breaker, Signal::Healthy, now), Permit::Probe);
        assert_eq!(breaker.permit(now), Permit::Yes);
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
        for _ in 0..14 {
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
        assert_eq!(steps, [8, 4, 5, 4, 4], "out of 16");
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
        assert_eq!(breaker.state, WELL);
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
