use std::sync::Arc;

use kafka_protocol::{
    messages::{
        FindCoordinatorRequest, MetadataRequest, MetadataResponse, TopicName,
        metadata_request::MetadataRequestTopic,
    },
    protocol::StrBytes,
};
use tokio::sync::Mutex;

use super::{Connection, question::Question};
use crate::{address::Address, error::Failure, settings::Settings, task::within};

/// The brokers as they say they are: who leads what.
#[derive(Debug)]
pub(crate) struct Cluster {
    settings: Arc<Settings>,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// Any broker: all know the same.
    connection: Option<Connection>,
    /// What it told of, beside those we were given.
    nodes: Vec<Address>,
    /// Whom to ask next.
    turn: usize,
}

/// Who leads the partitions of a topic, in their order; none for one that has no leader.
pub(crate) type Leaders = Vec<Option<Address>>;

impl Cluster {
    pub(crate) fn new(settings: &Arc<Settings>) -> Self {
        Self {
            settings: Arc::clone(settings),
            known: Mutex::default(),
        }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Who leads the partitions of a topic now.
    pub(crate) async fn leaders(&self, topic: &str) -> Result<Leaders, Failure> {
        let name = TopicName(StrBytes::from_string(topic.to_owned()));
        let asked = MetadataRequestTopic::default().with_name(Some(name));
        let request = MetadataRequest::default()
            .with_topics(Some(vec![asked]))
            .with_allow_auto_topic_creation(false);
        within(self.settings.deadline, async {
            let mut known = self.known.lock().await;
            let answer = self.ask(&mut known, &request).await?;
            known.nodes = nodes(&answer).into_iter().map(|(_, node)| node).collect();
            leaders(&answer)
        })
        .await
    }

    /// The broker that keeps the positions of a group.
    pub(crate) async fn coordinator(&self, group: &str) -> Result<Address, Failure> {
        let group = StrBytes::from_string(group.to_owned());
        let request = FindCoordinatorRequest::default().with_key(group);
        within(self.settings.deadline, async {
            let mut known = self.known.lock().await;
            let answer = self.ask(&mut known, &request).await?;
            Failure::of(answer.error_code)?;
            address(&answer.host, answer.port).ok_or(Failure::Leaderless)
        })
        .await
    }

    /// Asks one broker after the other until one answers. A connection that was used and failed is
    /// not asked again; nor is one whose question was dropped.
    async fn ask<Q: Question>(
        &self,
        known: &mut Known,
        question: &Q,
    ) -> Result<Q::Answer, Failure> {
        let limit = self.settings.deadline;
        if let Some(mut connection) = known.connection.take()
            && let Ok(answer) = connection.call(question, limit / 2).await
        {
            known.connection = Some(connection);
            return Ok(answer);
        }
        // Those we were given are always among them: all brokers may have new addresses.
        let mut candidates = self.settings.brokers.clone();
        candidates.extend(known.nodes.iter().cloned());
        let mut last = Failure::Leaderless;
        for _ in 0..candidates.len() {
            known.turn = (known.turn + 1) % candidates.len();
            let Some(address) = candidates.get(known.turn) else {
                continue;
            };
            let mut connection = match Connection::open(&self.settings, address).await {
                Ok(connection) => connection,
                // All would say the same.
                Err(refused @ (Failure::SignIn | Failure::Token | Failure::Tls(_))) => {
                    return Err(refused);
                }
                Err(failure) => {
                    last = failure;
                    continue;
                }
            };
            match connection.call(question, limit).await {
                Ok(answer) => {
                    known.connection = Some(connection);
                    return Ok(answer);
                }
                Err(failure) => last = failure,
            }
        }
        Err(last)
    }
}

fn nodes(answer: &MetadataResponse) -> Vec<(i32, Address)> {
    let brokers = answer.brokers.iter();
    brokers
        .filter_map(|broker| Some((broker.node_id.0, address(&broker.host, broker.port)?)))
        .collect()
}

fn leaders(answer: &MetadataResponse) -> Result<Leaders, Failure> {
    let nodes = nodes(answer);
    let topic = answer.topics.first().ok_or(Failure::Missing)?;
    Failure::of(topic.error_code)?;
    let mut leaders: Leaders = vec![None; topic.partitions.len()];
    for partition in &topic.partitions {
        let place = usize::try_from(partition.partition_index).ok();
        let place = place.and_then(|place| leaders.get_mut(place));
        let leader = nodes.iter().find(|(id, _)| *id == partition.leader_id.0);
        *place.ok_or(Failure::Answer("its partitions are not counted from zero"))? =
            leader.map(|(_, address)| address.clone());
    }
    if leaders.is_empty() {
        return Err(Failure::Leaderless);
    }
    Ok(leaders)
}

fn address(host: &str, port: i32) -> Option<Address> {
    let port = u16::try_from(port).ok().filter(|port| *port != 0)?;
    Some(Address {
        host: host.to_owned(),
        port,
    })
}
