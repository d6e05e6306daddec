//! Pauses, and what they hold.

use super::{
    row::{Phase, Row},
    tables::Tables,
};
use crate::{
    clock::Timestamp,
    store::{Entry, Pause, Paused, Position, Released},
};

impl Tables {
    pub(super) fn pause(&mut self, pause: Pause, now: Timestamp) -> bool {
        if self.pauses.iter().any(|stands| stands.what == pause.what) {
            return false;
        }
        self.pauses.push(pause.since(now));
        true
    }

    pub(super) fn resume(&mut self, what: &Paused) -> bool {
        let before = self.pauses.len();
        self.pauses.retain(|pause| pause.what != *what);
        self.pauses.len() < before
    }

    pub(super) fn release(&mut self, limit: u32, now: Timestamp) -> Released {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let free: Vec<Position> = self
            .held
            .iter()
            .copied()
            .filter(|at| {
                let row = self.rows.get(at.0);
                row.is_some_and(|row| self.pause_of(row).is_none())
            })
            .take(limit.saturating_add(1))
            .collect();
        let released = free.len().min(limit);
        for position in &free[..released] {
            self.dequeue(*position);
            self.enqueue(*position, now);
        }
        Released {
            released: u64::try_from(released).unwrap_or(u64::MAX),
            more: free.len() > limit,
        }
    }

    /// The pause that holds this delivery back, if one does.
    pub(super) fn pause_of(&self, row: &Row) -> Option<&Pause> {
        let channel = row.channel()?;
        self.pauses
            .iter()
            .find(|pause| pause.what.holds(row.tenant(), &row.event.topic, channel))
    }

    /// Takes a delivery out of the way.
    pub(super) fn hold(&mut self, position: Position, reason: String, now: Timestamp) {
        self.dequeue(position);
        self.held.insert(position);
        if let Some(row) = self.rows.get_mut(position.0) {
            row.phase = Phase::Held;
            row.note(now, Entry::Held { reason });
        }
    }
}
