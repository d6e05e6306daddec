//! The order of messages to one recipient (P5).

use std::time::Duration;

use signalbus_core::{
    Class, Clock, DeliveryId, Order,
    store::{
        Cancel, CancelAnswer, CancelTarget, ClaimAnswer, ClassWindow, EndState, Next, Reason,
        Redrive, RedriveContent, Refusal, Selection, Window,
    },
};

use super::{Harness, Worker, acme, all_of, claim, everything, redrive, result};

const LATER: Duration = Duration::from_secs(60);

/// P5: a strict successor waits while its head waits for another try.
pub async fn a_strict_successor_waits_for_a_retry(h: Harness) {
    let (head, next) = two(&h, Order::Strict).await;
    let worker = h.worker().await;
    worker.postpones(head, LATER).await;
    assert_eq!(seen(&worker, [head, next]).await, [false, false]);
    h.clock.advance(LATER);
    assert!(worker.sees(head).await);
    worker.sends(head, "m-1").await;
    assert!(worker.sees(next).await);
}

/// P5: a strict successor waits while its head is being sent.
pub async fn a_strict_successor_waits_for_a_claim(h: Harness) {
    let (head, next) = two(&h, Order::Strict).await;
    let worker = h.worker().await;
    let ready = worker.ready(head).await;
    worker.claims(&ready).await;
    assert!(!worker.sees(next).await);
    let end = Next::End(EndState::Accepted, Reason::Sent);
    worker.settles(result(&ready, end)).await;
    assert!(worker.sees(next).await);
}

/// P5: a strict successor waits for a head that is for later.
pub async fn a_strict_successor_waits_for_a_scheduled_head(h: Harness) {
    let event = h.event().to("ada").send_at(h.after(LATER));
    let [head] = h.given(event.order(Order::Strict)).await;
    let [next] = h.given(h.event().to("ada").order(Order::Strict)).await;
    let worker = h.worker().await;
    assert_eq!(seen(&worker, [head, next]).await, [false, false]);
    h.clock.advance(LATER);
    assert!(worker.sees(head).await);
}

/// P5: a strict successor waits for every earlier one, however that is ordered itself.
pub async fn a_strict_successor_waits_for_any_earlier_one(h: Harness) {
    let [head] = h.given(h.event().to("ada").order(Order::Start)).await;
    let [next] = h.given(h.event().to("ada").order(Order::Strict)).await;
    let worker = h.worker().await;
    worker.postpones(head, LATER).await;
    assert!(!worker.sees(next).await);
}

/// P5: a strict successor does not wait for one without order.
pub async fn a_strict_successor_passes_an_unordered_one(h: Harness) {
    let unordered = || h.event().to("ada").order(Order::Unordered);
    let [later] = h.given(unordered().send_at(h.after(LATER))).await;
    let [retried] = h.given(unordered()).await;
    let [next] = h.given(h.event().to("ada").order(Order::Strict)).await;
    let worker = h.worker().await;
    worker.postpones(retried, LATER).await;
    assert_eq!(
        seen(&worker, [later, retried, next]).await,
        [false, false, true]
    );
}

/// P5: one ordered by start passes a strict one that waits.
pub async fn start_order_passes_a_strict_one_that_waits(h: Harness) {
    let [head] = h.given(h.event().to("ada").order(Order::Start)).await;
    let [strict] = h.given(h.event().to("ada").order(Order::Strict)).await;
    let [next] = h.given(h.event().to("ada").order(Order::Start)).await;
    let worker = h.worker().await;
    worker.postpones(head, LATER).await;
    assert_eq!(
        seen(&worker, [head, strict, next]).await,
        [false, false, true]
    );
}

/// P5: an answer that is cut never has a strict successor without its head.
pub async fn a_cut_keeps_a_strict_head_in_front(h: Harness) {
    let (head, next) = two(&h, Order::Strict).await;
    let worker = h.worker().await;
    worker.postpones(head, LATER).await;
    h.clock.advance(LATER);
    for (total, per_group) in [(1, 1_000), (2, 1), (1_000, 1_000)] {
        let window = Window {
            classes: vec![ClassWindow {
                total,
                ..all_of(Class::Standard)
            }],
            per_group,
            ..everything()
        };
        let ready = worker.fetch_window(window).await.ready;
        assert_eq!(ready[0].id, head, "total {total}, per group {per_group}");
        assert!(ready[1..].iter().all(|ready| ready.id == next));
    }
}

