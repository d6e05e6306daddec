//! From what a send came to, to what is written.

use std::time::Duration;

use bytes::Bytes;

use super::{InFlight, Worker};
use crate::{
    clock::Timestamp,
    engine::{
        breaker::Signal,
        decide::{Decision, Standing, decide},
        memo::{First, doubt_of, known_since, memo},
        metrics,
        schedule::Left,
    },
    mutant::Mutant,
    provider::{Fault, Outcome},
    route::{Attempted, Doubt, Tried},
    store::{
        AddressHash, AttemptOutcome, AttemptRecord, Effect, EndState, Next, Position, Ready,
        Settle, Shape, Suppress,
    },
    text::one_line,
};

/// Longest text of a provider that is kept.
const LONGEST_DETAIL: usize = 500;

impl Worker {
    /// A send ended, unless it was cut short before.
    pub(super) fn ended(&mut self, position: Position, attempted: Attempted, now: Duration) {
        if let Some(flight) = self.in_flight.remove(&position) {
            self.conclude(flight, attempted, now);
        }
    }

    /// Decides what follows from a try, frees what it held, and puts the result with those to be
    /// written.
    pub(super) fn conclude(&mut self, flight: InFlight, attempted: Attempted, now: Duration) {
        let InFlight {
            ready,
            channel,
            reservation,
            latch,
            claimed_at,
            send: _send,
        } = flight;
        let store_now = self.store_at(now);
        let tried = attempted.tried;
        if let Some(reservation) = reservation {
            self.files.give_back(&ready);
            let lineup = &self.lineups[channel];
            let settings = lineup.route.settings();
            let signal = if lineup.is_anothers(&ready.tenant) {
                Signal::Neutral
            } else {
                signal(tried, settings.retry.longest_retry_after)
            };
            self.end(&ready, channel, reservation, signal, now);
        }
        let lineup = &mut self.lineups[channel];
        let provider = reservation.map_or(0, |reservation| reservation.provider);
        let age = crate::clock::until(known_since(&ready), store_now);
        let standing = Standing {
            failures: ready.failures,
            suspicion: ready.suspicion,
            probe: reservation.is_some_and(|reservation| reservation.probe),
            recognised: lineup.recognise(age),
            asked: lineup.route.can_ask() && self.keeps.has(Shape::Memo),
            expires_at: ready.expires_at,
        };
        let settings = lineup.route.settings();
        let draw = self.shared.entropy.fraction();
        let decision = decide(
            tried,
            standing,
            &settings.retry,
            settings.guarantee,
            store_now,
            draw,
        );
        if let (Some(took), Some(metrics)) = (attempted.sending, lineup.metrics_of(provider)) {
            metrics.attempted(tried, took);
            if matches!(decision.next, Next::Retry(_)) {
                metrics.retries(fault_of(tried).map_or("other", Fault::as_str));
            }
        }
        lineup.metrics.made(tried, attempted.making);
        if attempted.repeats {
            metrics::duplicate("no_answer");
        }
        let asked = attempted.sending.is_some();
        let named = asked || matches!(tried, Tried::Accepted | Tried::Unclear { .. });
        let (next, retry_in) = named_next(&decision.next, store_now);
        let record = AttemptRecord {
            generation: ready.generation,
            attempt: ready.attempt + 1,
            provider: lineup.name(provider).filter(|_| named).cloned(),
            started_at: claimed_at,
            took: crate::clock::until(claimed_at, store_now),
            request_started: asked && (latch.is_set() || !lineup.reports_start(provider)),
            outcome: outcome_of(tried, attempted.message_id),
            fault: fault_of(tried),
            code: attempted.code.map(|code| one_line(code, LONGEST_DETAIL)),
            detail: attempted
                .detail
                .map(|detail| one_line(detail, LONGEST_DETAIL)),
            next: next.into(),
            retry_in,
        };
        let suppressed = attempted.address.zip(attempted.suppress);
        let effects = suppression(&ready, suppressed, record.code.clone());
        let left = match decision.next {
            Next::End(EndState::Dead, _) => Left::Dead,
            Next::End(..) => Left::Done,
            _ => Left::Open,
        };
        self.scheduler.release(&ready, left);
        let first = record.provider.clone().filter(|_| asked).map(|by| First {
            at: record.started_at,
            by,
        });
        let doubt = doubt_after(&ready, tried, attempted.doubtful, (claimed_at, store_now));
        let refused_by = record
            .provider
            .clone()
            .filter(|_| self.lineups[channel].has_others() && may_go_elsewhere(tried));
        let memo = memo(&ready, &decision.next, first, doubt, refused_by);
        self.settle(ready, decision, record, memo, attempted.rendering, effects);
    }

    /// Puts a decision with the results to be written.
    pub(super) fn settle(
        &mut self,
        ready: Ready,
        decision: Decision,
        record: AttemptRecord,
        memo: Option<Bytes>,
        rendering: Option<Bytes>,
        effects: Vec<Effect>,
    ) {
        tell(&ready, &decision.next, &record);
        let put_off = matches!(decision.next, Next::Later { .. });
        let next = match decision.next {
            // A store that knows only retries takes it for one.
            Next::Later { .. } if !self.keeps.has(Shape::Later) => {
                Next::Retry(record.retry_in.unwrap_or_default())
            }
            next => next,
        };
        let memo = memo.filter(|_| self.keeps.has(Shape::Memo));
        let began = record.request_started;
        let mut settle = Settle::new(&ready, next, record);
        settle.memo = memo;
        if put_off && !began && !Mutant::LaterIsRetry.is_active() {
            settle.tries = ready.tries;
        }
        settle.failures = decision.failures;
        settle.suspicion = decision.suspicion;
        settle.rendering = rendering;
        settle.effects = effects;
        self.put(ready, settle);
    }

