use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    clock::Timestamp,
    id::WorkerId,
    store::{Epoch, LaneHolding, LaneId, LaneLease, LaneRequest, Position, Share, Space, SpaceId},
};

/// All lanes and the workers that want them. Leases run on monotonic time, so that a jump of the
/// wall clock ends none.
#[derive(Debug, Clone)]
pub(super) struct Lanes {
    /// How many the space of a channel has.
    count: u16,
    lanes: BTreeMap<LaneId, Lane>,
    workers: BTreeMap<WorkerId, Liveness>,
}

/// Until when a worker is believed to live, and what it wants.
#[derive(Debug, Clone)]
struct Liveness {
    until: Duration,
    wants: Vec<SpaceId>,
}

/// One lane with the work that is not ready.
#[derive(Debug, Clone, Default)]
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

/// The leases of a call that are still good, in the order of their lanes.
#[derive(Debug, Clone)]
pub(super) struct Held(Vec<(LaneId, Epoch)>);

impl Held {
    pub(super) fn epoch(&self, lane: LaneId) -> Option<Epoch> {
        let at = self.0.binary_search_by_key(&lane, |(lane, _)| *lane);
        at.ok().map(|at| self.0[at].1)
    }

    pub(super) fn has(&self, lane: LaneId) -> bool {
        self.epoch(lane).is_some()
    }
}

impl Lanes {
    pub(super) fn new(count: u16) -> Self {
        Self {
            count,
            lanes: BTreeMap::new(),
            workers: BTreeMap::new(),
        }
    }

    /// A lane; it comes to be when it is first named.
    pub(super) fn at(&mut self, lane: LaneId) -> &mut Lane {
        self.lanes.entry(lane).or_default()
    }

    /// The lanes whose current epoch is the one a lease names, and that were not given up since.
    pub(super) fn confirm(&self, leases: &[LaneLease]) -> Held {
        let mut held = Vec::with_capacity(leases.len());
        for lease in leases {
            let good = |lane: &Lane| lane.epoch == lease.epoch && lane.owner.is_some();
            if self.lanes.get(&lease.lane).is_some_and(good) {
                held.push((lease.lane, lease.epoch));
            }
        }
        held.sort_unstable();
        Held(held)
    }

    /// The lanes that are held.
    pub(super) fn held_mut(&mut self, held: &Held) -> impl Iterator<Item = &mut Lane> {
        let lanes = self.lanes.iter_mut();
        lanes.filter_map(|(id, lane)| held.has(*id).then_some(lane))
    }

    pub(super) fn hold(&mut self, request: &LaneRequest, now: Duration) -> LaneHolding {
        let worker = request.worker;
        let until = now.saturating_add(request.lease);
        self.enlist(request, now, until);
        for lane in &request.release {
            if let Some(lane) = self.lanes.get_mut(lane)
                && lane.owner == Some(worker)
            {
                lane.owner = None;
            }
        }
        for lane in self.lanes.values_mut() {
            if lane.owner == Some(worker) {
                lane.until = until;
            }
        }
        let mut keeps = BTreeMap::new();
        for space in &request.spaces {
            keeps.insert(space.id(), self.share_out(space, worker, now, until));
        }
        let leases = self.leases(worker, now);
        let surplus = leases.iter().filter(|lease| {
            let left = keeps.entry(lease.lane.space()).or_insert(0);
            let too_many = *left == 0;
            *left = left.saturating_sub(1);
            too_many
        });
        LaneHolding {
            surplus: surplus.map(|lease| lease.lane).collect(),
            leases,
        }
    }

    fn enlist(&mut self, request: &LaneRequest, now: Duration, until: Duration) {
        self.workers.retain(|_, liveness| liveness.until > now);
        if request.spaces.is_empty() {
            self.workers.remove(&request.worker);
        } else {
            let wants = request.spaces.iter().map(Space::id).collect();
            self.workers
                .insert(request.worker, Liveness { until, wants });
        }
    }

    /// Takes what the worker should have of a space; says how many it may keep.
    fn share_out(
        &mut self,
        space: &Space,
        worker: WorkerId,
        now: Duration,
        until: Duration,
    ) -> usize {
        let id = space.id();
        for number in 0..space.lanes(self.count) {
            self.at(id.lane(number));
        }
        let sharers = self
            .workers
            .iter()
            .filter(|(_, liveness)| liveness.wants.contains(&id));
        let sharers: Vec<WorkerId> = sharers.map(|(sharer, _)| *sharer).collect();
        let held: Vec<usize> = sharers
            .iter()
            .map(|sharer| {
                let its = |lane: &&Lane| lane.owner == Some(*sharer) && lane.until > now;
                self.of(id).filter(its).count()
            })
            .collect();
        let place = sharers.iter().position(|sharer| *sharer == worker);
        let share = Share::of(self.of(id).count(), &held, place);
        let mut held = place.map_or(0, |place| held[place]);
        let missing = share.missing(held);
        let lanes = self.lanes.range_mut(id.lane(0)..=id.lane(u16::MAX));
        let free = lanes.filter(|(_, lane)| lane.is_free(now));
        for (_, lane) in free.take(missing) {
            lane.take(worker, until);
            held += 1;
        }
        share.keeps(held, true)
    }

    fn of(&self, space: SpaceId) -> impl Iterator<Item = &Lane> {
        let lanes = self.lanes.range(space.lane(0)..=space.lane(u16::MAX));
        lanes.map(|(_, lane)| lane)
    }

    fn leases(&self, worker: WorkerId, now: Duration) -> Vec<LaneLease> {
        self.lanes
            .iter()
            .filter(|(_, lane)| lane.owner == Some(worker))
            .map(|(id, lane)| LaneLease {
                lane: *id,
                epoch: lane.epoch,
                remaining: lane.until.saturating_sub(now),
            })
            .collect()
    }

    /// Whether a worker that lives wants this space.
    pub(super) fn is_served(&self, space: SpaceId, now: Duration) -> bool {
        self.workers
            .values()
            .any(|liveness| liveness.until > now && liveness.wants.contains(&space))
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
    pub(super) fn owners(
        &self,
    ) -> impl Iterator<Item = (LaneId, Option<WorkerId>, Epoch, Duration)> {
        self.lanes
            .iter()
            .map(|(id, lane)| (*id, lane.owner, lane.epoch, lane.until))
    }

    pub(super) fn wanting(&self) -> impl Iterator<Item = (WorkerId, Duration)> {
        self.workers
            .iter()
            .map(|(id, liveness)| (*id, liveness.until))
    }
}