/// P5: a blocked one holds its successors back too, also those that skip the dead.
pub async fn who_is_blocked_holds_others_back(h: Harness) {
    let (head, blocked) = two(&h, Order::StrictBlocking).await;
    let [next] = h.given(h.event().to("ada").order(Order::Strict)).await;
    let worker = h.worker().await;
    kill(&worker, head).await;
    assert_eq!(seen(&worker, [blocked, next]).await, [false, false]);
}

/// P5: a successor in hand is not claimed once its head has been redriven: the claim meets the
/// order too.
pub async fn a_claim_meets_the_order(h: Harness) {
    let (head, next) = two(&h, Order::Strict).await;
    let worker = h.worker().await;
    kill(&worker, head).await;
    let in_hand = worker.ready(next).await;
    h.store()
        .redrive(redrive(acme(), Selection::Ids(vec![(head, 0)])))
        .await
        .unwrap();
    let answer = worker.claim(claim(&in_hand)).await;
    assert!(
        matches!(answer, ClaimAnswer::Refused(Refusal::Moved)),
        "{answer:?}"
    );
    worker.sends(head, "m-1").await;
    worker.sends(next, "m-2").await;
}

/// P5: what was to be sent at once is due, and in its place, also when the wall clock goes back.
pub async fn the_order_outlasts_a_jump_of_the_wall_clock(h: Harness) {
    let [first] = h.given(h.event().to("ada")).await;
    let [head] = h.given(h.event().to("bob").order(Order::Strict)).await;
    h.clock.set(h.clock.now() - LATER);
    let [second] = h.given(h.event().to("ada")).await;
    let [next] = h.given(h.event().to("bob").order(Order::Strict)).await;
    let worker = h.worker().await;
    let ready = worker.fetch().await.ready;
    let place = |id| ready.iter().position(|ready| ready.id == id);
    assert!(place(first).expect("it is due") < place(second).expect("it is due"));
    assert!(worker.sees(head).await);
    worker.sends(head, "m-1").await;
    assert!(worker.sees(next).await);
}

/// P8: a retry waits for its time again when the wall clock goes back.
pub async fn a_jump_of_the_wall_clock_brings_no_retry_forward(h: Harness) {
    let [ada] = h.given(h.event().to("ada")).await;
    let worker = h.worker().await;
    h.clock.set(h.clock.now() - LATER);
    worker.postpones(ada, LATER).await;
    h.clock.set(h.after(LATER));
    let in_hand = worker.ready(ada).await;
    h.clock.set(h.clock.now() - LATER);
    assert!(!worker.sees(ada).await);
    let answer = worker.claim(claim(&in_hand)).await;
    assert!(
        matches!(answer, ClaimAnswer::Refused(Refusal::Moved)),
        "{answer:?}"
    );
}

/// P5: an unordered one has no place in the order: nobody waits for it, dead or alive.
pub async fn nobody_waits_for_the_unordered(h: Harness) {
    let [dead] = h.given(h.event().to("ada").order(Order::Unordered)).await;
    let [later] = h.given(h.event().to("ada").order(Order::Unordered)).await;
    let worker = h.worker().await;
    kill(&worker, dead).await;
    worker.postpones(later, LATER).await;
    let [next] = h
        .given(h.event().to("ada").order(Order::StrictBlocking))
        .await;
    worker.sends(next, "m-1").await;
}

/// P5: a dead head is skipped.
pub async fn a_dead_head_is_skipped(h: Harness) {
    let (head, next) = two(&h, Order::Strict).await;
    let worker = h.worker().await;
    kill(&worker, head).await;
    assert!(worker.sees(next).await);
}

/// P5: blocking: a dead head holds its successors back until it is redriven and ends well.
pub async fn a_dead_head_blocks_where_asked(h: Harness) {
    let (head, next) = two(&h, Order::StrictBlocking).await;
    let worker = h.worker().await;
    kill(&worker, head).await;
    assert!(!worker.sees(next).await);
    h.store()
        .redrive(Redrive {
            content: RedriveContent::Fresh,
            ..redrive(acme(), Selection::Ids(vec![(head, 0)]))
        })
        .await
        .unwrap();
    assert!(worker.sees(head).await);
    worker.postpones(head, LATER).await;
    assert!(!worker.sees(next).await);
    h.clock.advance(LATER);
    worker.sends(head, "m-1").await;
    assert!(worker.sees(next).await);
}

