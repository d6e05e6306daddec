//! What survives the death of the process (P1): only for stores that are durable.

use std::time::Duration;

use signalbus_core::{
    Attachment,
    store::{
        Acceptance, BusAdvance, BusPosition, Cancel, CancelTarget, ClaimAnswer, EndState, Next,
        Reason, Receipt, ReceiptEffect, ReceiptKind, ReceiptTarget, Refusal, SettleAnswer, State,
    },
};

use super::{Harness, acme, claim, event::own, provider, result, taken};

const MINUTE: Duration = Duration::from_secs(60);

/// P1: what was accepted is sent after a restart, with all its content.
pub async fn what_was_accepted_survives(h: Harness) {
    let file = Attachment::new("a.pdf", "application/pdf", vec![1, 2, 3]);
    let [ada] = h
        .given(h.event().content("hello").attach(file.clone()).to("ada"))
        .await;
    h.restart().await;
    let worker = h.successor().await;
    let claimed = worker.claims(&worker.ready(ada).await).await;
    assert_eq!(claimed.event.content, "hello");
    assert_eq!(claimed.own.unwrap(), own("ada"));
    let files = h.store().files(&acme(), claimed.event.id).await;
    assert_eq!(files.unwrap(), [file]);
}

/// P7: keys survive.
pub async fn keys_survive(h: Harness) {
    let first = h.event().key("order-1").content("paid").to("ada");
    let original = first.id;
    h.accept([first]).await;
    h.restart().await;
    let answers = h
        .accept([
            h.event().key("order-1").content("paid").to("ada"),
            h.event().key("order-1").content("refunded").to("ada"),
        ])
        .await;
    assert!(
        matches!(
            answers.as_slice(),
            [Acceptance::Duplicate(event), Acceptance::Conflict(by)]
                if event.id == original && *by == original
        ),
        "{answers:?}"
    );
}

/// P3: a claim survives: what was being sent is possibly sent, the rest was never tried.
pub async fn claims_survive(h: Harness) {
    let [ada, bob] = h.given(h.event().to("ada").to("bob")).await;
    let dead = h.worker().await;
    dead.claims(&dead.ready(ada).await).await;
    h.restart().await;
    let owner = h.successor().await;
    let fetched = owner.fetch().await;
    assert_eq!(fetched.interrupted.len(), 1);
    assert_eq!(fetched.interrupted[0].ready.id, ada);
    assert_eq!(fetched.interrupted[0].ready.attempt, 1);
    assert_eq!(fetched.ready.len(), 1);
    assert_eq!(fetched.ready[0].id, bob);
}

/// P3: epochs go on rising: who wrote before the restart cannot write after it.
pub async fn epochs_survive(h: Harness) {
    let [ada] = h.given(h.event().to("ada")).await;
    let zombie = h.worker().await;
    let ready = zombie.ready(ada).await;
    zombie.claims(&ready).await;
    h.restart().await;
    let owner = h.successor().await;
    for lease in &owner.leases {
        let before = zombie.leases.iter().find(|old| old.lane == lease.lane);
        assert!(before.is_none_or(|before| before.epoch < lease.epoch));
    }
    assert_eq!(
        zombie.settle(taken(&ready, "m-1")).await,
        SettleAnswer::LaneLost
    );
}

