//! Forgetting what ended long ago.

use std::time::Duration;

use signalbus_core::{
    Class, Timestamp,
    clock::until,
    store::{
        Acceptance, ClaimAnswer, EndState, Reason, Receipt, ReceiptEffect, ReceiptKind,
        ReceiptTarget, Refusal, Retention,
    },
};

use super::{Harness, acme, claim, provider};

const DAY: Duration = Duration::from_hours(24);

/// Only events all of whose deliveries ended before that time are forgotten.
pub async fn only_what_has_ended_is_forgotten(h: Harness) {
    let worker = h.worker().await;
    let old = h.event().to("ada");
    let half = h.event().to("bob").to("cid");
    let waiting = h.event().to("dan");
    let ids = [old.id, half.id, waiting.id];
    let [ada] = h.given(old).await;
    let [bob, _] = h.given(half).await;
    h.given::<1>(waiting).await;
    worker.sends(ada, "m-1").await;
    worker.sends(bob, "m-2").await;
    let ended_at = h.now();
    h.clock.advance(DAY);
    assert_eq!(
        purge(&h, ended_at, 10).await,
        0,
        "ended at that time, not before"
    );
    assert_eq!(purge(&h, h.now(), 10).await, 1);
    let mut kept = Vec::new();
    for id in ids {
        kept.push(h.store().event(&acme(), id).await.unwrap().is_some());
    }
    assert_eq!(kept, [false, true, true]);
    assert!(h.store().delivery(&acme(), ada).await.unwrap().is_none());
    assert_eq!(h.history(ada).await, []);
    assert_eq!(h.history(bob).await.len(), 1);
}

/// Not more events than asked for are forgotten at once.
pub async fn a_purge_keeps_to_its_limit(h: Harness) {
    let worker = h.worker().await;
    for name in ["ada", "bob", "cid"] {
        h.dead(&worker, name).await;
    }
    h.clock.advance(DAY);
    let before = h.now();
    let mut counts = Vec::new();
    for _ in 0..3 {
        counts.push(purge(&h, before, 2).await);
    }
    assert_eq!(counts, [2, 1, 0]);
}

/// P7: a key lives as long as its event.
pub async fn a_key_is_forgotten_with_its_event(h: Harness) {
    let worker = h.worker().await;
    let [ada] = h
        .given(h.event().key("order-1").content("a").to("ada"))
        .await;
    worker.sends(ada, "m-1").await;
    h.clock.advance(DAY);
    purge(&h, h.now(), 10).await;
    let answers = h
        .accept([h.event().key("order-1").content("b").to("ada")])
        .await;
    assert!(
        matches!(answers.as_slice(), [Acceptance::Accepted]),
        "{answers:?}"
    );
}

/// P4: what was forgotten is neither sent nor redriven nor receipted.
pub async fn what_was_forgotten_is_gone(h: Harness) {
    let worker = h.worker().await;
    let [ada] = h.given(h.event().to("ada")).await;
    let ready = worker.ready(ada).await;
    worker.sends(ada, "m-1").await;
    h.clock.advance(DAY);
    purge(&h, h.now(), 10).await;
    let mut worker = worker;
    worker.hold().await;
    let answer = worker.claim(claim(&ready)).await;
    assert!(
        matches!(answer, ClaimAnswer::Refused(Refusal::Moved)),
        "{answer:?}"
    );
    let target = ReceiptTarget::Message("m-1".to_owned());
    let kind = ReceiptKind::Delivered;
    let receipt = Receipt::new(acme(), provider("fake"), target, kind, "r-1");
    let effects = h.store().record_receipts(vec![receipt]).await.unwrap();
    assert_eq!(effects, [ReceiptEffect::Parked]);
}

/// P5: positions are not used again.
pub async fn positions_are_not_used_again(h: Harness) {
    let worker = h.worker().await;
    let [ada] = h.given(h.event().to("ada")).await;
    let position = h.delivery(ada).await.position;
    worker.sends(ada, "m-1").await;
    h.clock.advance(DAY);
    purge(&h, h.now(), 10).await;
    let [bob] = h.given(h.event().to("bob")).await;
    assert!(h.delivery(bob).await.position > position);
}

/// P5: a dead head that is forgotten blocks nobody any more.
pub async fn a_forgotten_head_blocks_nobody(h: Harness) {
    use signalbus_core::{Order, store::Next};

    let worker = h.worker().await;
    let blocking = || h.event().to("ada").order(Order::StrictBlocking);
    let [head] = h.given(blocking()).await;
    let ready = worker.ready(head).await;
    worker.claims(&ready).await;
    let dead = Next::End(EndState::Dead, Reason::Refused);
    worker.settles(super::result(&ready, dead)).await;
    h.clock.advance(DAY);
    let [next] = h.given(blocking()).await;
    assert!(!worker.sees(next).await);
    purge(&h, h.now(), 10).await;
    assert!(worker.sees(next).await);
}

/// How long is by how it ended, and by class; an event goes when its last delivery may.
pub async fn what_is_kept_is_said_by_end_and_class(h: Harness) {
    let worker = h.worker().await;
    let taken = h.event().to("ada");
    let bulk = h.event().class(Class::Bulk).to("bob");
    let mixed = h.event().to("cid").to("dan");
    let ids = [taken.id, bulk.id, mixed.id];
    let [ada] = h.given(taken).await;
    let [bob] = h.given(bulk).await;
    let [cid, dan] = h.given(mixed).await;
    for (id, message) in [(ada, "m-1"), (bob, "m-2"), (cid, "m-3")] {
        worker.sends(id, message).await;
    }
    worker.ends(dan, EndState::Dead, Reason::Refused).await;
    let retention = Retention::new(10 * DAY)
        .accepted(3 * DAY)
        .dead(5 * DAY)
        .class(Class::Bulk, DAY);
    let mut kept = Vec::new();
    for _ in 0..6 {
        h.clock.advance(DAY);
        h.clock.advance(Duration::from_secs(1));
        h.store().purge(&retention).await.unwrap();
        let mut found = Vec::new();
        for id in ids {
            found.push(h.store().event(&acme(), id).await.unwrap().is_some());
        }
        kept.push(found);
    }
    let days = |nth: usize| kept.iter().take_while(|found| found[nth]).count();
    assert_eq!([days(0), days(1), days(2)], [2, 0, 4]);
}

/// Forgets what ended before a time.
async fn purge(h: &Harness, before: Timestamp, limit: u32) -> u64 {
    let keep = until(before, h.now());
    let retention = Retention::new(keep).limit(limit);
    h.store().purge(&retention).await.unwrap()
}
