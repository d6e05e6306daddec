//! Several workers on one store: only for stores that are shared.

use std::collections::BTreeSet;

use signalbus_core::store::{LaneId, SettleAnswer};

use super::{Harness, LANES, Worker, claim, taken};

/// A worker that sends on one channel.
async fn mailer(h: &Harness) -> Worker {
    let mut worker = Worker::new(h).on(&["email"]);
    worker.hold().await;
    worker
}

/// A newcomer gets its share when the others have drained it; nobody owns a lane twice.
pub async fn a_newcomer_gets_its_share(h: Harness) {
    let mut old = mailer(&h).await;
    let mut new = mailer(&h.other_process().await).await;
    assert_eq!(new.leases, []);
    let surplus = old.hold().await.surplus;
    assert_eq!(surplus.len(), usize::from(LANES / 2));
    let kept = old.give_up(surplus).await;
    assert_eq!(kept.surplus, []);
    new.hold().await;
    assert_eq!(owned(&old).len(), usize::from(LANES / 2));
    assert_eq!(owned(&new).len(), usize::from(LANES / 2));
    assert!(owned(&old).is_disjoint(&owned(&new)));
}

/// With more workers than divide the lanes evenly, nobody has two more than another.
pub async fn nobody_goes_short(h: Harness) {
    let mut workers = Vec::new();
    for _ in 0..5 {
        workers.push(mailer(&h.other_process().await).await);
    }
    for _ in 0..workers.len() {
        for worker in &mut workers {
            let surplus = worker.hold().await.surplus;
            worker.give_up(surplus).await;
        }
    }
    let counts: Vec<usize> = workers.iter().map(|worker| worker.leases.len()).collect();
    assert_eq!(counts.iter().sum::<usize>(), usize::from(LANES));
    let spread = counts.iter().max().unwrap() - counts.iter().min().unwrap();
    assert!(spread <= 1, "{counts:?}");
}

/// Once shared out evenly, lanes stay where they are.
pub async fn lanes_come_to_rest(h: Harness) {
    let mut workers = [
        mailer(&h).await,
        mailer(&h.other_process().await).await,
        mailer(&h.other_process().await).await,
    ];
    let mut rounds = Vec::new();
    for _ in 0..6 {
        for worker in &mut workers {
            let surplus = worker.hold().await.surplus;
            worker.give_up(surplus).await;
        }
        rounds.push(workers.clone().map(|worker| worker.leases));
    }
    assert_eq!(rounds[4], rounds[5]);
    assert_eq!(rounds[3], rounds[4]);
}

/// The lanes of a worker that died are shared out among those that live.
pub async fn the_lanes_of_the_dead_are_shared_out(h: Harness) {
    let dead = mailer(&h).await;
    let mut one = mailer(&h.other_process().await).await;
    let mut two = mailer(&h.other_process().await).await;
    h.clock.advance(Worker::LEASE / 2);
    one.hold().await;
    two.hold().await;
    h.clock.advance(Worker::LEASE / 2);
    one.hold().await;
    two.hold().await;
    assert_eq!(owned(&one).len(), usize::from(LANES / 2));
    assert_eq!(owned(&two).len(), usize::from(LANES / 2));
    assert_eq!(dead.leases.len(), usize::from(LANES));
}

/// P3: what one process writes, another sees: a claim elsewhere is not ready here.
pub async fn processes_see_one_store(h: Harness) {
    let [ada] = h.given(h.event().to("ada")).await;
    let mut here = h.worker().await;
    let ready = here.ready(ada).await;
    here.claims(&ready).await;
    here.leave().await;
    let there = h.other_process().await.worker().await;
    assert!(!there.sees(ada).await);
    let interrupted = there.fetch().await.interrupted;
    assert_eq!(interrupted.len(), 1);
    assert_eq!(interrupted[0].ready.id, ada);
}

/// P3: of two workers that both believe to own a lane, one sends.
pub async fn one_of_two_owners_sends(h: Harness) {
    let [ada] = h.given(h.event().to("ada")).await;
    let zombie = h.worker().await;
    let ready = zombie.ready(ada).await;
    let owner = h.other_process().await.successor().await;
    let (theirs, ours) = tokio::join!(
        zombie.flush(vec![claim(&ready)], Vec::new()),
        owner.flush(vec![claim(&ready)], Vec::new()),
    );
    assert!(matches!(
        theirs.claims[0],
        signalbus_core::store::ClaimAnswer::LaneLost
    ));
    assert!(matches!(
        ours.claims[0],
        signalbus_core::store::ClaimAnswer::Claimed(_)
    ));
    assert_eq!(
        owner.settle(taken(&ready, "m-1")).await,
        SettleAnswer::Applied
    );
}

fn owned(worker: &Worker) -> BTreeSet<LaneId> {
    worker.leases.iter().map(|lease| lease.lane).collect()
}
