use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use signalbus_core::{
    bus::{Bus, BusError, BusErrorKind, BusKind, Envelope, Subscription},
    store::{StoreError, StoreErrorKind},
};
use tokio::sync::Notify;

use super::{deliver::Group, subscription::TableSubscription};
use crate::{
    PostgresStore,
    database::{Database, Link, Mode, Use, Work},
};

/// A bus in a table of the schema, of the acknowledged kind; [`PostgresStore::bus`] makes one.
///
/// What is published waits for each group that reads the topic, and is deleted when it is acknowledged. Any language
/// publishes with the SQL function `signalbus.publish(jsonb)`, in a transaction of its own. Readers look for
/// news every 250 ms at least, at once after a publish by the same bus.
///
/// Cheap to clone: all clones share the connections of the store.
#[derive(Clone)]
pub struct PostgresBus {
    pub(super) shared: Arc<Shared>,
}

#[derive(Clone)]
pub(super) struct Shared {
    pub(super) database: Arc<Database>,
    pub(super) news: Arc<Notify>,
    name: String,
    max_payload: usize,
    pub(super) abandoned_after: Duration,
    pub(super) poll: Duration,
}

impl PostgresStore {
    /// The bus in this schema, on the connections of the application.
    #[must_use]
    pub fn bus(&self) -> PostgresBus {
        PostgresBus {
            shared: Arc::new(Shared {
                database: Arc::clone(self.database()),
                news: Arc::default(),
                name: "postgres".to_owned(),
                max_payload: 16 * 1024 * 1024,
                abandoned_after: Duration::from_secs(60),
                poll: Duration::from_millis(250),
            }),
        }
    }
}

impl PostgresBus {
    fn with(mut self, change: impl FnOnce(&mut Shared)) -> Self {
        change(Arc::make_mut(&mut self.shared));
        self
    }

    /// Sets the name from which ids of foreign events are derived; `postgres` unless set.
    #[must_use]
    pub fn with_name(self, name: impl Into<String>) -> Self {
        self.with(|shared| shared.name = name.into())
    }

    /// Sets how many bytes an event may have as JSON; 16 MiB unless set.
    #[must_use]
    pub fn with_max_payload(self, bytes: usize) -> Self {
        self.with(|shared| shared.max_payload = bytes)
    }

    /// Sets after how long an event is handed to another worker that one got and did not
    /// acknowledge: longer than it may take to store it. One minute unless set.
    #[must_use]
    pub fn with_abandoned_after(self, time: Duration) -> Self {
        self.with(|shared| shared.abandoned_after = time)
    }

    /// Sets how long a reader waits at most before it looks again; 250 ms unless set.
    #[must_use]
    pub fn with_poll(self, pause: Duration) -> Self {
        self.with(|shared| shared.poll = pause.max(Duration::from_millis(1)))
    }

    /// Forgets a group that reads a topic no more, with all that waits for it: else that is kept for ever. Answers
    /// how many envelopes that were.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn forget(&self, topic: &str, group: &str) -> Result<u64, BusError> {
        let group = self.group(topic, group)?;
        group.forget().await
    }

    fn group(&self, topic: &str, group: &str) -> Result<Group, BusError> {
        if topic.is_empty() || group.is_empty() || topic.contains('\0') || group.contains('\0') {
            let problem = "a topic and a group have a name, without NUL";
            return Err(BusError::new(BusErrorKind::Invalid, problem));
        }
        Ok(Group {
            shared: Arc::clone(&self.shared),
            topic: topic.to_owned(),
            group: group.to_owned(),
        })
    }
}

impl fmt::Debug for PostgresBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresBus")
            .field("name", &self.shared.name)
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// Runs a call, and says what was being done when it fails.
    pub(super) async fn call<T, F>(
        &self,
        doing: &str,
        of: Use,
        mode: Mode,
        work: F,
    ) -> Result<T, BusError>
    where
        T: Send + 'static,
        F: for<'a, 'c> FnMut(&'a mut Link<'c>) -> Work<'a, T> + Send + 'static,
    {
        let done = self.database.call(of, mode, work).await;
        done.map_err(|error| failed(doing, error))
    }
}

fn failed(doing: &str, error: StoreError) -> BusError {
    let kind = match error.kind() {
        StoreErrorKind::Invalid | StoreErrorKind::Unsupported | StoreErrorKind::Corrupt => {
            BusErrorKind::Invalid
        }
        _ => BusErrorKind::Unavailable,
    };
    BusError::new(kind, format!("{doing}: {error}")).with_source(error)
}

#[async_trait]
impl Bus for PostgresBus {
    fn name(&self) -> &str {
        &self.shared.name
    }

    fn kind(&self) -> BusKind {
        BusKind::Acknowledged
    }

    fn max_payload(&self) -> usize {
        self.shared.max_payload
    }

    async fn publish(&self, batch: Vec<Envelope>) -> Result<(), BusError> {
        let most = self.shared.max_payload;
        if batch.iter().any(|envelope| envelope.payload.len() > most) {
            let problem = format!("publishing: a payload has more than {most} bytes");
            return Err(BusError::new(BusErrorKind::Invalid, problem));
        }
        if batch.iter().any(|envelope| envelope.topic.is_empty()) {
            let problem = "publishing: a topic has a name";
            return Err(BusError::new(BusErrorKind::Invalid, problem));
        }
        if batch.is_empty() {
            return Ok(());
        }
        let batch = Arc::new(batch);
        self.shared
            .call("publishing", Use::Application, Mode::Once, move |link| {
                let batch = Arc::clone(&batch);
                Box::pin(async move { super::deliver::publish(link, &batch).await })
            })
            .await?;
        self.shared.news.notify_waiters();
        Ok(())
    }

    async fn subscribe(&self, topic: &str, group: &str) -> Result<Box<dyn Subscription>, BusError> {
        let group = self.group(topic, group)?;
        group.join().await?;
        Ok(Box::new(TableSubscription::new(group)))
    }
}
