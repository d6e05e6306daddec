//! The tables of the memory store without lock and clock, to be copied and compared: an exhaustive
//! search over all ways in which lanes can change hands plays on them.

use std::time::Duration;

use super::{row::Phase, tables::Tables};
use crate::{
    clock::Timestamp,
    id::WorkerId,
    store::{
        Epoch, Fetched, Flush, Flushed, LaneHolding, LaneId, LaneLease, LaneRequest, NewEvent,
        Position, State, Window,
    },
};

/// A store as a value.
#[derive(Clone)]
pub struct Model(Tables);

/// Who owns a lane, under which epoch, until when on the monotonic clock.
#[derive(Debug, Clone, Copy)]
pub struct Lane {
    pub id: LaneId,
    pub owner: Option<WorkerId>,
    pub epoch: Epoch,
    pub until: Duration,
}

/// A delivery.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub position: Position,
    pub lane: Option<LaneId>,
    pub state: State,
    pub attempt: u32,
    /// The epoch under which it was claimed, while it is.
    pub claimed: Option<Epoch>,
}

impl Model {
    #[must_use]
    pub fn new(lanes: u16) -> Self {
        Self(Tables::new(lanes))
    }

    pub fn accept(&mut self, events: Vec<NewEvent>, now: Timestamp) {
        let accepted = self.0.accept(events, Vec::new(), now);
        debug_assert!(accepted.is_ok(), "no bus position is moved");
    }

    pub fn hold(&mut self, request: &LaneRequest, now: Duration) -> LaneHolding {
        self.0.lanes.hold(request, now)
    }

    pub fn fetch(&mut self, lanes: &[LaneLease], window: &Window, now: Timestamp) -> Fetched {
        self.0.fetch(lanes, window, now)
    }

    pub fn flush(&mut self, lanes: &[LaneLease], flush: &Flush, now: Timestamp) -> Flushed {
        self.0.flush(lanes, flush, now)
    }

    pub fn lanes(&self) -> impl Iterator<Item = Lane> {
        let owners = self.0.lanes.owners();
        owners.map(|(id, owner, epoch, until)| Lane {
            id,
            owner,
            epoch,
            until,
        })
    }

    /// The workers that want lanes, and until when they are believed to live.
    pub fn workers(&self) -> impl Iterator<Item = (WorkerId, Duration)> {
        self.0.lanes.wanting()
    }

    pub fn rows(&self) -> impl Iterator<Item = Row> {
        self.0.rows.iter_from(0).map(|(position, row)| Row {
            position: Position(position),
            lane: row.lane(),
            state: row.state(),
            attempt: row.attempt,
            claimed: match row.phase {
                Phase::Sending(hold) => Some(hold.epoch),
                _ => None,
            },
        })
    }
}
