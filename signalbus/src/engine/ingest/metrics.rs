//! What a bus that is read says of itself. Labels: `bus`, `group`, `topic`; `partition` where there
//! is one.

use metrics::{counter, describe_counter, describe_gauge, gauge};

use super::Link;
use crate::{bus::Lag, engine::metrics::names};

pub(super) fn describe() {
    describe_gauge!(names::BUS_LAG, "Envelopes that wait to be read");
    describe_gauge!(
        names::BUS_HELD,
        "Partitions that this worker does not read on: written by a newer version, or unreadable"
    );
    describe_counter!(
        names::BUS_REBALANCES,
        "Times the partitions changed that this worker reads"
    );
    describe_counter!(
        names::BUS_GONE,
        "Times what should have been read next was not there any more"
    );
    describe_counter!(
        names::BUS_REJECTED,
        "Envelopes that were recorded as rejected"
    );
    describe_counter!(
        names::BUS_DEAD_LETTERS,
        "Rejected envelopes for the topic of dead letters, by what became of them"
    );
}

macro_rules! labelled {
    ($metric:ident, $name:expr, $link:expr $(, $label:literal => $value:expr)*) => {
        $metric!(
            $name,
            "bus" => $link.bus().to_owned(),
            "group" => $link.group.clone(),
            "topic" => $link.topic().to_owned()
            $(, $label => $value)*
        )
    };
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge is a float; exact up to 2^53"
)]
pub(super) fn lag(link: &Link, lag: Lag) {
    let partition = lag.partition;
    let partition = partition.map_or_else(|| "all".to_owned(), |number| number.to_string());
    labelled!(gauge, names::BUS_LAG, link, "partition" => partition).set(lag.behind as f64);
}

pub(super) fn held(link: &Link, partitions: usize) {
    let partitions = u32::try_from(partitions).unwrap_or(u32::MAX);
    labelled!(gauge, names::BUS_HELD, link).set(partitions);
}

pub(super) fn rebalanced(link: &Link) {
    labelled!(counter, names::BUS_REBALANCES, link).increment(1);
}

pub(super) fn gone(link: &Link) {
    labelled!(counter, names::BUS_GONE, link).increment(1);
}

pub(super) fn rejected(link: &Link, count: usize) {
    if count > 0 {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        labelled!(counter, names::BUS_REJECTED, link).increment(count);
    }
}

/// `result` is `published` or `refused`.
pub(super) fn dead_letters(link: &Link, result: &'static str, count: usize) {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    labelled!(counter, names::BUS_DEAD_LETTERS, link, "result" => result).increment(count);
}