/// P4, P5: blocking: a cancel changes nothing that is dead; a redrive past its time lets its
/// successors go without it.
pub async fn a_dead_head_is_passed_by_a_redrive_past_its_time(h: Harness) {
    let (head, next) = two(&h, Order::StrictBlocking).await;
    let worker = h.worker().await;
    kill(&worker, head).await;
    let cancel = Cancel {
        target: CancelTarget::Delivery(head),
        actor: "ops".to_owned(),
    };
    let answers = h.store().cancel(&acme(), cancel).await.unwrap();
    assert_eq!(answers[0].answer, CancelAnswer::Ended(EndState::Dead));
    assert!(!worker.sees(next).await);
    h.store()
        .redrive(Redrive {
            expires_at: Some(h.now()),
            ..redrive(acme(), Selection::Ids(vec![(head, 0)]))
        })
        .await
        .unwrap();
    let ready = worker.ready(head).await;
    let answer = worker.claim(claim(&ready)).await;
    assert!(
        matches!(answer, ClaimAnswer::Refused(Refusal::Expired)),
        "{answer:?}"
    );
    assert_eq!(h.end(head).await, (EndState::Expired, Reason::Expired));
    assert!(worker.sees(next).await);
}

/// P5: blocking: what is accepted behind a dead head waits too.
pub async fn a_dead_head_blocks_what_comes_later(h: Harness) {
    let worker = h.worker().await;
    let [head] = h
        .given(h.event().to("ada").order(Order::StrictBlocking))
        .await;
    kill(&worker, head).await;
    let [next] = h
        .given(h.event().to("ada").order(Order::StrictBlocking))
        .await;
    let [skips] = h.given(h.event().to("bob").order(Order::Strict)).await;
    assert_eq!(seen(&worker, [next, skips]).await, [false, true]);
}

/// P5: a redriven delivery takes its old place in front.
pub async fn a_redriven_head_takes_its_old_place(h: Harness) {
    let (head, next) = two(&h, Order::Strict).await;
    let worker = h.worker().await;
    kill(&worker, head).await;
    h.store()
        .redrive(redrive(acme(), Selection::Ids(vec![(head, 0)])))
        .await
        .unwrap();
    let ready = worker.ready(head).await;
    worker.claims(&ready).await;
    assert!(!worker.sees(next).await);
}

/// P5: whatever else ends a head lets its successors go.
pub async fn every_end_lets_the_next_go(h: Harness) {
    let worker = h.worker().await;
    for (number, state) in EndState::ALL.into_iter().enumerate() {
        let to = format!("person-{number}");
        let [head] = h.given(h.event().to(&to).order(Order::Strict)).await;
        let [next] = h.given(h.event().to(&to).order(Order::Strict)).await;
        let ready = worker.ready(head).await;
        worker.claims(&ready).await;
        assert!(!worker.sees(next).await, "{state:?}");
        let end = Next::End(state, Reason::Refused);
        worker.settles(result(&ready, end)).await;
        assert!(worker.sees(next).await, "{state:?}");
    }
}

/// P5: ordered by start: a retry does not hold back later ones.
pub async fn a_retry_does_not_hold_back_where_starts_are_ordered(h: Harness) {
    let (head, next) = two(&h, Order::Start).await;
    let worker = h.worker().await;
    worker.postpones(head, LATER).await;
    assert_eq!(seen(&worker, [head, next]).await, [false, true]);
}

/// P5: without order nothing waits for anything.
pub async fn without_order_nothing_waits(h: Harness) {
    let (head, next) = two(&h, Order::Unordered).await;
    let worker = h.worker().await;
    let ready = worker.ready(head).await;
    worker.claims(&ready).await;
    assert!(worker.sees(next).await);
}

/// P5, P6: other recipients, channels and tenants do not wait.
pub async fn others_do_not_wait(h: Harness) {
    let (head, _) = two(&h, Order::StrictBlocking).await;
    let strict = Order::StrictBlocking;
    let [bob] = h.given(h.event().to("bob").order(strict)).await;
    let [sms] = h.given(h.event().to("ada").on("sms").order(strict)).await;
    let [theirs] = h
        .given(h.event().tenant("other").to("ada").order(strict))
        .await;
    let worker = h.worker().await;
    kill(&worker, head).await;
    assert_eq!(seen(&worker, [bob, sms, theirs]).await, [true; 3]);
}

async fn two(h: &Harness, order: Order) -> (DeliveryId, DeliveryId) {
    let [head] = h.given(h.event().to("ada").order(order)).await;
    let [next] = h.given(h.event().to("ada").order(order)).await;
    (head, next)
}

async fn kill(worker: &Worker, id: DeliveryId) {
    let ready = worker.ready(id).await;
    worker.claims(&ready).await;
    let end = Next::End(EndState::Dead, Reason::AttemptsExhausted);
    worker.settles(result(&ready, end)).await;
}

async fn seen<const N: usize>(worker: &Worker, ids: [DeliveryId; N]) -> [bool; N] {
    let ready = worker.fetch().await.ready;
    ids.map(|id| ready.iter().any(|ready| ready.id == id))
}
