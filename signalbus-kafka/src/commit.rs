//! Positions, told to Kafka for those who look at a group there.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use kafka_protocol::{
    messages::{
        GroupId, OffsetCommitRequest, TopicName,
        offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
    },
    protocol::StrBytes,
};
use tokio::sync::oneshot;

use crate::{
    error::Failure,
    lag::Behind,
    metrics,
    task::{Moment, detached, pause},
    wire::{Cluster, Connection},
};

/// Tells positions every few seconds, and once more when it is dropped.
#[derive(Debug)]
pub(crate) struct Mirror {
    _running: oneshot::Sender<()>,
}

impl Mirror {
    pub(crate) fn start(cluster: &Arc<Cluster>, behind: Behind, every: Duration) -> Self {
        let (running, ended) = oneshot::channel();
        let task = Task {
            cluster: Arc::clone(cluster),
            behind,
            connection: None,
            told: BTreeMap::new(),
        };
        detached(task.run(every, ended));
        Self { _running: running }
    }
}

struct Task {
    cluster: Arc<Cluster>,
    behind: Behind,
    connection: Option<Connection>,
    told: BTreeMap<u32, u64>,
}

impl Task {
    /// After so many failures in a row it is worth a warning.
    const PATIENCE: u32 = 5;

    async fn run(mut self, every: Duration, mut ended: oneshot::Receiver<()>) {
        let mut failures = 0_u32;
        loop {
            let last = tokio::select! {
                () = pause(every) => false,
                _ = &mut ended => true,
            };
            match self.tell().await {
                Ok(()) => failures = 0,
                // Nobody depends on it, and the next time may go better: a cluster that is new takes
                // some seconds to say who keeps the positions.
                Err(failure) => {
                    failures = failures.saturating_add(1);
                    let group = &*self.behind.group;
                    if failures == Self::PATIENCE {
                        tracing::warn!(group, %failure, "the positions of a group cannot be told to Kafka");
                    } else {
                        tracing::debug!(group, %failure, "the positions of a group were not told");
                    }
                }
            }
            if last {
                return;
            }
            if let Err(failure) = self.behind.measure().await {
                tracing::debug!(%failure, "the lag could not be measured");
            }
        }
    }

    /// Tells what changed.
    async fn tell(&mut self) -> Result<(), Failure> {
        let positions = self.behind.progress.positions();
        let changed: Vec<(u32, u64)> = positions
            .iter()
            .filter(|(partition, position)| self.told.get(partition) != Some(position))
            .map(|(partition, position)| (*partition, *position))
            .collect();
        if changed.is_empty() {
            return Ok(());
        }
        let began = Moment::now();
        let limit = self.cluster.settings().deadline;
        // Taken out while it is asked: of no use when that fails. The coordinator may have moved,
        // or closed what was idle: once more with a new connection.
        let request = self.request(&changed);
        let old = match self.connection.take() {
            Some(mut old) => commit(&mut old, &request, limit).await.ok().map(|()| old),
            None => None,
        };
        self.connection = Some(match old {
            Some(old) => old,
            None => {
                let coordinator = self.cluster.coordinator(&self.behind.group).await?;
                let mut new = Connection::open(self.cluster.settings(), &coordinator).await?;
                commit(&mut new, &request, limit).await?;
                new
            }
        });
        metrics::committed(&self.behind.group, "broker", began.age());
        self.told = positions;
        Ok(())
    }

    fn request(&self, positions: &[(u32, u64)]) -> OffsetCommitRequest {
        let text = |text: &str| StrBytes::from_string(text.to_owned());
        let partitions = positions
            .iter()
            .map(|(partition, position)| {
                OffsetCommitRequestPartition::default()
                    .with_partition_index(i32::try_from(*partition).unwrap_or(i32::MAX))
                    .with_committed_offset(i64::try_from(*position).unwrap_or(i64::MAX))
            })
            .collect();
        let topic = OffsetCommitRequestTopic::default()
            .with_name(TopicName(text(&self.behind.topic)))
            .with_partitions(partitions);
        // From outside of a group: without member and generation.
        OffsetCommitRequest::default()
            .with_group_id(GroupId(text(&self.behind.group)))
            .with_generation_id_or_member_epoch(-1)
            .with_topics(vec![topic])
    }
}

async fn commit(
    connection: &mut Connection,
    request: &OffsetCommitRequest,
    limit: Duration,
) -> Result<(), Failure> {
    let answer = connection.call(request, limit).await?;
    let mut partitions = answer.topics.iter().flat_map(|topic| &topic.partitions);
    partitions.try_for_each(|partition| Failure::of(partition.error_code))
}
