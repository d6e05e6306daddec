//! The lanes this worker owns.

use std::time::Duration;

use crate::store::{LaneHolding, LaneId, LaneLease};

/// A lease is not used in its last part, since clocks of two machines run apart.
const MARGIN: u32 = 10;

#[derive(Debug, Clone, Default)]
pub(crate) struct Lanes {
    held: Vec<Held>,
    /// To be given up as soon as nothing of them is in flight.
    leaving: Vec<LaneId>,
    /// How often one was lost.
    changes: u64,
}

#[derive(Debug, Clone)]
struct Held {
    lease: LaneLease,
    /// Monotonic.
    safe_until: Duration,
}

impl Lanes {
    /// Takes over what the store answered to a question asked at `asked`; returns the lanes that
    /// are lost.
    pub(crate) fn update(&mut self, holding: LaneHolding, asked: Duration) -> Vec<LaneId> {
        let lost: Vec<LaneId> = self
            .held
            .iter()
            .filter(|held| {
                !holding
                    .leases
                    .iter()
                    .any(|now| now.lane == held.lease.lane && now.epoch == held.lease.epoch)
            })
            .map(|held| held.lease.lane)
            .collect();
        self.changes += u64::from(!lost.is_empty() || !holding.surplus.is_empty());
        self.leaving = holding.surplus;
        self.held = holding
            .leases
            .into_iter()
            .map(|lease| Held {
                lease,
                safe_until: asked.saturating_add(lease.remaining - lease.remaining / MARGIN),
            })
            .collect();
        lost
    }

    /// A write said that a lane has another owner.
    pub(crate) fn lost(&mut self, lane: LaneId) {
        self.held.retain(|held| held.lease.lane != lane);
        self.changes += 1;
    }

    pub(crate) fn owns(&self, lane: LaneId) -> bool {
        self.held.iter().any(|held| held.lease.lane == lane)
    }

    /// Whether it may be worked on.
    pub(crate) fn holds(&self, lane: LaneId) -> bool {
        self.owns(lane) && !self.leaving.contains(&lane)
    }

    /// Differs after lanes were lost, or are to be given up.
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }

    pub(crate) fn len(&self) -> usize {
        self.held.len()
    }

    /// What goes with every write: also leases that may have lapsed, since the store knows.
    pub(crate) fn all(&self) -> Vec<LaneLease> {
        self.held.iter().map(|held| held.lease).collect()
    }

    /// What may be read from and claimed in.
    pub(crate) fn working(&self) -> Vec<LaneLease> {
        self.held
            .iter()
            .map(|held| held.lease)
            .filter(|lease| !self.leaving.contains(&lease.lane))
            .collect()
    }

    /// Whether a send on this lane may start now.
    pub(crate) fn is_safe(&self, lane: LaneId, now: Duration) -> bool {
        self.held
            .iter()
            .any(|held| held.lease.lane == lane && now < held.safe_until)
    }

    /// Whether sends may start now. Leases are renewed together.
    pub(crate) fn are_safe(&self, now: Duration) -> bool {
        !self.held.is_empty() && self.held.iter().all(|held| now < held.safe_until)
    }

    pub(crate) fn leaving(&self) -> &[LaneId] {
        &self.leaving
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }
}