    /// Puts a result with those to be written.
    pub(super) fn put(&mut self, ready: Ready, settle: Settle) {
        let waiting = &mut self.group_of(ready.lane).waiting;
        waiting.flush.settles.push(settle);
        waiting.ready.push(ready);
    }
}

/// Whether the next try may as well be made by another provider: this one says that it did not take it, and that
/// it is its own fault.
fn may_go_elsewhere(tried: Tried) -> bool {
    let own = |fault| matches!(fault, Fault::Provider | Fault::Quota | Fault::Configuration);
    let certain = |outcome| outcome != Outcome::Unknown || Mutant::ElsewhereInDoubt.is_active();
    matches!(tried, Tried::Failed { outcome, fault, .. } if own(fault) && certain(outcome))
}

/// When it may have been sent, after a try.
fn doubt_after(
    ready: &Ready,
    tried: Tried,
    doubtful: bool,
    (began, ended): (Timestamp, Timestamp),
) -> Option<Doubt> {
    let before = doubt_of(ready);
    match tried {
        _ if tried.is_unknown() => Some(Doubt::new(began, ended).and(before)),
        // The provider says that it does not have it.
        Tried::Failed { .. } | Tried::Panicked { .. } if !doubtful => None,
        _ => before,
    }
}

/// What comes next, as the history names it.
pub(super) fn named_next(next: &Next, now: Timestamp) -> (&'static str, Option<Duration>) {
    match next {
        Next::Retry(wait) => ("retry", Some(*wait)),
        Next::Later { until, .. } => ("later", Some(crate::clock::until(now, *until))),
        Next::End(state, _) => (state.as_str(), None),
        _ => ("", None),
    }
}

fn tell(ready: &Ready, next: &Next, record: &AttemptRecord) {
    match next {
        Next::End(EndState::Accepted, _) => tracing::debug!(
            event.id = %ready.event, delivery.id = %ready.id, channel = %ready.channel,
            attempt = record.attempt, "sent"
        ),
        Next::End(state, reason) => tracing::warn!(
            event.id = %ready.event, delivery.id = %ready.id, channel = %ready.channel,
            attempt = record.attempt, state = state.as_str(), %reason, detail = record.detail,
            "the delivery ended without being sent"
        ),
        Next::Retry(wait) => tracing::info!(
            event.id = %ready.event, delivery.id = %ready.id, channel = %ready.channel,
            attempt = record.attempt, ?wait, detail = record.detail, "the delivery is tried again"
        ),
        Next::Later { until, why } => tracing::debug!(
            event.id = %ready.event, delivery.id = %ready.id, channel = %ready.channel,
            attempt = record.attempt, %until, why = why.as_str(), detail = record.detail,
            "the delivery was put off"
        ),
        _ => {}
    }
}

/// What a try says about its provider. An answer about a message or a recipient shows that the
/// provider works. A wait beyond all reason ends the message, and is no reason to leave the
/// provider alone.
fn signal(tried: Tried, longest: Duration) -> Signal {
    match tried {
        Tried::Accepted => Signal::Healthy,
        Tried::Failed {
            fault: Fault::Message | Fault::Recipient,
            ..
        } => Signal::Healthy,
        Tried::Failed {
            fault: Fault::Configuration,
            ..
        } => Signal::Misconfigured,
        Tried::Failed {
            fault: Fault::Quota | Fault::Provider,
            retry_after,
            ..
        } => Signal::Failing(retry_after.filter(|wait| *wait <= longest)),
        // As good as a lost answer; what only asked says nothing.
        Tried::Unclear { began: true, .. } => Signal::Failing(None),
        Tried::Unsendable(_)
        | Tried::Unclear { began: false, .. }
        | Tried::Panicked { .. }
        | Tried::Interrupted { .. }
        | Tried::Returned { .. } => Signal::Neutral,
    }
}

fn outcome_of(tried: Tried, message_id: Option<String>) -> AttemptOutcome {
    match tried {
        Tried::Accepted => AttemptOutcome::Accepted { id: message_id },
        Tried::Failed { outcome, .. } => AttemptOutcome::Failed(outcome),
        Tried::Unsendable(_) => AttemptOutcome::Failed(Outcome::Permanent),
        Tried::Unclear { .. } | Tried::Panicked { started: true } => {
            AttemptOutcome::Failed(Outcome::Unknown)
        }
        Tried::Panicked { started: false } | Tried::Returned { .. } => {
            AttemptOutcome::Failed(Outcome::Retryable)
        }
        Tried::Interrupted { .. } => AttemptOutcome::Interrupted,
    }
}

fn fault_of(tried: Tried) -> Option<Fault> {
    match tried {
        Tried::Failed { fault, .. } => Some(fault),
        Tried::Unsendable(_) => Some(Fault::Message),
        Tried::Unclear { .. } | Tried::Panicked { .. } => Some(Fault::Provider),
        Tried::Accepted | Tried::Interrupted { .. } | Tried::Returned { .. } => None,
    }
}

fn suppression(
    ready: &Ready,
    suppressed: Option<(AddressHash, Suppress)>,
    code: Option<String>,
) -> Vec<Effect> {
    suppressed
        .map(|(address, suppress)| {
            let (tenant, channel) = (ready.tenant.clone(), ready.channel.clone());
            Effect::Suppress(suppress.entry(tenant, channel, address, code, None))
        })
        .into_iter()
        .collect()
}
