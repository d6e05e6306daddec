use std::{collections::HashMap, sync::Arc};

use kafka_protocol::{
    messages::{
        ListOffsetsRequest, TopicName,
        list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
    },
    protocol::StrBytes,
};
use tokio::sync::Mutex;

use super::{Cluster, Connection};
use crate::{
    address::Address,
    error::Failure,
    task::{Pauses, within},
};

/// Asks for offsets of a topic, on connections of its own: it never waits for a fetch.
#[derive(Debug)]
pub(crate) struct Offsets {
    cluster: Arc<Cluster>,
    topic: Arc<str>,
    connections: Mutex<HashMap<Address, Connection>>,
}

/// Which offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// The oldest that is kept.
    Earliest,
    /// Behind the newest that can be read: of transactions, what is decided.
    Latest,
    /// Of the first record of this time or later, in milliseconds since 1970; as the latest when
    /// there is none.
    Time(i64),
}

impl At {
    /// As the Kafka protocol guide has it for ListOffsets.
    fn code(self) -> i64 {
        match self {
            Self::Earliest => -2,
            Self::Latest => -1,
            Self::Time(millis) => millis.max(0),
        }
    }
}

impl Offsets {
    pub(crate) fn new(cluster: &Arc<Cluster>, topic: &Arc<str>) -> Self {
        Self {
            cluster: Arc::clone(cluster),
            topic: Arc::clone(topic),
            connections: Mutex::default(),
        }
    }

    /// The offsets of these partitions, one for each that is asked for.
    pub(crate) async fn list(&self, asked: &[(u32, At)]) -> Result<HashMap<u32, u64>, Failure> {
        if asked.is_empty() {
            return Ok(HashMap::new());
        }
        within(self.cluster.settings().deadline, async {
            let mut found = HashMap::new();
            let mut without = Vec::new();
            for (partition, offset) in self.ask_patiently(asked).await? {
                match u64::try_from(offset) {
                    Ok(offset) => _ = found.insert(partition, offset),
                    Err(_) => without.push((partition, At::Latest)),
                }
            }
            for (partition, offset) in self.ask_patiently(&without).await? {
                found.insert(partition, u64::try_from(offset).unwrap_or(0));
            }
            Ok::<_, Failure>(found)
        })
        .await
    }

    /// A partition that is new, or whose leader has gone, has one in a moment.
    async fn ask_patiently(&self, asked: &[(u32, At)]) -> Result<Vec<(u32, i64)>, Failure> {
        let mut pauses = Pauses::new();
        loop {
            match self.ask(asked).await {
                Err(Failure::Leaderless) => pauses.wait().await,
                answer => return answer,
            }
        }
    }

    async fn ask(&self, asked: &[(u32, At)]) -> Result<Vec<(u32, i64)>, Failure> {
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let leaders = self.cluster.leaders(&self.topic).await?;
        let mut by_leader: HashMap<&Address, Vec<(u32, At)>> = HashMap::new();
        for &(partition, at) in asked {
            let place = usize::try_from(partition).ok();
            let leader = place.and_then(|place| leaders.get(place));
            let leader = leader.ok_or(Failure::Missing)?.as_ref();
            let leader = leader.ok_or(Failure::Leaderless)?;
            by_leader.entry(leader).or_default().push((partition, at));
        }
        let mut connections = self.connections.lock().await;
        let mut found = Vec::with_capacity(asked.len());
        for (leader, asked) in by_leader {
            // Taken out while it is asked: of no use when that fails or is dropped. The broker
            // closes what was idle for long.
            let mut old = connections.remove(leader);
            let answer = match &mut old {
                Some(connection) => self.ask_one(connection, &asked).await.ok(),
                None => None,
            };
            let (connection, answer) = match (old, answer) {
                (Some(connection), Some(answer)) => (connection, answer),
                _ => {
                    let mut new = Connection::open(self.cluster.settings(), leader).await?;
                    let answer = self.ask_one(&mut new, &asked).await?;
                    (new, answer)
                }
            };
            found.extend(answer);
            connections.insert(leader.clone(), connection);
        }
        Ok(found)
    }

    async fn ask_one(
        &self,
        connection: &mut Connection,
        asked: &[(u32, At)],
    ) -> Result<Vec<(u32, i64)>, Failure> {
        let partitions = asked
            .iter()
            .map(|(partition, at)| {
                ListOffsetsPartition::default()
                    .with_partition_index(i32::try_from(*partition).unwrap_or(i32::MAX))
                    .with_timestamp(at.code())
            })
            .collect();
        let topic = ListOffsetsTopic::default()
            .with_name(TopicName(StrBytes::from_string(self.topic.to_string())))
            .with_partitions(partitions);
        let request = ListOffsetsRequest::default()
            .with_replica_id((-1).into())
            // What is committed only.
            .with_isolation_level(1)
            .with_topics(vec![topic]);
        let limit = self.cluster.settings().deadline;
        let answer = connection.call(&request, limit).await?;
        let partitions = answer.topics.into_iter().flat_map(|topic| topic.partitions);
        partitions
            .map(|partition| {
                Failure::of(partition.error_code)?;
                let index = u32::try_from(partition.partition_index);
                let index = index.map_err(|_| Failure::Answer("a partition is negative"))?;
                Ok((index, partition.offset))
            })
            .collect()
    }
}
