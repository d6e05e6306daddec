//! Kafka as a bus.

use std::sync::Arc;

use async_trait::async_trait;
use signalbus_core::bus::{Bus, BusError, BusKind, Envelope, Subscription};

use crate::{
    ConfigError, KafkaConfig, client::Client, produce::Producer, settings::Settings,
    subscription::KafkaSubscription, topics::Topics, wire::Cluster,
};

/// Carries envelopes over a Kafka cluster, as a positioned bus. Clones are the same bus.
#[derive(Debug, Clone)]
pub struct KafkaBus {
    config: Arc<KafkaConfig>,
    cluster: Arc<Cluster>,
    topics: Arc<Topics>,
    producer: Arc<Producer>,
}

impl KafkaBus {
    /// A bus that connects when it is used: brokers that are away do not keep a process from
    /// starting.
    ///
    /// # Errors
    /// When the configuration cannot be used.
    pub fn new(config: KafkaConfig) -> Result<Self, ConfigError> {
        let settings = Settings::new(&config)?;
        let cluster = Arc::new(Cluster::new(&settings));
        let client = Arc::new(Client::new(&settings));
        let topics = Arc::new(Topics::new(&cluster, &client, config.create));
        let producer = Arc::new(Producer::new(&config, &settings, &client, &topics));
        Ok(Self {
            config: Arc::new(config),
            cluster,
            topics,
            producer,
        })
    }

    /// The same from a URL ([`KafkaConfig::from_url`]).
    ///
    /// # Errors
    /// When the URL has another form.
    pub fn from_url(url: &str) -> Result<Self, ConfigError> {
        Self::new(KafkaConfig::from_url(url)?)
    }
}

#[async_trait]
impl Bus for KafkaBus {
    fn name(&self) -> &str {
        &self.config.name
    }

    fn kind(&self) -> BusKind {
        BusKind::Positioned
    }

    fn max_payload(&self) -> usize {
        self.config.producing.max_payload
    }

    async fn publish(&self, batch: Vec<Envelope>) -> Result<(), BusError> {
        self.producer.publish(batch).await
    }

    async fn partitions(&self, topic: &str) -> Result<u32, BusError> {
        self.topics.partitions(topic).await
    }

    async fn subscribe(&self, topic: &str, group: &str) -> Result<Box<dyn Subscription>, BusError> {
        self.topics.partitions(topic).await?;
        let config = &self.config;
        let subscription = KafkaSubscription::new(&self.cluster, config, topic, group);
        Ok(Box::new(subscription))
    }
}
