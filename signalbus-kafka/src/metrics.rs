//! What a bus measures, for whatever recorder of `metrics` the host installed.

use std::{sync::Once, time::Duration};

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

const LAG: &str = "kafka_consumer_lag";
const REBALANCES: &str = "kafka_rebalances_total";
const COMMIT: &str = "kafka_commit_latency_seconds";

static DESCRIBED: Once = Once::new();

/// Says what they mean, once.
pub(crate) fn describe() {
    DESCRIBED.call_once(|| {
        describe_gauge!(
            LAG,
            Unit::Count,
            "Records behind the last one that is stored"
        );
        describe_counter!(
            REBALANCES,
            "Changes of the partitions that this process reads"
        );
        describe_histogram!(
            COMMIT,
            Unit::Seconds,
            "How long it takes to commit positions: with the events in the store, or told to the broker"
        );
    });
}

/// How far a group is behind on a partition that this process reads; zero when it stops reading it.
pub(crate) fn lag(group: &str, topic: &str, partition: u32, behind: u64) {
    let labels = [
        ("group", group.to_owned()),
        ("topic", topic.to_owned()),
        ("partition", partition.to_string()),
    ];
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    gauge!(LAG, &labels).set(behind as f64);
}

/// Partitions came, or went.
pub(crate) fn rebalanced(group: &str, kind: &'static str) {
    counter!(REBALANCES, "group" => group.to_owned(), "kind" => kind).increment(1);
}

/// Positions were committed: with their events in the store, or told to the broker.
pub(crate) fn committed(group: &str, target: &'static str, took: Duration) {
    histogram!(COMMIT, "group" => group.to_owned(), "target" => target).record(took);
}
