//! Faults built into the reading of a bus, each found by a story that holds without it.

#![cfg(feature = "mutants")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use signalbus::{
    Bus as _, BusSetup, Clock as _, MemoryStore, Policy, Signalbus, Store, Templates, Topic,
    async_trait,
    bus::{Envelope, MemoryBus},
    channel::Sms,
    mutant::Mutant,
    store::{Acceptance, BusAdvance, DeliveryFilter, NewEvent, StoreError, StoreErrorKind},
};
use signalbus_testkit::{Layered, PausedClock, StoreLayer, provider::ScriptedProvider};

/// Loses the answers of its first calls, and refuses events of the topic `refused`.
#[derive(Debug)]
struct Troubled {
    inner: MemoryStore,
    lost: std::sync::atomic::AtomicU32,
}

#[async_trait]
impl StoreLayer for Troubled {
    fn inner(&self) -> &dyn Store {
        &self.inner
    }

    async fn accept(
        &self,
        events: Vec<NewEvent>,
        advance: Vec<BusAdvance>,
    ) -> Result<Vec<Acceptance>, StoreError> {
        let open = |event: &NewEvent| event.deliveries.iter().any(|one| one.ended.is_none());
        if events
            .iter()
            .any(|event| event.topic.as_str() == "refused" && open(event))
        {
            return Err(StoreError::new(StoreErrorKind::Invalid, "refused"));
        }
        let is_rejection = events.iter().any(|event| !open(event));
        let answers = self.inner.accept(events, Vec::new()).await?;
        let before = self.lost.load(std::sync::atomic::Ordering::SeqCst);
        if is_rejection && before > 0 {
            self.lost
                .store(before - 1, std::sync::atomic::Ordering::SeqCst);
            return Err(StoreError::new(
                StoreErrorKind::Ambiguous,
                "the answer was lost",
            ));
        }
        self.inner.accept(Vec::new(), advance).await?;
        Ok(answers)
    }
}

/// What is stored in the end of these payloads: texts sent, and deliveries recorded.
async fn play(mutant: Option<Mutant>, payloads: &[&str]) -> (usize, u64) {
    Mutant::activate(mutant);
    let clock = PausedClock::default();
    let store = MemoryStore::builder()
        .clock(Arc::new(clock.clone()))
        .build();
    let bus = MemoryBus::with_clock(clock.clone());
    let texts = ScriptedProvider::<Sms>::new(Arc::new(clock.clone()));
    let engine = Signalbus::builder()
        .store(Layered(Troubled {
            inner: store,
            lost: 2.into(),
        }))
        .clock(clock.clone())
        .channel(Sms::new(), texts.clone())
        .templates(Templates::embedded(&[("note/en/sms.txt", "hello")]).unwrap())
        .policy(Policy::new().on::<Sms>("*").template("*", "note"))
        .bus_setup(BusSetup::new(bus.clone(), &Topic::new("events").unwrap()).group("engines"))
        .start()
        .await
        .unwrap();
    let envelope = |payload: &&str| Envelope::new("events", *b"key", (*payload).to_owned());
    bus.publish(payloads.iter().map(envelope).collect())
        .await
        .unwrap();
    clock.sleep(Duration::from_secs(30)).await;
    let tally = engine.tally(&DeliveryFilter::new()).await.unwrap();
    engine.shutdown().await;
    Mutant::activate(None);
    (
        texts.books().sent().len(),
        tally.iter().map(|one| one.count).sum(),
    )
}

const NOTE: &str = r#"{"topic":"note","to":[{"id":"ada","addresses":{"sms":"+447700900123"}}],"idempotency":"none"}"#;
const REFUSED: &str = r#"{"topic":"refused","to":[{"id":"ada","addresses":{"sms":"+447700900123"}}],"idempotency":"none"}"#;
const NEWER: &str = r#"{"signalbus":99,"id":7}"#;

async fn dies(mutant: Mutant, payloads: &[&str], expected: (usize, u64)) {
    assert_eq!(play(None, payloads).await, expected, "without a fault");
    assert_ne!(
        play(Some(mutant), payloads).await,
        expected,
        "{mutant:?} lives"
    );
}

#[tokio::test(start_paused = true)]
async fn a_newer_version_that_is_rejected() {
    dies(Mutant::NewerIsRejected, &[NOTE, NEWER], (1, 1)).await;
}

#[tokio::test(start_paused = true)]
async fn an_id_at_random() {
    dies(Mutant::IdAtRandom, &["no event"], (0, 1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_event_that_stops_all() {
    dies(Mutant::RefusedStopsAll, &[NOTE, REFUSED, NOTE], (2, 3)).await;
}

#[test]
fn no_mutant_is_left_out() {
    let found = [
        Mutant::NewerIsRejected,
        Mutant::IdAtRandom,
        Mutant::RefusedStopsAll,
    ];
    assert_eq!(found, Mutant::OF_BUSES);
}
