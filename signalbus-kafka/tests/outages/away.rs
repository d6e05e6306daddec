use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use signalbus_core::bus::{Bus, BusErrorKind, Start};
use signalbus_kafka::KafkaBus;
use signalbus_servers::Kafka;

use crate::{
    support::{all, config, envelope, fresh, text},
    traffic::Traffic,
};

const DEADLINE: Duration = Duration::from_secs(2);

fn bus(broker: &Kafka) -> KafkaBus {
    let config = config(&broker.addresses())
        .with_new_topics(3, 1)
        .with_deadline(DEADLINE);
    KafkaBus::new(config).expect("a bus")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_killed_and_restarted_loses_nothing() {
    let mut broker = Kafka::start(1).expect("a broker");
    let bus = bus(&broker);
    let traffic = Traffic::start(&bus, &fresh("killed"), 3).await;
    traffic.more(100).await;
    for _ in 0..2 {
        broker.kill(0).expect("killed");
        tokio::time::sleep(Duration::from_secs(3)).await;
        broker.resume(0).expect("restarted");
        traffic.more(100).await;
    }
    assert!(traffic.failed.load(Ordering::SeqCst) > 0, "nobody was told");
    traffic.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_hangs_is_an_error_in_time_and_recovered_from() {
    let mut broker = Kafka::start(1).expect("a broker");
    let bus = bus(&broker);
    let topic = fresh("hung");
    let traffic = Traffic::start(&bus, &topic, 3).await;
    traffic.more(100).await;
    broker.freeze(0).expect("frozen");
    // Whatever was on its way has failed; what comes now fails in time, too.
    tokio::time::sleep(DEADLINE * 2).await;
    for _ in 0..2 {
        let began = Instant::now();
        let published = bus.publish(vec![envelope(&topic, "other", "0")]).await;
        let error = published.expect_err("nobody answers");
        assert_eq!(error.kind(), BusErrorKind::Unavailable);
        // To find the leader, and to hand it over.
        assert!(began.elapsed() < DEADLINE * 3, "{:?}", began.elapsed());
    }
    broker.thaw(0).expect("thawed");
    traffic.more(100).await;
    traffic.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_starts_while_all_brokers_are_away() {
    let mut broker = Kafka::start(1).expect("a broker");
    let topic = fresh("late");
    bus(&broker)
        .publish(vec![envelope(&topic, "key", "before")])
        .await
        .expect("published");
    broker.kill(0).expect("killed");
    let bus = bus(&broker);
    let began = Instant::now();
    let error = bus.publish(vec![envelope(&topic, "key", "away")]).await;
    assert_eq!(error.expect_err("away").kind(), BusErrorKind::Unavailable);
    let error = bus.subscribe(&topic, "group").await.expect_err("away");
    assert_eq!(error.kind(), BusErrorKind::Unavailable);
    assert!(began.elapsed() < DEADLINE * 3, "{:?}", began.elapsed());
    broker.resume(0).expect("restarted");
    bus.publish(vec![envelope(&topic, "key", "after")])
        .await
        .expect("published");
    let mut subscription = bus.subscribe(&topic, "group").await.expect("subscribed");
    subscription
        .assign(all(3, Start::Earliest))
        .await
        .expect("assigned");
    let read = crate::support::read(&mut *subscription, 2).await;
    assert_eq!(
        read.iter().map(text).collect::<Vec<_>>(),
        ["before", "after"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_publishes_too_much_while_it_hangs_is_told_and_does_not_wait_in_memory() {
    let mut broker = Kafka::start(1).expect("a broker");
    let config = config(&broker.addresses())
        .with_new_topics(1, 1)
        .with_deadline(DEADLINE)
        .with_waiting_bytes(300_000);
    let bus = KafkaBus::new(config).expect("a bus");
    let topic = fresh("full");
    bus.publish(vec![envelope(&topic, "key", "first")])
        .await
        .expect("published");
    broker.freeze(0).expect("frozen");
    let payload = "x".repeat(100_000);
    let publishers = (0..20).map(|_| {
        let (bus, sent) = (bus.clone(), envelope(&topic, "key", &payload));
        tokio::spawn(async move { bus.publish(vec![sent]).await })
    });
    let mut waited = 0;
    for publisher in publishers.collect::<Vec<_>>() {
        let error = publisher
            .await
            .expect("no panic")
            .expect_err("nobody answers");
        assert_eq!(error.kind(), BusErrorKind::Unavailable);
        waited += usize::from(error.to_string().contains("waiting for what was published"));
    }
    assert!(waited >= 10, "{waited} were kept out");
    broker.thaw(0).expect("thawed");
    crate::support::eventually("it recovers", async || {
        bus.publish(vec![envelope(&topic, "key", "last")])
            .await
            .is_ok()
    })
    .await;
}
