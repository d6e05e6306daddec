use std::fmt;

use async_trait::async_trait;
use redis::{Client, pipe};
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
/// Connects when it is first used, and again when a connection breaks. Needs a tokio runtime.
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
        let client = Client::open(config.server.clone())
            .map_err(|error| ConfigError::Url(format!("{:?}", error.kind())))?;
        Ok(Self {
            connection: Connection::new(client, config.deadline),
            config,
        })
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
        let mut all = pipe();
        for envelope in &batch {
            let add = entry::add(&self.stream(&envelope.topic), envelope);
            all.add_command(add).ignore();
        }
        let wait = std::time::Duration::ZERO;
        self.connection.run("publishing", &all, wait).await
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
