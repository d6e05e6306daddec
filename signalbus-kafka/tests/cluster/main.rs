//! What is promised while a cluster of three brokers loses some of them. Takes minutes:
//! `cargo xtask test --all` runs it.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "brokers are in real time, and so is who waits for them"
)]

#[path = "../support/mod.rs"]
mod support;
#[path = "../support/traffic.rs"]
mod traffic;

use std::time::{Duration, Instant};

use signalbus_kafka::KafkaBus;
use signalbus_servers::Kafka;

use crate::{
    support::{config, fresh},
    traffic::Traffic,
};

fn bus(cluster: &Kafka) -> KafkaBus {
    let config = config(&cluster.addresses())
        .with_new_topics(6, 3)
        .with_deadline(Duration::from_secs(3));
    KafkaBus::new(config).expect("a bus")
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "three brokers: cargo xtask test --all"]
async fn leaders_that_die_hang_or_move_lose_nothing() {
    let mut cluster = Kafka::start(3).expect("a cluster");
    let bus = bus(&cluster);
    let traffic = Traffic::start(&bus, &fresh("cluster"), 6).await;
    traffic.more(200).await;
    // Each in turn, so that every partition loses its leader, and those who were asked first.
    for broker in 0..cluster.len() {
        cluster.kill(broker).expect("killed");
        let began = Instant::now();
        traffic.more(200).await;
        println!(
            "broker {broker} was killed: {:?} until all went on",
            began.elapsed()
        );
        cluster.resume(broker).expect("restarted");
        traffic.more(200).await;
    }
    elect(&cluster);
    let began = Instant::now();
    traffic.more(200).await;
    println!(
        "leaders were moved: {:?} until all went on",
        began.elapsed()
    );
    for broker in 0..cluster.len() {
        cluster.freeze(broker).expect("frozen");
        let began = Instant::now();
        // Another leads before it comes back.
        traffic.more(200).await;
        println!(
            "broker {broker} hung: {:?} until all went on",
            began.elapsed()
        );
        cluster.thaw(broker).expect("thawed");
        traffic.more(200).await;
    }
    elect(&cluster);
    traffic.more(200).await;
    traffic.end().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "three brokers: cargo xtask test --all"]
async fn all_brokers_are_away_for_a_while() {
    let mut cluster = Kafka::start(3).expect("a cluster");
    let bus = bus(&cluster);
    let traffic = Traffic::start(&bus, &fresh("away"), 6).await;
    traffic.more(200).await;
    for broker in 0..cluster.len() {
        cluster.kill(broker).expect("killed");
    }
    tokio::time::sleep(Duration::from_secs(10)).await;
    cluster.resume_all().expect("restarted");
    let began = Instant::now();
    traffic.more(200).await;
    println!("all were away: {:?} until all went on", began.elapsed());
    traffic.end().await;
}

/// Every partition is led by the first of its replicas again.
fn elect(cluster: &Kafka) {
    let addresses = cluster.addresses();
    let words = [
        "--bootstrap-server",
        &addresses,
        "--election-type",
        "PREFERRED",
    ];
    let words = [&words[..], &["--all-topic-partitions"]].concat();
    Kafka::tool("org.apache.kafka.tools.LeaderElectionCommand", &words).expect("elected");
}
