//! Lanes: who owns which, and since when.

use std::{collections::BTreeMap, time::Duration};

use signalbus_core::store::{Epoch, LaneHolding, LaneId, LaneLease, LaneRequest, Space, SpaceId};

use super::{Harness, LANES, Worker, event::channel};

/// Those of `email` and `sms`.
const ALL: usize = 2 * LANES as usize;

/// A worker alone owns all lanes, for as long as it asked.
pub async fn a_lone_worker_owns_all(h: Harness) {
    let worker = h.worker().await;
    assert_eq!(worker.leases.len(), ALL);
    for lease in &worker.leases {
        assert_eq!(lease.remaining, Worker::LEASE);
    }
    assert_eq!(epochs(&worker.leases).len(), ALL);
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
    assert_eq!(owner.leases.len(), ALL);
}

/// P3: a lane that changes its owner gets a higher epoch.
pub async fn taking_over_raises_the_epoch(h: Harness) {
    let dead = h.worker().await;
    let before = epochs(&dead.leases);
    let successor = h.successor().await;
    let after = epochs(&successor.leases);
    assert_eq!(after.len(), ALL);
    for (lane, epoch) in after {
        assert!(epoch > before[&lane], "lane {lane:?}");
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
    assert_eq!(successor.leases.len(), ALL);
}

/// A worker that leaves makes its lanes free at once, and takes none again.
pub async fn a_worker_that_leaves_frees_its_lanes(h: Harness) {
    let mut leaving = h.worker().await;
    let before = epochs(&leaving.leases);
    leaving.leave().await;
    assert_eq!(leaving.leases, []);
    let next = h.worker().await;
    assert_eq!(next.leases.len(), ALL);
    for (lane, epoch) in epochs(&next.leases) {
        assert!(epoch > before[&lane], "lane {lane:?}");
    }
}

/// Giving up a lane one does not own changes nothing.
pub async fn nobody_gives_up_what_another_owns(h: Harness) {
    let mut owner = h.worker().await;
    let mut other = Worker::new(&h);
    other
        .give_up(owner.leases.iter().map(|lease| lease.lane).collect())
        .await;
    assert_eq!(other.leases, []);
    let before = epochs(&owner.leases);
    owner.hold().await;
    assert_eq!(epochs(&owner.leases), before);
}

/// A worker takes lanes of the channels it sends on, and no others.
pub async fn a_worker_takes_lanes_of_its_channels(h: Harness) {
    let mut mail = Worker::new(&h).on(&["email"]);
    let mut texts = Worker::new(&h).on(&["sms"]);
    mail.hold().await;
    texts.hold().await;
    for (worker, name) in [(&mail, "email"), (&texts, "sms")] {
        let space = SpaceId::send(&channel(name));
        assert_eq!(worker.leases.len(), usize::from(LANES));
        assert!(
            worker
                .leases
                .iter()
                .all(|lease| lease.lane.space() == space)
        );
    }
    // Each keeps all of its own, whoever else is there.
    assert_eq!(mail.hold().await.surplus, []);
    assert_eq!(texts.hold().await.surplus, []);
}

/// Workers of some channels send what is on these: all together all of it, and nothing twice.
pub async fn workers_of_some_channels_share_the_work(h: Harness) {
    let event = h.event().to("ada").on("email").to("ada").on("sms");
    let [mail, text] = h.given(event).await;
    let mut mailer = Worker::new(&h).on(&["email"]);
    let mut both = Worker::new(&h).on(&["email", "sms"]);
    mailer.hold().await;
    both.hold().await;
    // What one has too much of is given up for the other.
    let surplus = mailer.hold().await.surplus;
    mailer.give_up(surplus).await;
    both.hold().await;
    let count = |name: &str| {
        let space = SpaceId::send(&channel(name));
        let of = |worker: &Worker| {
            let leases = worker.leases.iter();
            leases.filter(|lease| lease.lane.space() == space).count()
        };
        (of(&mailer), of(&both))
    };
    let half = usize::from(LANES) / 2;
    assert_eq!(count("email"), (half, half));
    assert_eq!(count("sms"), (0, usize::from(LANES)));
    assert!(both.sees(text).await && !mailer.sees(text).await);
    assert!(mailer.sees(mail).await != both.sees(mail).await);
}

/// A channel that a rolling deploy adds is served by those who know it, while the others go on.
pub async fn a_new_channel_is_shared_among_those_who_know_it(h: Harness) {
    let old = h.worker().await;
    let mut new = Worker::new(&h).on(&["email", "sms", "push"]);
    new.hold().await;
    let push = SpaceId::send(&channel("push"));
    let of_push = new.leases.iter().filter(|lease| lease.lane.space() == push);
    assert_eq!(of_push.count(), usize::from(LANES));
    assert!(old.leases.iter().all(|lease| lease.lane.space() != push));
}

/// The lanes of a bus are as many as it has partitions, and change their owners as all others do.
pub async fn partitions_are_lanes_of_their_own(h: Harness) {
    let space = Space::bus("kafka", "group", "topic", 3);
    let hold = async |worker: &Worker, spaces: Vec<Space>, release: Vec<LaneId>| {
        let request = LaneRequest {
            worker: worker.id,
            lease: Worker::LEASE,
            spaces,
            release,
        };
        h.store.get().hold_lanes(request).await.unwrap()
    };
    let (one, two) = (Worker::new(&h), Worker::new(&h));
    let holding = hold(&one, vec![space.clone()], Vec::new()).await;
    let numbers = |holding: &LaneHolding| -> Vec<u16> {
        let leases = holding.leases.iter();
        leases.map(|lease| lease.lane.number()).collect()
    };
    assert_eq!(numbers(&holding), [0, 1, 2]);
    assert_eq!(holding.leases[0].lane.space(), space.id());
    assert!(numbers(&hold(&two, vec![space.clone()], Vec::new()).await).is_empty());
    let surplus = hold(&one, vec![space.clone()], Vec::new()).await.surplus;
    assert_eq!(surplus.len(), 1);
    hold(&one, vec![space.clone()], surplus).await;
    assert_eq!(hold(&two, vec![space], Vec::new()).await.leases.len(), 1);
    // A worker that sends on channels takes no partition.
    assert_eq!(h.worker().await.leases.len(), ALL);
}

/// Work that no living worker serves is told by its channel.
pub async fn what_nobody_serves_is_told(h: Harness) {
    let event = h.event().to("ada").on("email");
    let [_, _, _] = h
        .given(event.to("ada").on("push").to("bob").on("push"))
        .await;
    let mut unserved = h.store.get().unserved().await.unwrap();
    unserved.sort_unstable();
    assert_eq!(unserved, [(channel("email"), 1), (channel("push"), 2)]);
    let mut worker = h.worker().await;
    let unserved = h.store.get().unserved().await.unwrap();
    assert_eq!(unserved, [(channel("push"), 2)]);
    let mut pusher = Worker::new(&h).on(&["push"]);
    pusher.hold().await;
    assert_eq!(h.store.get().unserved().await.unwrap(), []);
    pusher.leave().await;
    worker.hold().await;
    let unserved = h.store.get().unserved().await.unwrap();
    assert_eq!(unserved, [(channel("push"), 2)]);
}

fn epochs(leases: &[LaneLease]) -> BTreeMap<LaneId, Epoch> {
    leases
        .iter()
        .map(|lease| (lease.lane, lease.epoch))
        .collect()
}
