//! Deliveries that wait for another one of their event.

use std::collections::BTreeMap;

use super::{
    row::{Phase, Row},
    tables::Tables,
};
use crate::{
    clock::Timestamp,
    id::DeliveryId,
    mutant::Mutant,
    store::{EndState, Position, Reason, Settle, Verdict},
};

/// Who waits for whom.
#[derive(Debug, Clone, Default)]
pub(super) struct Siblings {
    waiting: BTreeMap<DeliveryId, Vec<Position>>,
    /// Deliveries of which something became in this transaction.
    moved: Vec<Position>,
}

impl Siblings {
    pub(super) fn add(&mut self, row: &Row, position: Position) {
        if let Some(after) = row.after() {
            self.waiting
                .entry(after.sibling)
                .or_default()
                .push(position);
        }
    }

    pub(super) fn forget(&mut self, row: &Row, position: Position) {
        if let Some(after) = row.after()
            && let Some(waiting) = self.waiting.get_mut(&after.sibling)
        {
            waiting.retain(|one| *one != position);
            if waiting.is_empty() {
                self.waiting.remove(&after.sibling);
            }
        }
    }

    /// Something became of a delivery.
    pub(super) fn moved(&mut self, position: Position) {
        if !self.waiting.is_empty() {
            self.moved.push(position);
        }
    }

    fn of(&self, sibling: DeliveryId) -> Vec<Position> {
        self.waiting.get(&sibling).cloned().unwrap_or_default()
    }
}

impl Tables {
    /// Ends or releases those that wait for a delivery of which something became; but for those of
    /// `except`, whose own results were written beside: their next claim looks.
    pub(super) fn decide_siblings(&mut self, except: &[Settle], now: Timestamp) {
        // What ends here may be waited for in turn.
        while let Some(of) = self.siblings.moved.pop() {
            let sibling = self.rows.get(of.0).map(|row| row.id);
            for position in sibling.map_or_else(Vec::new, |id| self.siblings.of(id)) {
                if except.iter().all(|settle| settle.position != position) {
                    self.decide_sibling(position, now);
                }
            }
        }
    }

    /// The same for one of them.
    pub(super) fn decide_sibling(&mut self, position: Position, now: Timestamp) {
        let Some(row) = self.rows.get(position.0) else {
            return;
        };
        if matches!(row.phase, Phase::Sending(_) | Phase::Ended { .. }) {
            return;
        }
        match self.verdict(row) {
            Verdict::Wait => {}
            Verdict::NotNeeded => {
                let (state, reason) = (EndState::NotNeeded, Reason::Reached);
                self.end_untried(position, state, reason, None, now);
            }
            // What was claimed before has stopped waiting for it.
            Verdict::Send if row.attempt > 0 => {}
            Verdict::Send => self.send_now(position, now),
        }
    }

    /// What the delivery that it waits for means for this one; to send it when it waits for none.
    pub(super) fn verdict(&self, row: &Row) -> Verdict {
        let after = row
            .after()
            .filter(|_| !Mutant::SentAfterReached.is_active());
        let Some(after) = after else {
            return Verdict::Send;
        };
        let sibling = self
            .position_of(row.tenant(), after.sibling)
            .and_then(|at| self.rows.get(at.0));
        match sibling {
            // It was forgotten, or never there.
            None => Verdict::Send,
            Some(other) => after.verdict(other.state(), other.reason(), other.rank()),
        }
    }

    fn send_now(&mut self, position: Position, now: Timestamp) {
        let is_held = |row: &Row| row.phase == Phase::Held;
        let held = self.rows.get(position.0).is_some_and(|row| is_held(row));
        if !held {
            self.dequeue(position);
        }
        if let Some(row) = self.rows.get_mut(position.0) {
            row.due = row.due.min(now);
        }
        if !held {
            self.enqueue(position, now);
        }
    }
}
