use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use redis::{Pipeline, pipe};
use signalbus_core::{
    Entropy,
    bus::{Bus, BusError, BusErrorKind, BusKind, Envelope, Subscription},
};

use crate::{
    ConfigError, RedisConfig, connection::Connection, entry, group::Group,
    subscription::RedisSubscription,
};

/// A bus on the streams of a Redis server, of the acknowledged kind.
///
/// Connects when it is first used, and again when a connection breaks. Needs a tokio runtime. Cheap to
/// clone: all clones use the same connection.
#[derive(Clone)]
pub struct RedisBus {
    config: RedisConfig,
    connection: Connection,
}

impl RedisBus {
    /// A bus on the server that the configuration names. Does not connect yet.
    ///
    /// # Errors
    /// When the configuration asks for what this build cannot do.
    pub fn open(config: RedisConfig) -> Result<Self, ConfigError> {
        Ok(Self {
            connection: Connection::new(Arc::new(config.server.clone()), config.deadline),
            config,
        })
    }

    /// Whether the server answers; for health checks.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), BusError> {
        let mut ping = pipe();
        ping.cmd("PING").ignore();
        self.connection
            .run("asking whether it is there", &ping, Duration::ZERO)
            .await
    }

    fn stream(&self, topic: &str) -> String {
        format!("{}{topic}", self.config.prefix)
    }
}

impl fmt::Debug for RedisBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisBus").field(&self.config).finish()
    }
}

#[async_trait]
impl Bus for RedisBus {
    fn name(&self) -> &str {
        &self.config.name
    }

    fn kind(&self) -> BusKind {
        BusKind::Acknowledged
    }

    fn max_payload(&self) -> usize {
        self.config.max_payload
    }

    async fn publish(&self, batch: Vec<Envelope>) -> Result<(), BusError> {
        let most = self.config.max_payload;
        if batch.iter().any(|envelope| envelope.payload.len() > most) {
            let problem = format!("publishing: a payload has more than {most} bytes");
            return Err(BusError::new(BusErrorKind::Invalid, problem));
        }
        if batch.is_empty() {
            return Ok(());
        }
        // A cluster takes only what is about one key together.
        let apart = self.connection.is_cluster();
        let mut calls: BTreeMap<Option<&str>, Pipeline> = BTreeMap::new();
        for envelope in &batch {
            let topic = apart.then_some(&*envelope.topic);
            let add = entry::add(&self.stream(&envelope.topic), envelope);
            calls
                .entry(topic)
                .or_insert_with(pipe)
                .add_command(add)
                .ignore();
        }
        for call in calls.values() {
            self.connection
                .run::<()>("publishing", call, Duration::ZERO)
                .await?;
        }
        Ok(())
    }

    async fn subscribe(&self, topic: &str, group: &str) -> Result<Box<dyn Subscription>, BusError> {
        let mut number = [0; 8];
        Entropy::from_os().fill(&mut number);
        let group = Group {
            connection: self.connection.clone(),
            topic: topic.to_owned(),
            stream: self.stream(topic),
            group: group.to_owned(),
            consumer: format!("{:016x}", u64::from_be_bytes(number)),
        };
        group.make().await?;
        let abandoned_after = self.config.abandoned_after;
        Ok(Box::new(RedisSubscription::new(group, abandoned_after)))
    }
}
