//! Workers that died, and workers that do not know yet that they lost (P3).

use std::time::Duration;

use signalbus_core::store::{
    AttemptOutcome, ClaimAnswer, EndState, MOST_INTERRUPTED, Next, Ready, Reason, Refusal,
    SettleAnswer, State,
};

use super::{Draft, Harness, LANES, Worker, claim, result, taken, worker::everything};

/// What a worker claims, writes and reads of lanes it lost comes to nothing.
async fn assert_lanes_lost(worker: &Worker, waiting: &Ready, sending: &Ready) {
    let flushed = worker
        .flush(vec![claim(waiting)], vec![taken(sending, "m-1")])
        .await;
    assert!(
        matches!(flushed.claims.as_slice(), [ClaimAnswer::LaneLost]),
        "{:?}",
        flushed.claims
    );
    assert_eq!(flushed.settles, [SettleAnswer::LaneLost]);
    assert!(worker.fetch().await.ready.is_empty());
}

/// P3: a worker whose lanes were taken over changes nothing, whatever it writes.
pub async fn a_zombie_changes_nothing(h: Harness) {
    let [ada, bob] = h.given(h.event().to("ada").to("bob")).await;
    let zombie = h.worker().await;
    let (sending, waiting) = (zombie.ready(ada).await, zombie.ready(bob).await);
    zombie.claims(&sending).await;
    h.successor().await;
    assert_lanes_lost(&zombie, &waiting, &sending).await;
    assert_eq!(h.state(ada).await, State::Sending);
    assert_eq!(h.state(bob).await, State::Waiting);
    assert_eq!(h.history(ada).await, []);
}

/// P3: a zombie that repeats a claim it was granted is not granted it again.
pub async fn a_zombie_cannot_repeat_its_claim(h: Harness) {
    let [ada] = h.given(h.event().to("ada")).await;
    let zombie = h.worker().await;
    let ready = zombie.ready(ada).await;
    zombie.claims(&ready).await;
    h.successor().await;
    let answer = zombie.claim(claim(&ready)).await;
    assert!(matches!(answer, ClaimAnswer::LaneLost), "{answer:?}");
}

/// P3: losing one lane does not spoil what is written for the others.
pub async fn one_lost_lane_does_not_spoil_the_others(h: Harness) {
    let people: Vec<String> = (0..12).map(|number| format!("person-{number}")).collect();
    let event = people.iter().fold(h.event(), |event, name| event.to(name));
    h.accept([event]).await;
    let mut worker = h.worker().await;
    let all = worker.fetch().await.ready;
    let lost = all[0].lane;
    for lease in &mut worker.leases {
        if lease.lane == lost {
            lease.epoch.0 += 1;
        }
    }
    let claims = all.iter().map(claim).collect();
    let flushed = worker.flush(claims, Vec::new()).await;
    assert!(all.iter().any(|ready| ready.lane != lost));
    for (ready, answer) in all.iter().zip(flushed.claims) {
        let expected = if ready.lane == lost {
            matches!(answer, ClaimAnswer::LaneLost)
        } else {
            matches!(answer, ClaimAnswer::Claimed(_))
        };
        assert!(expected, "lane {}: {answer:?}", ready.lane);
    }
}

/// P3: the claims of a dead worker are reported to the next owner, and not as ready.
pub async fn the_next_owner_hears_of_interrupted_claims(h: Harness) {
    let [ada, bob, cid] = h.given(h.event().to("ada").to("bob").to("cid")).await;
    let dead = h.worker().await;
    dead.sends(cid, "m-3").await;
    h.clock.advance(Duration::from_secs(1));
    let claimed_at = h.now();
    let mut alone = claim(&dead.ready(ada).await);
    alone.alone = true;
    dead.claim(alone).await;
    assert!(dead.fetch().await.interrupted.is_empty(), "its own claim");
    let owner = h.successor().await;
    let fetched = owner.fetch().await;
    let [interrupted] = fetched.interrupted.as_slice() else {
        panic!("one claim, not {}", fetched.interrupted.len());
    };
    assert_eq!(interrupted.ready.id, ada);
    assert_eq!(interrupted.ready.attempt, 1);
    assert_eq!(interrupted.claimed_at, claimed_at);
    assert!(interrupted.alone);
    assert_eq!(fetched.ready.len(), 1, "what was not claimed");
    assert_eq!(fetched.ready[0].id, bob);
    assert_eq!(fetched.ready[0].attempt, 0);
}

