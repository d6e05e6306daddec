//! Calling off what was not sent yet (P4).

use std::time::Duration;

use signalbus_core::{
    TenantId,
    store::{
        Cancel, CancelAnswer, CancelTarget, Cancelled, ClaimAnswer, EndState, Entry, Next, Reason,
        Refusal, State,
    },
};

use super::{Harness, acme, claim, result, taken, tenant};

/// P4: what waits is not sent, and its history says who called it off.
pub async fn what_waits_is_cancelled(h: Harness) {
    let [ada] = h.given(h.event().to("ada")).await;
    let worker = h.worker().await;
    let ready = worker.ready(ada).await;
    let answers = cancel(&h, acme(), CancelTarget::Delivery(ada)).await;
    let answer = CancelAnswer::Cancelled;
    assert_eq!(answers, [Cancelled { id: ada, answer }]);
    assert_eq!(h.end(ada).await, (EndState::Cancelled, Reason::Cancelled));
    assert_eq!(h.delivery(ada).await.ended_at, Some(h.now()));
    let called_off = Entry::Cancelled {
        actor: "ops".to_owned(),
        in_flight: false,
    };
    assert_eq!(h.history(ada).await[0].entry, called_off);
    assert!(!worker.sees(ada).await);
    let answer = worker.claim(claim(&ready)).await;
    assert!(
        matches!(answer, ClaimAnswer::Refused(Refusal::Moved)),
        "{answer:?}"
    );
}

/// P4: what waits for a later time, or for another try, is cancelled too.
pub async fn what_waits_for_later_is_cancelled(h: Harness) {
    let send_at = h.after(Duration::from_secs(60));
    let event = h.event().to("ada").send_at(send_at).to("bob");
    let target = CancelTarget::Event(event.id);
    let [ada, bob] = h.given(event).await;
    let worker = h.worker().await;
    worker.postpones(bob, Duration::from_secs(60)).await;
    cancel(&h, acme(), target).await;
    for id in [ada, bob] {
        assert_eq!(h.state(id).await, State::Ended(EndState::Cancelled));
    }
    h.clock.advance(Duration::from_secs(60));
    let fetched = worker.fetch().await;
    assert!(fetched.ready.is_empty());
    assert_eq!(fetched.next_due, None);
}

/// P4: an event is called off with all its deliveries, each with its own answer.
pub async fn an_event_is_cancelled_whole(h: Harness) {
    let event = h.event().to("ada").to("bob").to("cid");
    let target = CancelTarget::Event(event.id);
    let [ada, bob, cid] = h.given(event).await;
    let worker = h.worker().await;
    worker.sends(ada, "m-1").await;
    let ready = worker.ready(bob).await;
    worker.claims(&ready).await;
    let answers = cancel(&h, acme(), target).await;
    let of = |id, answer| Cancelled { id, answer };
    assert_eq!(
        answers,
        [
            of(ada, CancelAnswer::Ended(EndState::Accepted)),
            of(bob, CancelAnswer::InFlight),
            of(cid, CancelAnswer::Cancelled),
        ]
    );
    assert_eq!(h.end(ada).await, (EndState::Accepted, Reason::Sent));
}

/// P4: what is in flight may arrive, but is not tried again.
pub async fn what_is_in_flight_is_not_tried_again(h: Harness) {
    let [ada, bob] = h.given(h.event().to("ada").to("bob")).await;
    let worker = h.worker().await;
    let (first, second) = (worker.ready(ada).await, worker.ready(bob).await);
    worker.claims(&first).await;
    worker.claims(&second).await;
    for id in [ada, bob] {
        cancel(&h, acme(), CancelTarget::Delivery(id)).await;
        let called_off = Entry::Cancelled {
            actor: "ops".to_owned(),
            in_flight: true,
        };
        assert_eq!(h.history(id).await[0].entry, called_off);
    }
    worker
        .settles(result(&first, Next::Retry(Duration::ZERO)))
        .await;
    worker.settles(taken(&second, "m-2")).await;
    assert_eq!(h.end(ada).await, (EndState::Cancelled, Reason::Cancelled));
    assert_eq!(h.end(bob).await, (EndState::Accepted, Reason::Sent));
    assert!(!worker.sees(ada).await);
    let attempts = h.history(ada).await;
    assert!(
        attempts
            .iter()
            .any(|line| matches!(line.entry, Entry::Attempt(_)))
    );
}

/// P4: calling off twice says the same, and leaves one line in the history.
pub async fn cancelling_twice_changes_nothing_more(h: Harness) {
    let [ada, bob] = h.given(h.event().to("ada").to("bob")).await;
    let worker = h.worker().await;
    worker.claims(&worker.ready(bob).await).await;
    for (id, again) in [
        (ada, CancelAnswer::Ended(EndState::Cancelled)),
        (bob, CancelAnswer::InFlight),
    ] {
        cancel(&h, acme(), CancelTarget::Delivery(id)).await;
        let answers = cancel(&h, acme(), CancelTarget::Delivery(id)).await;
        assert_eq!(answers, [Cancelled { id, answer: again }]);
        assert_eq!(h.history(id).await.len(), 1);
    }
}

/// P6: nobody calls off another tenant's messages, or learns that they exist.
pub async fn a_tenant_cancels_only_its_own(h: Harness) {
    let event = h.event().to("ada");
    let target = CancelTarget::Event(event.id);
    let [ada] = h.given(event).await;
    for target in [target, CancelTarget::Delivery(ada)] {
        assert_eq!(cancel(&h, tenant("other"), target).await, []);
    }
    assert_eq!(h.state(ada).await, State::Waiting);
    let unknown = CancelTarget::Event(h.unknown_event());
    assert_eq!(cancel(&h, acme(), unknown).await, []);
}

pub(super) async fn cancel(h: &Harness, tenant: TenantId, target: CancelTarget) -> Vec<Cancelled> {
    let cancel = Cancel {
        target,
        actor: "ops".to_owned(),
    };
    h.store().cancel(&tenant, cancel).await.unwrap()
}
