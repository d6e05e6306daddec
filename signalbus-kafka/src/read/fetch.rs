use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::{
    ResponseError,
    messages::{
        FetchRequest, TopicName,
        fetch_request::{FetchPartition, FetchTopic},
        fetch_response::PartitionData,
    },
    protocol::StrBytes,
};

use crate::{error::Failure, wire::Connection};

/// How long a broker waits for a first record.
pub(super) const LONG_POLL: Duration = Duration::from_millis(500);

/// What a broker answered.
#[derive(Debug)]
pub(super) enum Fetched {
    /// Bytes, maybe none, and which of the transactions in them were aborted.
    Bytes(Bytes, Vec<(i64, i64)>),
    /// The offset is not there.
    OutOfRange,
}

/// What to fetch.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) topic: &'a str,
    pub(super) partition: u32,
    pub(super) offset: u64,
    pub(super) bytes: i32,
}

/// Fetches from a partition, and how long the broker asks us to wait afterwards.
pub(super) async fn fetch(
    connection: &mut Connection,
    wanted: &Wanted<'_>,
    deadline: Duration,
) -> Result<(Fetched, Duration), Failure> {
    let partition = FetchPartition::default()
        .with_partition(i32::try_from(wanted.partition).map_err(|_| Failure::Missing)?)
        .with_fetch_offset(i64::try_from(wanted.offset).unwrap_or(i64::MAX))
        .with_partition_max_bytes(wanted.bytes);
    let topic = FetchTopic::default()
        .with_topic(TopicName(StrBytes::from_string(wanted.topic.to_owned())))
        .with_partitions(vec![partition]);
    let request = FetchRequest::default()
        .with_max_wait_ms(i32::try_from(LONG_POLL.as_millis()).unwrap_or(i32::MAX))
        .with_min_bytes(1)
        .with_max_bytes(wanted.bytes)
        // What is committed only.
        .with_isolation_level(1)
        .with_topics(vec![topic]);
    let answer = connection.call(&request, LONG_POLL + deadline).await?;
    let throttle = u64::try_from(answer.throttle_time_ms).unwrap_or(0);
    Failure::of(answer.error_code)?;
    let partition = answer
        .responses
        .into_iter()
        .flat_map(|topic| topic.partitions)
        .next()
        .ok_or(Failure::Answer("it has no partition"))?;
    let fetched = read(partition)?;
    Ok((fetched, Duration::from_millis(throttle)))
}

fn read(partition: PartitionData) -> Result<Fetched, Failure> {
    if partition.error_code == ResponseError::OffsetOutOfRange.code() {
        return Ok(Fetched::OutOfRange);
    }
    Failure::of(partition.error_code)?;
    let aborted = partition.aborted_transactions.unwrap_or_default();
    let aborted = aborted
        .into_iter()
        .map(|transaction| (transaction.producer_id.0, transaction.first_offset))
        .collect();
    Ok(Fetched::Bytes(
        partition.records.unwrap_or_default(),
        aborted,
    ))
}
