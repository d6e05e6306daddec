//! Faults built into what is held, what waits for another and what is put off, each found by a story
//! that holds without it.

#![cfg(feature = "mutants")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{panic::catch_unwind, sync::Arc};

use signalbus::{
    DeliveryId, MemoryStore, Policy, Signalbus, Store, TenantId, Topic,
    channel::Sms,
    id::IdSource,
    mutant::Mutant,
    store::{AddressHash, NewDelivery, NewEvent, RecipientKey, State},
};
use signalbus_testkit::{
    ManualClock,
    provider::ScriptedProvider,
    store_suite::{self, Harness, LANES},
};

/// Whether a case of the store suite holds on the store in memory.
fn holds(mutant: Option<Mutant>, case: impl AsyncFnOnce(Harness)) -> bool {
    let case = std::panic::AssertUnwindSafe(case);
    let told = catch_unwind(move || {
        Mutant::activate(mutant);
        let open = async |clock: Arc<dyn signalbus::Clock>, place: &store_suite::Place| {
            place.keep(|| MemoryStore::builder().clock(clock).lanes(LANES).build())
        };
        let case = case;
        store_suite::run(open, case.0);
    });
    Mutant::activate(None);
    told.is_ok()
}

#[test]
fn a_pause_that_is_ignored() {
    assert!(holds(None, store_suite::pauses::a_claim_meets_a_pause));
    let mutant = Some(Mutant::PausesIgnored);
    assert!(!holds(mutant, store_suite::pauses::a_claim_meets_a_pause));
}

#[test]
fn a_message_sent_although_another_reached() {
    let case = store_suite::siblings::it_is_not_needed_when_the_sibling_works;
    assert!(holds(None, case));
    assert!(!holds(Some(Mutant::SentAfterReached), case));
}

/// An event of a newer version is put off each time it is claimed.
async fn tries_of_what_is_put_off(mutant: Option<Mutant>) -> u32 {
    Mutant::activate(mutant);
    let clock = ManualClock::default();
    let ids = IdSource::new(
        Arc::new(clock.clone()),
        Arc::new(signalbus::Entropy::from_seed(1)),
    );
    let store = MemoryStore::builder()
        .clock(Arc::new(clock.clone()))
        .build();
    let (tenant, channel) = (TenantId::default(), "sms".parse().unwrap());
    let recipient_key = RecipientKey::of(&tenant, "ada");
    let mut delivery = NewDelivery::new(ids.delivery(), 0, recipient_key);
    delivery.address = Some(AddressHash::of(&channel, "ada"));
    delivery.channel = Some(channel);
    let id: DeliveryId = delivery.id;
    let event = NewEvent {
        id: ids.event(),
        tenant: tenant.clone(),
        topic: Topic::new("note").unwrap(),
        parent: None,
        class: signalbus::Class::Standard,
        idempotency: None,
        content: br#"{"v":9999}"#.to_vec().into(),
        recipients: Vec::new(),
        secret: None,
        attachments: Vec::new(),
        deliveries: vec![delivery],
    };
    store.accept(vec![event], Vec::new()).await.unwrap();
    let engine = Signalbus::builder()
        .store(store.clone())
        .clock(clock.clone())
        .channel(
            Sms::new(),
            ScriptedProvider::<Sms>::new(Arc::new(clock.clone())),
        )
        .policy(Policy::new())
        .start()
        .await
        .unwrap();
    engine.idle().await;
    let record = store.delivery(&tenant, id).await.unwrap().unwrap();
    assert_eq!((record.state, record.attempt), (State::Waiting, 1));
    Mutant::activate(None);
    record.tries
}

#[tokio::test]
async fn a_put_off_delivery_that_counts_as_a_retry() {
    assert_eq!(tries_of_what_is_put_off(None).await, 0);
    assert_eq!(
        tries_of_what_is_put_off(Some(Mutant::LaterIsRetry)).await,
        1
    );
}
