//! Claims: what makes it durable that a delivery is about to be sent (P3).

use signalbus_core::store::{ClaimAnswer, LaneId, Position, Refusal, State};

use super::{Harness, claim, result};
use signalbus_core::store::Next;
use std::time::Duration;

/// P3: a claimed delivery is being sent.
pub async fn a_claim_begins_an_attempt(h: Harness) {
    let [ada] = h.given(h.event().to("ada")).await;
    let worker = h.worker().await;
    let ready = worker.ready(ada).await;
    let claimed = worker.claims(&ready).await;
    assert_eq!(claimed.rendering, None);
    let delivery = h.delivery(ada).await;
    assert_eq!(delivery.state, State::Sending);
    assert_eq!(delivery.attempt, 1);
    assert_eq!(delivery.due, None);
}

/// P3: a claim written again (its answer was lost) is claimed again, once.
pub async fn the_same_claim_again_is_claimed(h: Harness) {
    let [ada] = h.given(h.event().to("ada")).await;
    let worker = h.worker().await;
    let ready = worker.ready(ada).await;
    worker.claims(&ready).await;
    worker.claims(&ready).await;
    assert_eq!(h.delivery(ada).await.attempt, 1);
    worker
        .settles(result(&ready, Next::Retry(Duration::ZERO)))
        .await;
    assert!(is_moved(&worker.claim(claim(&ready)).await));
}

/// P3: a claim that is not for the next attempt of this generation, at this place, is refused.
pub async fn a_claim_names_exactly_what_it_means(h: Harness) {
    let [ada, bob] = h.given(h.event().to("ada").to("bob")).await;
    let worker = h.worker().await;
    let ready = worker.ready(ada).await;
    let right = claim(&ready);
    let other = claim(&worker.ready(bob).await);
    let wrong = [
        ("attempt 0", claim_with(&right, |claim| claim.attempt = 0)),
        ("attempt 2", claim_with(&right, |claim| claim.attempt = 2)),
        (
            "generation",
            claim_with(&right, |claim| claim.generation = 1),
        ),
        (
            "id",
            claim_with(&right, |claim| claim.id = h.unknown_delivery()),
        ),
        (
            "another's id",
            claim_with(&right, |claim| claim.id = other.id),
        ),
        (
            "place",
            claim_with(&right, |claim| claim.position = Position(i64::MAX)),
        ),
        (
            "another's place",
            claim_with(&right, |claim| claim.position = other.position),
        ),
    ];
    for (what, claim) in wrong {
        let answer = worker.claim(claim).await;
        assert!(is_moved(&answer), "{what}: {answer:?}");
    }
    assert_eq!(h.state(ada).await, State::Waiting);
    assert_eq!(h.state(bob).await, State::Waiting);
    worker.claims(&ready).await;
}

/// P3: a claim through another lane, be it the worker's own, changes nothing.
pub async fn a_claim_names_its_lane(h: Harness) {
    let [ada] = h.given(h.event().to("ada")).await;
    let worker = h.worker().await;
    let ready = worker.ready(ada).await;
    let other = worker.leases.iter().find(|lease| lease.lane != ready.lane);
    let wrong = claim_with(&claim(&ready), |claim| claim.lane = other.unwrap().lane);
    assert!(is_moved(&worker.claim(wrong).await));
    let nowhere = claim_with(&claim(&ready), |claim| claim.lane = LaneId::from_stored(7));
    let answer = worker.claim(nowhere).await;
    assert!(matches!(answer, ClaimAnswer::LaneLost), "{answer:?}");
    assert_eq!(h.state(ada).await, State::Waiting);
}

/// P3: a claim in a lane whose lease is not shown changes nothing.
pub async fn a_claim_needs_its_lease(h: Harness) {
    let [ada] = h.given(h.event().to("ada")).await;
    let mut worker = h.worker().await;
    let ready = worker.ready(ada).await;
    worker.leases.retain(|lease| lease.lane != ready.lane);
    let answer = worker.claim(claim(&ready)).await;
    assert!(matches!(answer, ClaimAnswer::LaneLost), "{answer:?}");
    assert_eq!(h.state(ada).await, State::Waiting);
}

/// Each claim gets the answer at its place; one refused claim does not spoil the others.
pub async fn answers_come_in_the_order_of_claims(h: Harness) {
    let [ada, bob, cid] = h.given(h.event().to("ada").to("bob").to("cid")).await;
    h.suppress("bob").await;
    let worker = h.worker().await;
    let mut claims = Vec::new();
    for id in [ada, bob, cid] {
        claims.push(claim(&worker.ready(id).await));
    }
    claims.insert(0, claim_with(&claims[0], |claim| claim.generation = 7));
    let flushed = worker.flush(claims, Vec::new()).await;
    assert!(
        matches!(
            flushed.claims.as_slice(),
            [
                ClaimAnswer::Refused(Refusal::Moved),
                ClaimAnswer::Claimed(first),
                ClaimAnswer::Refused(Refusal::Suppressed),
                ClaimAnswer::Claimed(last),
            ] if first.recipient == 0 && last.recipient == 2
        ),
        "{:?}",
        flushed.claims
    );
    assert_eq!(flushed.now, h.now());
}

fn claim_with(
    claim: &signalbus_core::store::Claim,
    change: impl FnOnce(&mut signalbus_core::store::Claim),
) -> signalbus_core::store::Claim {
    let mut claim = claim.clone();
    change(&mut claim);
    claim
}

fn is_moved(answer: &ClaimAnswer) -> bool {
    matches!(answer, ClaimAnswer::Refused(Refusal::Moved))
}
