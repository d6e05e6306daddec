//! The client that publishes and makes topics. It has no deadlines of its own, goes by what it
//! learned of the leaders when it was made, and keeps a connection that is dead: so every call here
//! has a deadline, it learns anew before a partition is connected to, and a call that failed makes
//! the next one begin with a new client.

use std::{sync::Arc, time::Duration};

use rskafka::{
    BackoffConfig,
    client::{
        Client as RsKafka, ClientBuilder,
        partition::{PartitionClient, UnknownTopicHandling},
    },
};
use tokio::sync::Mutex;

use crate::{
    config::NewTopics,
    error::Failure,
    settings::Settings,
    task::{Moment, within},
};

/// What was learned is this old at most when a partition is connected to.
const FRESH: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Client {
    settings: Arc<Settings>,
    current: Mutex<Option<Current>>,
}

#[derive(Debug)]
struct Current {
    client: Arc<RsKafka>,
    learned: Moment,
}

impl Client {
    pub(crate) fn new(settings: &Arc<Settings>) -> Self {
        Self {
            settings: Arc::clone(settings),
            current: Mutex::default(),
        }
    }

    /// Connects to the leader of a partition.
    pub(crate) async fn partition(
        &self,
        topic: &str,
        partition: u32,
    ) -> Result<PartitionClient, Failure> {
        let partition = i32::try_from(partition).map_err(|_| Failure::Missing)?;
        let connect = async {
            let client = self.informed().await?;
            let missing = UnknownTopicHandling::Error;
            let connected = client.partition_client(topic, partition, missing).await;
            Ok::<_, Failure>(connected?)
        };
        self.kept(within(self.settings.deadline, connect).await)
            .await
    }

    /// Makes a topic; one that exists is as good.
    pub(crate) async fn make_topic(&self, topic: &str, new: NewTopics) -> Result<(), Failure> {
        let limit = self.settings.deadline;
        let make = async {
            let client = self.informed().await?;
            let millis = i32::try_from(limit.as_millis()).unwrap_or(i32::MAX);
            let controller = client.controller_client()?;
            let made = controller.create_topic(
                topic,
                new.partitions.into(),
                new.replication.into(),
                millis,
            );
            match made.await.map_err(Failure::from) {
                Ok(()) | Err(Failure::Exists) => Ok(()),
                Err(failure) => Err(failure),
            }
        };
        self.kept(within(limit, make).await).await
    }

    /// Gives the client up.
    pub(crate) async fn forget(&self) {
        *self.current.lock().await = None;
    }

    async fn kept<T>(&self, done: Result<T, Failure>) -> Result<T, Failure> {
        if done.as_ref().is_err_and(Failure::is_stale) {
            self.forget().await;
        }
        done
    }

    /// A client that knows the leaders of now.
    async fn informed(&self) -> Result<Arc<RsKafka>, Failure> {
        let mut current = self.current.lock().await;
        if let Some(known) = &mut *current {
            if known.learned.age() > FRESH {
                // Dropped when this is: a client that hangs is not kept.
                let client = Arc::clone(&known.client);
                *current = None;
                client.list_topics().await?;
                *current = Some(Current {
                    client: Arc::clone(&client),
                    learned: Moment::now(),
                });
                return Ok(client);
            }
            return Ok(Arc::clone(&known.client));
        }
        let client = Arc::new(self.build().await?);
        client.list_topics().await?;
        *current = Some(Current {
            client: Arc::clone(&client),
            learned: Moment::now(),
        });
        Ok(client)
    }

    async fn build(&self) -> Result<RsKafka, Failure> {
        let brokers = self.settings.brokers.iter().map(ToString::to_string);
        let builder = ClientBuilder::new(brokers.collect())
            .client_id(self.settings.client_id.as_str())
            .backoff_config(BackoffConfig {
                init_backoff: Duration::from_millis(50),
                max_backoff: Duration::from_secs(1),
                base: 2.0,
                // Of the pauses alone: before ours, so that its error tells why.
                deadline: Some(self.settings.deadline / 2),
            });
        #[cfg(feature = "tls-ring")]
        let builder = match &self.settings.tls {
            Some(tls) => builder.tls_config(Arc::clone(tls)),
            None => builder,
        };
        let builder = match &self.settings.sasl {
            Some(sasl) => builder.sasl_config(sasl.for_client()),
            None => builder,
        };
        Ok(builder.build().await?)
    }
}
