//! Kafka, or Redis in its place.

use std::sync::Arc;

use signalbus::{
    Topic,
    bus::{Bus, BusError},
    redis::{RedisBus, RedisConfig},
};
use signalbus_kafka::{KafkaBus, KafkaConfig};

use super::{
    Program,
    settings::{Reader, names},
};

/// What carries events from the API to the workers.
#[derive(Clone)]
pub(super) enum AnyBus {
    Kafka(KafkaBus),
    Redis(Box<RedisBus>),
}

impl AnyBus {
    /// Redis where it is set, and Kafka where not.
    pub(super) fn read(reader: &mut Reader<'_>, program: Program) -> Option<Self> {
        let redis = reader.url(&names::REDIS_URL, |url| {
            RedisConfig::from_url(url).and_then(RedisBus::open)
        });
        if redis.is_some() {
            return redis.map(Box::new).map(Self::Redis);
        }
        let kafka = reader.url(&names::KAFKA_URL, |url| {
            let config = KafkaConfig::from_url(url)?.with_client_id(program.name());
            KafkaBus::new(config)
        });
        kafka.map(Self::Kafka)
    }

    pub(super) fn shared(&self) -> Arc<dyn Bus> {
        match self {
            Self::Kafka(bus) => Arc::new(bus.clone()),
            Self::Redis(bus) => Arc::new(bus.as_ref().clone()),
        }
    }

    /// Whether it is there, and has the topic; Redis makes what it has not.
    pub(super) async fn has(&self, topic: &Topic) -> Result<(), BusError> {
        match self {
            Self::Kafka(bus) => bus.partitions(topic.as_str()).await.map(drop),
            Self::Redis(bus) => bus.ping().await,
        }
    }
}
