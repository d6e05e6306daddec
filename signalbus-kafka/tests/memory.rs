//! Nobody reads, and memory stays bounded. In a process of its own, so that nobody else uses any.

#![cfg(target_os = "linux")]
#![expect(clippy::expect_used, reason = "a test fails by panicking")]
#![expect(
    clippy::disallowed_methods,
    reason = "a broker is in real time, and so is who waits for it"
)]

#[path = "support/mod.rs"]
mod support;

use std::time::Duration;

use signalbus_core::bus::{Bus, Start};

use crate::support::{all, bus, envelope, fresh, read, shared};

const PARTITIONS: u16 = 4;
const RECORDS: usize = 1_000;
const BYTES: usize = 100_000;
/// Three fetches of each partition, and as much again for what the allocator keeps.
const MOST: usize = 2 * 3 * 4 * (1 << 20);

/// What this process has in memory.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.parse::<usize>().ok())
        .expect("a size")
        * 1024
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_reads_stays_with_the_broker() {
    let bus = bus(&shared(), PARTITIONS);
    let topic = fresh("memory");
    let payload = "x".repeat(BYTES);
    for number in 0..RECORDS {
        let sent = envelope(&topic, &number.to_string(), &payload);
        bus.publish(vec![sent]).await.expect("published");
    }
    let before = resident();
    let mut subscription = bus.subscribe(&topic, "group").await.expect("subscribed");
    let started = subscription.assign(all(PARTITIONS.into(), Start::Earliest));
    started.await.expect("assigned");
    let mut most = 0;
    for _ in 0..30 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        most = most.max(resident().saturating_sub(before));
    }
    assert!(most > 1 << 20, "nothing was fetched ahead: {most} bytes");
    assert!(
        most < MOST,
        "{most} bytes for {} on the broker",
        RECORDS * BYTES
    );
    println!("{most} bytes ahead of {} on the broker", RECORDS * BYTES);
    assert_eq!(read(&mut *subscription, RECORDS).await.len(), RECORDS);
}
