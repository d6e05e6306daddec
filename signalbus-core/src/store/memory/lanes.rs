use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    clock::Timestamp,
    id::WorkerId,
    store::{Epoch, LaneHolding, LaneId, LaneLease, LaneRequest, Position},
};

/// All lanes and the workers that want them. Leases run on monotonic time, so that a jump of the
/// wall clock ends none.
#[derive(Debug, Clone)]
pub(super) struct Lanes {
    lanes: Vec<Lane>,
    workers: BTreeMap<WorkerId, Duration>,
}

/// One lane with the work that is not ready.
#[derive(Debug, Clone)]
pub(super) struct Lane {
    epoch: Epoch,
    owner: Option<WorkerId>,
    until: Duration,
    /// Deliveries that wait for a time.
    pub(super) timers: BTreeSet<(Timestamp, Position)>,
    /// Deliveries claimed under the current epoch.
    pub(super) claimed: BTreeSet<Position>,
    /// Deliveries claimed under an earlier one.
    pub(super) interrupted: BTreeSet<Position>,
}

/// The leases of a call that are still good.
#[derive(Debug, Clone)]
pub(super) struct Held(Vec<Option<Epoch>>);

impl Held {
    pub(super) fn epoch(&self, lane: LaneId) -> Option<Epoch> {
        self.0.get(usize::from(lane.0)).copied().flatten()
    }

    pub(super) fn has(&self, lane: LaneId) -> bool {
        self.epoch(lane).is_some()
    }
}

impl Lanes {
    pub(super) fn new(count: u16) -> Self {
        let free = || Lane {
            epoch: Epoch(0),
            owner: None,
            until: Duration::ZERO,
            timers: BTreeSet::new(),
            claimed: BTreeSet::new(),
            interrupted: BTreeSet::new(),
        };
        Self {
            lanes: (0..count).map(|_| free()).collect(),
            workers: BTreeMap::new(),
        }
    }

    pub(super) fn get_mut(&mut self, lane: LaneId) -> Option<&mut Lane> {
        self.lanes.get_mut(usize::from(lane.0))
    }

    /// The lanes whose current epoch is the one a lease names, and that were not given up since.
    pub(super) fn confirm(&self, leases: &[LaneLease]) -> Held {
        let mut held = Held(vec![None; self.lanes.len()]);
        for lease in leases {
            let at = usize::from(lease.lane.0);
            if self
                .lanes
                .get(at)
                .is_some_and(|lane| lane.epoch == lease.epoch && lane.owner.is_some())
            {
                held.0[at] = Some(lease.epoch);
            }
        }
        held
    }

    /// The lanes that are held.
    pub(super) fn held_mut(&mut self, held: &Held) -> impl Iterator<Item = &mut Lane> {
        let good = held.0.iter().map(Option::is_some);
        self.lanes
            .iter_mut()
            .zip(good)
            .filter_map(|(lane, good)| good.then_some(lane))
    }

    pub(super) fn hold(&mut self, request: &LaneRequest, now: Duration) -> LaneHolding {
        let worker = request.worker;
        let until = now.saturating_add(request.lease);
        self.workers.retain(|_, until| *until > now);
        if request.take {
            self.workers.insert(worker, until);
        } else {
            self.workers.remove(&worker);
        }
        for lane in &request.release {
            if let Some(lane) = self.get_mut(*lane)
                && lane.owner == Some(worker)
            {
                lane.owner = None;
            }
        }
        for lane in &mut self.lanes {
            if lane.owner == Some(worker) {
                lane.until = until;
            }
        }
        let mut held = self.held_by(worker, now);
        let share = if request.take {
            self.fair_share(worker, now)
        } else {
            0
        };
        for lane in &mut self.lanes {
            if held < share && lane.is_free(now) {
                lane.take(worker, until);
                held += 1;
            }
        }
        let leases = self.leases(worker, now);
        LaneHolding {
            surplus: leases.iter().skip(share).map(|lease| lease.lane).collect(),
            leases,
        }
    }

    /// Shares the lanes out evenly. What is left over stays with those that hold most, so that
    /// lanes move only when they must.
    fn fair_share(&self, worker: WorkerId, now: Duration) -> usize {
        let workers = self.workers.len().max(1);
        let rank = |worker| (self.held_by(worker, now), Reverse(worker));
        let before = self
            .workers
            .keys()
            .filter(|other| rank(**other) > rank(worker))
            .count();
        self.lanes.len() / workers + usize::from(before < self.lanes.len() % workers)
    }

    fn held_by(&self, worker: WorkerId, now: Duration) -> usize {
        self.lanes
            .iter()
            .filter(|lane| lane.owner == Some(worker) && lane.until > now)
            .count()
    }

    fn leases(&self, worker: WorkerId, now: Duration) -> Vec<LaneLease> {
        (0..)
            .map(LaneId)
            .zip(&self.lanes)
            .filter(|(_, lane)| lane.owner == Some(worker))
            .map(|(id, lane)| LaneLease {
                lane: id,
                epoch: lane.epoch,
                remaining: lane.until.saturating_sub(now),
            })
            .collect()
    }
}

impl Lane {
    fn is_free(&self, now: Duration) -> bool {
        self.owner.is_none() || self.until <= now
    }

    /// What the earlier owner had claimed is possibly sent.
    fn take(&mut self, worker: WorkerId, until: Duration) {
        self.owner = Some(worker);
        self.until = until;
        self.epoch.0 += 1;
        self.interrupted.append(&mut self.claimed);
    }
}

#[cfg(feature = "__model")]
impl Lanes {
    pub(super) fn owners(&self) -> impl Iterator<Item = (Option<WorkerId>, Epoch, Duration)> {
        self.lanes
            .iter()
            .map(|lane| (lane.owner, lane.epoch, lane.until))
    }

    pub(super) fn wanting(&self) -> impl Iterator<Item = (WorkerId, Duration)> {
        self.workers.iter().map(|(id, until)| (*id, *until))
    }
}