/// P3: however many an owner left behind, one answer is never without bounds.
pub async fn interrupted_claims_come_a_thousand_at_once(h: Harness) {
    let most = usize::try_from(MOST_INTERRUPTED).unwrap();
    let events = (0..most + 5).map(|number| h.event().to(&format!("person-{number}")));
    let events: Vec<Draft> = events.collect();
    h.accept(events).await;
    let dead = h.worker().await;
    let mut window = everything();
    window.per_group = u32::MAX;
    for class in &mut window.classes {
        class.total = u32::MAX;
    }
    let ready = dead.fetch_window(window).await.ready;
    assert_eq!(ready.len(), most + 5);
    dead.flush(ready.iter().map(claim).collect(), Vec::new())
        .await;
    let owner = h.successor().await;
    for expected in [most, 5, 0] {
        let interrupted = owner.fetch().await.interrupted;
        assert_eq!(interrupted.len(), expected);
        let settles = interrupted.into_iter().map(|one| {
            let mut before = one.ready;
            before.attempt -= 1;
            result(
                &before,
                Next::End(EndState::OutcomeUnknown, Reason::NoAnswer),
            )
        });
        owner.flush(Vec::new(), settles.collect()).await;
    }
}

/// P3: an interrupted claim is not granted again: it has to be settled first.
pub async fn an_interrupted_claim_is_not_granted_again(h: Harness) {
    let [ada] = h.given(h.event().to("ada")).await;
    let dead = h.worker().await;
    let ready = dead.ready(ada).await;
    dead.claims(&ready).await;
    let owner = h.successor().await;
    let again = owner.claim(claim(&ready)).await;
    assert!(
        matches!(again, ClaimAnswer::Refused(Refusal::Moved)),
        "{again:?}"
    );
    let next = claim(&owner.fetch().await.interrupted[0].ready);
    let answer = owner.claim(next).await;
    assert!(
        matches!(answer, ClaimAnswer::Refused(Refusal::Moved)),
        "{answer:?}"
    );
}

/// P3: the next owner settles an interrupted claim, and whoever wakes up late does not.
pub async fn the_next_owner_settles_interrupted_claims(h: Harness) {
    let [ada] = h.given(h.event().to("ada")).await;
    let zombie = h.worker().await;
    let ready = zombie.ready(ada).await;
    zombie.claims(&ready).await;
    let owner = h.successor().await;
    let mut settle = result(&ready, Next::Retry(Duration::ZERO));
    settle.record.outcome = AttemptOutcome::Interrupted;
    settle.suspicion = 1;
    owner.settles(settle).await;
    assert_eq!(
        zombie.settle(taken(&ready, "m-1")).await,
        SettleAnswer::LaneLost
    );
    assert!(owner.fetch().await.interrupted.is_empty());
    let again = owner.ready(ada).await;
    assert_eq!((again.attempt, again.suspicion), (1, 1));
    owner.sends(ada, "m-2").await;
    assert_eq!(h.end(ada).await, (EndState::Accepted, Reason::Sent));
}

/// P3: a claim that nobody settles is reported again and again, from owner to owner.
pub async fn interrupted_claims_are_not_forgotten(h: Harness) {
    let [ada] = h.given(h.event().to("ada")).await;
    let dead = h.worker().await;
    let ready = dead.ready(ada).await;
    dead.claims(&ready).await;
    for _ in 0..3 {
        let owner = h.successor().await;
        for _ in 0..2 {
            let interrupted = owner.fetch().await.interrupted;
            assert_eq!(interrupted.len(), 1);
            assert_eq!(interrupted[0].ready.id, ada);
        }
    }
}

/// P3: a worker that was slow, but that nobody replaced, may still write its results.
pub async fn a_slow_worker_that_nobody_replaced_may_write(h: Harness) {
    let [ada] = h.given(h.event().to("ada")).await;
    let mut slow = h.worker().await;
    let ready = slow.ready(ada).await;
    slow.claims(&ready).await;
    h.clock.advance(10 * Worker::LEASE);
    slow.hold().await;
    assert!(slow.fetch().await.interrupted.is_empty());
    slow.settles(taken(&ready, "m-1")).await;
}

/// P3: a worker that gave a lane up writes and reads nothing of it, although nobody took it since.
pub async fn a_lane_that_was_given_up_is_lost(h: Harness) {
    let [ada, bob] = h.given(h.event().to("ada").to("bob")).await;
    let mut worker = h.worker().await;
    let (sending, waiting) = (worker.ready(ada).await, worker.ready(bob).await);
    worker.claims(&sending).await;
    let before = worker.clone();
    worker.leave().await;
    assert_lanes_lost(&before, &waiting, &sending).await;
    let next = h.worker().await;
    assert_eq!(next.fetch().await.interrupted.len(), 1);
}

/// P3: a result that names another lane than the delivery's changes nothing: only the epoch of
/// its own lane protects it.
pub async fn a_result_names_the_lane_of_its_delivery(h: Harness) {
    let [ada] = h.given(h.event().to("ada")).await;
    let worker = h.worker().await;
    let ready = worker.ready(ada).await;
    worker.claims(&ready).await;
    let mut settle = taken(&ready, "m-1");
    let (lane, other) = (settle.lane, (settle.lane.number() + 1) % LANES);
    settle.lane = lane.space().lane(other);
    assert_eq!(worker.settle(settle).await, SettleAnswer::Already);
    assert_eq!(h.state(ada).await, State::Sending);
}
