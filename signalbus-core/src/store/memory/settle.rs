use super::{lanes::Held, row::Phase, tables::Tables};
use crate::{
    clock::{Timestamp, later, until},
    mutant::Mutant,
    store::{
        AttemptOutcome, AttemptRecord, Effect, EndState, Entry, NewEvent, Next, Position, Reason,
        Settle, SettleAnswer, refund,
    },
};

impl Tables {
    pub(super) fn settle(&mut self, held: &Held, settle: &Settle, now: Timestamp) -> SettleAnswer {
        if !held.has(settle.lane) && !Mutant::SettleUnderOldEpoch.is_active() {
            return SettleAnswer::LaneLost;
        }
        let in_this_attempt = self
            .named(settle.position, settle.id, settle.lane)
            .is_some_and(|row| {
                row.generation == settle.generation
                    && row.attempt == settle.attempt
                    && matches!(row.phase, Phase::Sending(_))
            });
        if in_this_attempt {
            self.apply(settle, now);
            SettleAnswer::Applied
        } else {
            SettleAnswer::Already
        }
    }

    fn apply(&mut self, settle: &Settle, now: Timestamp) {
        let position = settle.position;
        let Some(row) = self.rows.get_mut(position.0) else {
            return;
        };
        row.tries = settle.tries;
        row.failures = settle.failures;
        row.memo.clone_from(&settle.memo);
        row.suspicion = settle.suspicion;
        if settle.rendering.is_some() {
            row.rendering.clone_from(&settle.rendering);
        }
        let called_off = row.cancel_requested;
        row.note(now, Entry::Attempt(settle.record.clone()));
        for effect in &settle.effects {
            match effect {
                Effect::Suppress(suppression) => self.suppressions.add(suppression.clone(), now),
                Effect::Accept(event) => {
                    // What became of it follows from its id.
                    let _ = self.accept_one(NewEvent::clone(event), now);
                }
            }
        }
        for back in &settle.refunds {
            refund(&mut self.counters, back);
        }
        match &settle.next {
            Next::Retry(_) | Next::Later { .. } if called_off => {
                self.end_untried(position, EndState::Cancelled, Reason::Cancelled, None, now);
            }
            Next::Retry(delay) => self.wait(position, later(now, *delay), Some(now), now),
            Next::Later { until, .. } => self.wait(position, *until, None, now),
            Next::End(state, reason) => self.end(position, *state, reason.clone(), now),
        }
        if let Some((provider, id)) = taken(&settle.record) {
            self.taken_by(position, provider, id);
        }
        self.resolve(position, now);
        self.apply_parked(position, now);
    }

    pub(super) fn wait(
        &mut self,
        position: Position,
        due: Timestamp,
        since: Option<Timestamp>,
        now: Timestamp,
    ) {
        self.dequeue(position);
        if let Some(row) = self.rows.get_mut(position.0) {
            row.due = due;
            if since.is_some() || row.special.is_some() {
                row.special.get_or_insert_default().waits_since = since;
            }
        }
        self.enqueue(position, now);
    }

    /// When the wall clock went back, what began to wait at a time that has not come yet waits as
    /// long again, and no longer.
    pub(super) fn notice(&mut self, now: Timestamp) {
        if now >= self.latest {
            self.latest = now;
            return;
        }
        self.latest = now;
        let waiting: Vec<Position> = self
            .rows
            .iter_from(0)
            .filter(|(_, row)| matches!(row.phase, Phase::Ready | Phase::Scheduled | Phase::Held))
            .filter(|(_, row)| row.waits_since().is_some_and(|since| since > now))
            .map(|(at, _)| Position(at))
            .collect();
        for position in waiting {
            let Some(row) = self.rows.get(position.0) else {
                continue;
            };
            let Some(since) = row.waits_since() else {
                continue;
            };
            let (due, held) = (later(now, until(since, row.due)), row.phase == Phase::Held);
            if held {
                if let Some(row) = self.rows.get_mut(position.0) {
                    row.due = due;
                }
            } else {
                self.wait(position, due, Some(now), now);
            }
        }
    }
}

/// Who took the message, and what they call it.
fn taken(record: &AttemptRecord) -> Option<(crate::name::ProviderName, Option<String>)> {
    match &record.outcome {
        AttemptOutcome::Accepted { id } => Some((record.provider.clone()?, id.clone())),
        _ => None,
    }
}
