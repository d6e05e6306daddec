use super::{lanes::Held, row::Phase, tables::Tables};
use crate::{
    clock::{Timestamp, later},
    mutant::Mutant,
    store::{
        AttemptOutcome, AttemptRecord, Effect, EndState, Entry, Next, Position, Reason, Settle,
        SettleAnswer,
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
        row.failures = settle.failures;
        row.suspicion = settle.suspicion;
        if settle.rendering.is_some() {
            row.rendering.clone_from(&settle.rendering);
        }
        let called_off = row.cancel_requested;
        row.note(now, Entry::Attempt(settle.record.clone()));
        for effect in &settle.effects {
            match effect {
                Effect::Suppress(suppression) => self.suppressions.add(suppression.clone()),
            }
        }
        match &settle.next {
            Next::Retry(_) if called_off => {
                self.end_untried(position, EndState::Cancelled, Reason::Cancelled, None, now);
            }
            Next::Retry(delay) => self.retry(position, later(now, *delay), now),
            Next::End(state, reason) => self.end(position, *state, reason.clone(), now),
        }
        if let Some((provider, id)) = taken(&settle.record) {
            self.taken_by(position, provider, id);
        }
        self.resolve(position, now);
        self.apply_parked(position, now);
    }

    fn retry(&mut self, position: Position, due: Timestamp, now: Timestamp) {
        self.dequeue(position);
        if let Some(row) = self.rows.get_mut(position.0) {
            row.due = due;
        }
        self.enqueue(position, now);
    }
}

/// Who took the message, and what they call it.
fn taken(record: &AttemptRecord) -> Option<(crate::name::ProviderName, Option<String>)> {
    match &record.outcome {
        AttemptOutcome::Accepted { id } => Some((record.provider.clone()?, id.clone())),
        _ => None,
    }
}