/// P2: results, attempts and due times survive.
pub async fn results_survive(h: Harness) {
    let [ada, bob] = h.given(h.event().to("ada").to("bob")).await;
    let worker = h.worker().await;
    worker.sends(ada, "m-1").await;
    let ready = worker.ready(bob).await;
    worker.claims(&ready).await;
    let mut settle = result(&ready, Next::Retry(MINUTE));
    settle.rendering = Some(b"Dear Bob".to_vec().into());
    settle.suspicion = 2;
    worker.settles(settle).await;
    let before = (h.history(ada).await, h.history(bob).await);
    let due = h.delivery(bob).await.due;
    h.restart().await;
    assert_eq!(h.end(ada).await, (EndState::Accepted, Reason::Sent));
    let delivery = h.delivery(ada).await;
    assert_eq!(delivery.provider, Some(provider("fake")));
    assert_eq!(delivery.provider_message_id.as_deref(), Some("m-1"));
    assert_eq!((h.history(ada).await, h.history(bob).await), before);
    assert_eq!(h.delivery(bob).await.due, due);
    h.clock.advance(MINUTE);
    let worker = h.worker().await;
    let ready = worker.ready(bob).await;
    assert_eq!((ready.attempt, ready.failures, ready.suspicion), (1, 1, 2));
    let claimed = worker.claims(&ready).await;
    assert_eq!(claimed.rendering.as_deref(), Some(&b"Dear Bob"[..]));
}

/// P4: calling off survives, also what is in flight.
pub async fn cancellations_survive(h: Harness) {
    let event = h.event().to("ada").to("bob");
    let target = CancelTarget::Event(event.id);
    let [ada, bob] = h.given(event).await;
    let dead = h.worker().await;
    let ready = dead.ready(bob).await;
    dead.claims(&ready).await;
    let cancel = Cancel {
        target,
        actor: "ops".to_owned(),
    };
    h.store().cancel(&acme(), cancel).await.unwrap();
    h.restart().await;
    let owner = h.successor().await;
    owner
        .settles(result(&ready, Next::Retry(Duration::ZERO)))
        .await;
    for id in [ada, bob] {
        assert_eq!(h.state(id).await, State::Ended(EndState::Cancelled));
    }
}

/// P2: the suppression list survives.
pub async fn suppressions_survive(h: Harness) {
    h.suppress("ada").await;
    h.restart().await;
    let [ada] = h.given(h.event().to("ada")).await;
    let worker = h.worker().await;
    let answer = worker.claim(claim(&worker.ready(ada).await)).await;
    assert!(
        matches!(answer, ClaimAnswer::Refused(Refusal::Suppressed)),
        "{answer:?}"
    );
}

/// P1: positions on a bus survive.
pub async fn bus_positions_survive(h: Harness) {
    let position = BusPosition {
        bus: "kafka".to_owned(),
        group: "group".to_owned(),
        topic: "events".to_owned(),
        partition: 3,
        next: 1 << 40,
    };
    let advance = BusAdvance {
        position: position.clone(),
        expected: 0,
    };
    h.store().accept(Vec::new(), vec![advance]).await.unwrap();
    h.restart().await;
    let found = h.store().bus_positions("kafka", "group").await.unwrap();
    assert_eq!(found, [position]);
}

/// P4: receipts survive: those that were applied, and those that wait.
pub async fn receipts_survive(h: Harness) {
    let [ada, bob] = h.given(h.event().to("ada").to("bob")).await;
    let worker = h.worker().await;
    worker.sends(ada, "m-1").await;
    let told = || {
        let receipt = |message: &str| {
            let target = ReceiptTarget::Message(message.to_owned());
            let (kind, id) = (ReceiptKind::Delivered, format!("r-{message}"));
            Receipt::new(acme(), provider("fake"), target, kind, id)
        };
        vec![receipt("m-1"), receipt("m-2")]
    };
    h.store().record_receipts(told()).await.unwrap();
    h.restart().await;
    let effects = h.store().record_receipts(told()).await.unwrap();
    assert_eq!(effects, [ReceiptEffect::Duplicate; 2]);
    let worker = h.successor().await;
    worker.sends(bob, "m-2").await;
    for id in [ada, bob] {
        assert_eq!(h.delivery(id).await.receipt, Some(ReceiptKind::Delivered));
    }
}

/// P5: positions go on rising.
pub async fn positions_go_on_rising(h: Harness) {
    let [ada] = h.given(h.event().to("ada")).await;
    let before = h.delivery(ada).await.position;
    h.restart().await;
    let [bob] = h.given(h.event().to("bob")).await;
    assert!(h.delivery(bob).await.position > before);
}
