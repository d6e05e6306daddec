//! What comes after a try: one pure function.

use std::time::Duration;

use crate::{
    clock::{Timestamp, later},
    engine::schedule::ALONE,
    mutant::Mutant,
    provider::{Fault, Outcome},
    route::{Guarantee, RetryPolicy, Tried, Unsendable},
    store::{EndState, Next, Reason, Why},
};

/// What is known about a delivery besides its try.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    /// Tries that count, before this one.
    pub(crate) failures: u32,
    /// See [`POISON`].
    pub(crate) suspicion: u32,
    /// Whether this try was the probe of an open breaker.
    pub(crate) probe: bool,
    /// Whether the provider recognises a repeated reference.
    pub(crate) recognised: bool,
    /// Whether a provider can be asked what became of it, and what is known of its tries is kept.
    pub(crate) asked: bool,
    /// When it is worth nothing any more.
    pub(crate) expires_at: Option<Timestamp>,
}

/// What follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) next: Next,
    pub(crate) failures: u32,
    pub(crate) suspicion: u32,
}

/// A suspicion of one marks a delivery that was in flight in a crash, of two one that was in flight in
/// several: from then on it is tried [`ALONE`]. Each crash while it was alone, and each panic, adds one. At
/// four it is poison: after three of those, or after two that followed crashes in company.
const POISON: u32 = 4;

/// How long a message waits when its provider was paused for a configuration fault.
const CONFIGURATION_WAIT: Duration = Duration::from_secs(60);

/// Decides what follows a try. Pure: the same input gives the same answer; `draw` in `0.0..1.0`
/// is the only chance in it.
pub(crate) fn decide(
    tried: Tried,
    standing: Standing,
    policy: &RetryPolicy,
    guarantee: Guarantee,
    now: Timestamp,
    draw: f64,
) -> Decision {
    let keep = Decision {
        next: Next::Retry(Duration::ZERO),
        failures: standing.failures,
        suspicion: 0,
    };
    let end = |state, reason| Decision {
        next: Next::End(state, reason),
        ..keep.clone()
    };
    let in_time = |wait| {
        standing
            .expires_at
            .is_none_or(|expiry| later(now, wait) < expiry)
            || Mutant::RetryPastExpiry.is_active()
    };
    let stops = guarantee == Guarantee::AtMostOnce && !standing.recognised;

    match tried {
        Tried::Accepted => end(EndState::Accepted, Reason::Sent),
        Tried::Unsendable(why) => end(
            EndState::Dead,
            match why {
                Unsendable::Render => Reason::RenderFailed,
                Unsendable::Compose => Reason::ComposeFailed,
                Unsendable::Address => Reason::InvalidAddress,
                Unsendable::Unreadable => Reason::Unreadable,
                Unsendable::Erased => Reason::Erased,
                Unsendable::SecretGone => Reason::SecretGone,
            },
        ),
        Tried::Returned { wait } => Decision {
            next: Next::Later {
                until: later(now, wait),
                why: Why::Returned,
            },
            suspicion: standing.suspicion,
            ..keep
        },
        Tried::Unclear { wait, began } if in_time(wait) => Decision {
            next: Next::Later {
                until: later(now, wait),
                why: Why::Unclear,
            },
            failures: standing.failures.saturating_add(u32::from(began)),
            suspicion: 0,
        },
        // It would be worth nothing by then: as if nobody could be asked.
        Tried::Unclear { .. } => {
            let tried = Tried::Failed {
                outcome: Outcome::Unknown,
                fault: Fault::Provider,
                retry_after: None,
            };
            decide(tried, standing, policy, guarantee, now, draw)
        }
        Tried::Failed {
            fault: Fault::Configuration,
            outcome,
            ..
        } if outcome != Outcome::Unknown => {
            if in_time(CONFIGURATION_WAIT) {
                Decision {
                    next: Next::Retry(CONFIGURATION_WAIT),
                    ..keep
                }
            } else {
                end(EndState::Expired, Reason::Expired)
            }
        }
        Tried::Failed {
            outcome: Outcome::Permanent,
            ..
        } => end(EndState::Dead, Reason::Refused),
        Tried::Failed {
            outcome: Outcome::Unknown,
            ..
        } if stops => end(EndState::OutcomeUnknown, Reason::NoAnswer),
        Tried::Failed {
            outcome,
            fault,
            retry_after,
        } => {
            // A message whose last try may have been sent never ends in a state that denies it.
            let given_up = if outcome == Outcome::Unknown {
                EndState::OutcomeUnknown
            } else {
                EndState::Dead
            };
            // An outage uses no attempts up. A probe that may have been sent is no matter of the
            // outage: without end it would be sent again and again.
            let counts = !standing.probe
                || outcome == Outcome::Unknown
                || Mutant::BreakerTimeCounts.is_active();
            let failures = standing.failures + u32::from(counts);
            let decision = |next| Decision {
                next,
                failures,
                suspicion: 0,
            };
            if failures >= policy.max_attempts {
                return decision(Next::End(given_up, Reason::AttemptsExhausted));
            }
            if retry_after.is_some_and(|wait| wait > policy.longest_retry_after) {
                return decision(Next::End(given_up, Reason::RetryAfterTooLong));
            }
            let wait = policy.wait(failures.max(1), fault == Fault::Quota, retry_after, draw);
            if in_time(wait) {
                decision(Next::Retry(wait))
            } else if outcome == Outcome::Unknown {
                decision(Next::End(EndState::OutcomeUnknown, Reason::Expired))
            } else {
                decision(Next::End(EndState::Expired, Reason::Expired))
            }
        }
        Tried::Panicked { started: true } if stops => {
            end(EndState::OutcomeUnknown, Reason::NoAnswer)
        }
        // What can be asked about is asked about before it may be sent again.
        Tried::Interrupted { .. } if stops && !standing.asked => {
            end(EndState::OutcomeUnknown, Reason::NoAnswer)
        }
        Tried::Panicked { .. } | Tried::Interrupted { .. } => {
            let suspicion = match tried {
                // One of many: never poison by that.
                Tried::Interrupted { alone: false } => {
                    standing.suspicion.max((standing.suspicion + 1).min(ALONE))
                }
                _ => standing.suspicion.max(1) + 1,
            };
            if suspicion >= POISON {
                return Decision {
                    suspicion,
                    ..end(EndState::Dead, Reason::Poison)
                };
            }
            let wait = match tried {
                Tried::Panicked { .. } => policy.wait(suspicion, false, None, draw),
                _ => Duration::ZERO,
            };
            if in_time(wait) {
                Decision {
                    next: Next::Retry(wait),
                    failures: standing.failures,
                    suspicion,
                }
            } else if matches!(tried, Tried::Panicked { started: false }) {
                end(EndState::Expired, Reason::Expired)
            } else {
                end(EndState::OutcomeUnknown, Reason::Expired)
            }
        }
    }
}

#[cfg(test)]
mod tests;
