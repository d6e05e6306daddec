//! Worker processes over one topic and one database that are killed with SIGKILL, or stop for longer than
//! their lease, while events come in. Each event is stored once, those of one recipient are sent in
//! order, and what can be made of nothing is recorded and passed.

#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and measures real time"
)]

mod book;
mod group;
#[path = "../support/mod.rs"]
mod support;
mod worker;

use std::time::{Duration, Instant};

use crate::{group::Group, worker::LEASE};

const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn workers_that_are_killed_store_each_event_once_and_in_order() {
    let mut group = Group::start(40).await;
    group.publish_for(Duration::from_secs(3)).await;
    let mut recovered = Vec::new();
    for _ in 0..3 {
        group.poison().await;
        group.kill_one();
        recovered.push(group.until_all_go_on(PATIENCE).await);
        group.publish_for(Duration::from_secs(1)).await;
    }
    let events = group.published();
    let twice = group.finish(PATIENCE).await;
    println!(
        "{events} events, {twice} of them sent twice; 3 workers were killed, and all partitions were \
         read on after {recovered:?}, with leases of {LEASE:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_stops_for_longer_than_its_lease_changes_nothing_when_it_goes_on() {
    let mut group = Group::start(40).await;
    group.publish_for(Duration::from_secs(3)).await;
    for _ in 0..2 {
        group.signal_first("-STOP");
        // The others take over what it had, while it believes that it has it.
        group.until_all_go_on(PATIENCE).await;
        group.signal_first("-CONT");
        group.publish_for(LEASE).await;
    }
    let events = group.published();
    let twice = group.finish(PATIENCE).await;
    println!(
        "{events} events, {twice} of them sent twice; a worker stopped for longer than its lease, twice"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes: cargo xtask test --all"]
async fn two_hundred_thousand_events_while_a_worker_is_killed_every_ten_seconds() {
    const EVENTS: usize = 200_000;
    const KILLS: u32 = 12;
    const EVERY: Duration = Duration::from_secs(10);
    // So many at a time, so that workers are killed when it is time for it.
    const TURN: usize = 400;
    let mut group = Group::start(2_000).await;
    let began = Instant::now();
    let (mut killed, mut last) = (0, began);
    while group.published() < EVENTS || killed < KILLS {
        // All of the two minutes long.
        let due = usize::try_from(began.elapsed().as_millis()).unwrap() * EVENTS / 120_000;
        let most = group.published() + TURN;
        group.publish_up_to(due.min(EVENTS).min(most)).await;
        if killed < KILLS && last.elapsed() >= EVERY {
            group.kill_one();
            killed += 1;
            last = Instant::now();
        }
    }
    println!(
        "{EVENTS} events were published, and {killed} workers killed, in {:?}",
        began.elapsed()
    );
    let twice = group.finish(Duration::from_secs(1_200)).await;
    println!(
        "all were stored once and sent in order after {:?}, {twice} of them twice; {} bytes of tables \
         an event",
        began.elapsed(),
        group.bytes_an_event().await
    );
}
