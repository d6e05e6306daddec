use std::time::Duration;

use signalbus_testkit::{PausedClock, provider::ScriptedProvider};

use crate::{
    Event, Idempotency, MemoryStore, Policy, Recipient, Signalbus, Templates, TenantId, Topic,
    builder::BusSetup, bus::MemoryBus, channel::Sms, clock::Clock as _,
    publish::wire::tests::read_up_to,
};

/// What a newer library wrote waits for it, with all that stands behind it in its partition, and
/// comes through when the upgrade is done.
#[tokio::test(start_paused = true)]
async fn what_a_newer_version_wrote_comes_through_after_an_upgrade() {
    for acknowledged in [false, true] {
        let clock = PausedClock::default();
        let store = MemoryStore::builder()
            .clock(std::sync::Arc::new(clock.clone()))
            .build();
        let bus = MemoryBus::with_clock(clock.clone());
        let bus = if acknowledged {
            bus.acknowledged()
        } else {
            bus
        };
        let texts = ScriptedProvider::<Sms>::new(std::sync::Arc::new(clock.clone()));
        let topic = Topic::new("events").unwrap();
        let start = async || {
            Signalbus::builder()
                .store(store.clone())
                .clock(clock.clone())
                .channel(Sms::new(), texts.clone())
                .templates(Templates::embedded(&[("note/en/sms.txt", "hello")]).unwrap())
                .policy(Policy::new().on::<Sms>("note"))
                .bus_setup(BusSetup::new(bus.clone(), &topic).group("engines"))
                .start()
                .await
                .unwrap()
        };
        let pass = async |seconds| clock.sleep(Duration::from_secs(seconds)).await;
        read_up_to(0);
        let old = start().await;
        let mut ids = Vec::new();
        for _ in 0..3 {
            let event = Event::new("note", Idempotency::None)
                .to(Recipient::new().id("ada").sms("+447700900123"));
            ids.push(old.publish_to_bus(event).await.unwrap());
        }
        pass(30).await;
        let tenant = TenantId::default();
        for id in &ids {
            assert!(old.event(&tenant, *id).await.unwrap().is_none());
        }
        old.shutdown().await;
        read_up_to(1);
        let new = start().await;
        pass(30).await;
        texts.books().assert_sent_count(3);
        for id in &ids {
            assert!(new.event(&tenant, *id).await.unwrap().is_some());
        }
        new.shutdown().await;
    }
}
