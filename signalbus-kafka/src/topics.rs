use std::{collections::HashMap, sync::Arc, time::Duration};

use signalbus_core::bus::BusError;
use tokio::sync::Mutex;

use crate::{
    client::Client,
    config::NewTopics,
    error::Failure,
    task::{Moment, Pauses, within},
    wire::Cluster,
};

/// How many partitions topics have. They may get more: what is known is asked again every minute.
#[derive(Debug)]
pub(crate) struct Topics {
    cluster: Arc<Cluster>,
    client: Arc<Client>,
    create: Option<NewTopics>,
    known: Mutex<HashMap<String, (u32, Moment)>>,
}

const LIFETIME: Duration = Duration::from_secs(60);

impl Topics {
    pub(crate) fn new(
        cluster: &Arc<Cluster>,
        client: &Arc<Client>,
        create: Option<NewTopics>,
    ) -> Self {
        Self {
            cluster: Arc::clone(cluster),
            client: Arc::clone(client),
            create,
            known: Mutex::default(),
        }
    }

    /// How many partitions a topic has; made where that is asked for.
    pub(crate) async fn partitions(&self, topic: &str) -> Result<u32, BusError> {
        let mut known = self.known.lock().await;
        if let Some((count, learned)) = known.get(topic)
            && learned.age() < LIFETIME
        {
            return Ok(*count);
        }
        let asked = match (self.ask(topic).await, self.create) {
            (Err(Failure::Missing), Some(new)) => self.make(topic, new).await,
            (asked, _) => asked,
        };
        let count =
            asked.map_err(|failure| failure.at(&format!("asking for the topic `{topic}`")))?;
        known.insert(topic.to_owned(), (count, Moment::now()));
        Ok(count)
    }

    pub(crate) async fn forget(&self, topic: &str) {
        self.known.lock().await.remove(topic);
    }

    async fn ask(&self, topic: &str) -> Result<u32, Failure> {
        let leaders = self.cluster.leaders(topic).await?;
        u32::try_from(leaders.len()).map_err(|_| Failure::Missing)
    }

    /// Makes it, and waits until it can be seen.
    async fn make(&self, topic: &str, new: NewTopics) -> Result<u32, Failure> {
        self.client.make_topic(topic, new).await?;
        within(self.cluster.settings().deadline, async {
            let mut pauses = Pauses::new();
            loop {
                match self.cluster.leaders(topic).await {
                    Ok(leaders) if leaders.iter().all(Option::is_some) => {
                        return u32::try_from(leaders.len()).map_err(|_| Failure::Missing);
                    }
                    Ok(_) | Err(Failure::Missing | Failure::Leaderless) => pauses.wait().await,
                    Err(failure) => return Err(failure),
                }
            }
        })
        .await
    }
}
