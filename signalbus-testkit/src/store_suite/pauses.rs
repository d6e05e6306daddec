//! Pauses: what they hold is out of the way, and comes back in batches.

use std::time::Duration;

use signalbus_core::{
    DeliveryId, Order, Topic,
    name::ProviderName,
    store::{
        Cancel, CancelAnswer, CancelTarget, DeliveryFilter, EndState, Entry, Pause, Paused, Reason,
        Refusal, Released, State,
    },
};

use super::{Draft, Harness, acme, channel, tenant};

const MINUTE: Duration = Duration::from_secs(60);

fn email() -> Paused {
    Paused::everything().channel(channel("email"))
}

async fn pause(h: &Harness, what: Paused) -> bool {
    let pause = Pause::new(what, "ada@ops", "the provider changes");
    h.store().pause(pause).await.unwrap()
}

/// Whether the claim of a new delivery meets a pause.
async fn holds(h: &Harness, event: Draft) -> bool {
    let [id] = h.given(event).await;
    let worker = h.successor().await;
    let ready = worker.ready(id).await;
    let answer = worker.claim(super::claim(&ready)).await;
    matches!(
        answer,
        signalbus_core::store::ClaimAnswer::Refused(Refusal::Held)
    )
}

async fn released(h: &Harness, limit: u32) -> Released {
    h.store().release(limit).await.unwrap()
}

/// P2: a claim that meets a pause parks the delivery, once, and the history says why.
pub async fn a_claim_meets_a_pause(h: Harness) {
    let [ada] = h.given(h.event().to("ada")).await;
    let worker = h.worker().await;
    assert!(pause(&h, email()).await);
    assert_eq!(worker.is_refused(ada).await, Refusal::Held);
    assert_eq!(h.state(ada).await, State::Held);
    assert!(!worker.sees(ada).await, "it is out of the way");
    let reason = "the provider changes".to_owned();
    let history = h.history(ada).await;
    let [entry] = history.as_slice() else {
        panic!("one entry, not {history:?}");
    };
    assert_eq!(entry.entry, Entry::Held { reason });
    let held = DeliveryFilter::new().state(State::Held);
    let tally = h.store().tally(&held).await.unwrap();
    assert_eq!(tally.iter().map(|one| one.count).sum::<u64>(), 1);
}

/// It holds what it says, and nothing else.
pub async fn a_pause_is_as_wide_as_it_says(h: Harness) {
    let invoices = || Topic::new("invoice.paid").unwrap();
    pause(&h, Paused::everything().tenant(tenant("other"))).await;
    pause(
        &h,
        Paused::everything()
            .topic(invoices())
            .channel(channel("sms")),
    )
    .await;
    assert!(!holds(&h, h.event().to("ada")).await);
    assert!(!holds(&h, h.event().to("ada").on("sms")).await);
    assert!(!holds(&h, h.event().topic("invoice.paid").to("ada")).await);
    let invoice = h.event().topic("invoice.paid").to("ada").on("sms");
    assert!(holds(&h, invoice).await);
    assert!(holds(&h, h.event().tenant("other").to("bob")).await);
}

/// Two pauses of the same are one; they are listed, and end once.
pub async fn pauses_are_kept(h: Harness) {
    assert!(pause(&h, email()).await);
    h.clock.advance(MINUTE);
    assert!(!pause(&h, email()).await, "it stands already");
    let provider = ProviderName::new("mailgun").unwrap();
    let of_provider = Paused::everything().provider(provider);
    assert!(pause(&h, of_provider.clone()).await);
    let listed = h.store().pauses().await.unwrap();
    let what: Vec<&Paused> = listed.iter().map(|pause| &pause.what).collect();
    assert_eq!(what, [&email(), &of_provider]);
    assert_eq!(listed[0].since, h.now() - MINUTE);
    assert_eq!(listed[0].actor, "ada@ops");
    assert!(h.store().resume(&email()).await.unwrap());
    assert!(!h.store().resume(&email()).await.unwrap());
    // Who sends is not decided at the claim.
    assert!(!holds(&h, h.event().to("ada")).await);
}

/// What was held comes back when its pause is over, in batches, lowest positions first.
pub async fn what_was_held_comes_back_in_batches(h: Harness) {
    let ids: [DeliveryId; 3] = h.given(h.event().to("ada").to("bob").to("cid")).await;
    let worker = h.worker().await;
    pause(&h, email()).await;
    for id in ids {
        worker.is_refused(id).await;
    }
    let (none, two) = (Released::default(), 2);
    assert_eq!(released(&h, 10).await, none, "the pause stands");
    h.store().resume(&email()).await.unwrap();
    assert!(!worker.sees(ids[0]).await, "not yet");
    let first = released(&h, two).await;
    assert_eq!((first.released, first.more), (2, true));
    assert!(worker.sees(ids[0]).await && worker.sees(ids[1]).await);
    assert!(!worker.sees(ids[2]).await);
    let last = released(&h, two).await;
    assert_eq!((last.released, last.more), (1, false));
    for id in ids {
        worker.sends(id, "m").await;
    }
}

/// Of two pauses the second goes on holding it.
pub async fn what_another_pause_holds_stays(h: Harness) {
    let [ada] = h.given(h.event().to("ada")).await;
    let worker = h.worker().await;
    pause(&h, email()).await;
    worker.is_refused(ada).await;
    pause(&h, Paused::everything().tenant(acme())).await;
    h.store().resume(&email()).await.unwrap();
    assert_eq!(released(&h, 10).await, Released::default());
    assert_eq!(h.state(ada).await, State::Held);
}

/// P4: what is held may be called off.
pub async fn what_is_held_may_be_called_off(h: Harness) {
    let [ada] = h.given(h.event().to("ada")).await;
    let worker = h.worker().await;
    pause(&h, email()).await;
    worker.is_refused(ada).await;
    let cancel = Cancel {
        target: CancelTarget::Delivery(ada),
        actor: "ops".to_owned(),
    };
    let told = h.store().cancel(&acme(), cancel).await.unwrap();
    assert_eq!(told[0].answer, CancelAnswer::Cancelled);
    h.store().resume(&email()).await.unwrap();
    assert_eq!(released(&h, 10).await, Released::default());
}

/// P5: what is held keeps its place in the order.
pub async fn a_held_head_keeps_its_place(h: Harness) {
    let [head] = h.given(h.event().to("ada").order(Order::Strict)).await;
    let [next] = h.given(h.event().to("ada").order(Order::Strict)).await;
    let worker = h.worker().await;
    pause(&h, email()).await;
    assert_eq!(worker.is_refused(head).await, Refusal::Held);
    assert!(!worker.sees(next).await, "its head is held");
    h.store().resume(&email()).await.unwrap();
    released(&h, 10).await;
    worker.sends(head, "m-1").await;
    worker.sends(next, "m-2").await;
}

/// P2: its expiry is looked at when it is claimed again.
pub async fn what_expired_meanwhile_is_not_sent(h: Harness) {
    let event = h.event().to("ada").expires_at(h.after(MINUTE));
    let [ada] = h.given(event).await;
    let worker = h.worker().await;
    pause(&h, email()).await;
    worker.is_refused(ada).await;
    h.clock.advance(MINUTE);
    h.store().resume(&email()).await.unwrap();
    released(&h, 10).await;
    assert_eq!(worker.is_refused(ada).await, Refusal::Expired);
    assert_eq!(h.end(ada).await, (EndState::Expired, Reason::Expired));
}
