//! Lanes: who owns which, and since when.

use std::{collections::BTreeMap, time::Duration};

use signalbus_core::store::{Epoch, LaneId, LaneLease};

use super::{Harness, LANES, Worker};

/// A worker alone owns all lanes, for as long as it asked.
pub async fn a_lone_worker_owns_all(h: Harness) {
    let worker = h.worker().await;
    assert_eq!(worker.leases.len(), usize::from(LANES));
    for lease in &worker.leases {
        assert_eq!(lease.remaining, Worker::LEASE);
    }
    assert_eq!(epochs(&worker.leases).len(), usize::from(LANES));
}

/// Renewing keeps the epochs and runs from now.
pub async fn renewing_keeps_the_epoch(h: Harness) {
    let mut worker = h.worker().await;
    let before = epochs(&worker.leases);
    h.clock.advance(Duration::from_secs(5));
    worker.hold().await;
    assert_eq!(epochs(&worker.leases), before);
    assert!(
        worker
            .leases
            .iter()
            .all(|lease| lease.remaining == Worker::LEASE)
    );
}

/// P3: a lane whose lease still runs is never taken.
pub async fn a_lease_that_runs_is_respected(h: Harness) {
    let owner = h.worker().await;
    h.clock.advance(Worker::LEASE - Duration::from_millis(1));
    let newcomer = h.worker().await;
    assert_eq!(newcomer.leases, []);
    assert_eq!(owner.leases.len(), usize::from(LANES));
}

/// P3: a lane that changes its owner gets a higher epoch.
pub async fn taking_over_raises_the_epoch(h: Harness) {
    let dead = h.worker().await;
    let before = epochs(&dead.leases);
    let successor = h.successor().await;
    let after = epochs(&successor.leases);
    assert_eq!(after.len(), usize::from(LANES));
    for (lane, epoch) in after {
        assert!(epoch > before[&lane], "lane {lane}");
    }
}

/// A lapsed lane that nobody took is renewed under its epoch: what is in flight stays good.
pub async fn a_lapsed_lane_that_nobody_took_keeps_its_epoch(h: Harness) {
    let mut worker = h.worker().await;
    let before = epochs(&worker.leases);
    h.clock.advance(10 * Worker::LEASE);
    worker.hold().await;
    assert_eq!(epochs(&worker.leases), before);
}

/// A lane that was taken over does not come back to a worker that was only slow.
pub async fn a_lost_lane_stays_lost(h: Harness) {
    let mut slow = h.worker().await;
    let successor = h.successor().await;
    slow.hold().await;
    assert_eq!(slow.leases, []);
    assert_eq!(successor.leases.len(), usize::from(LANES));
}

/// A worker that leaves makes its lanes free at once, and takes none again.
pub async fn a_worker_that_leaves_frees_its_lanes(h: Harness) {
    let mut leaving = h.worker().await;
    let before = epochs(&leaving.leases);
    leaving.leave().await;
    assert_eq!(leaving.leases, []);
    let next = h.worker().await;
    assert_eq!(next.leases.len(), usize::from(LANES));
    for (lane, epoch) in epochs(&next.leases) {
        assert!(epoch > before[&lane], "lane {lane}");
    }
}

/// Giving up a lane one does not own changes nothing.
pub async fn nobody_gives_up_what_another_owns(h: Harness) {
    let mut owner = h.worker().await;
    let mut other = Worker::new(&h);
    other.give_up((0..LANES).map(LaneId).collect()).await;
    assert_eq!(other.leases, []);
    let before = epochs(&owner.leases);
    owner.hold().await;
    assert_eq!(epochs(&owner.leases), before);
}

fn epochs(leases: &[LaneLease]) -> BTreeMap<LaneId, Epoch> {
    leases
        .iter()
        .map(|lease| (lease.lane, lease.epoch))
        .collect()
}
