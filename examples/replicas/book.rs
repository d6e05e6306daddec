//! A provider of text messages that writes down who sent what.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::Write,
    path::Path,
    sync::Arc,
    time::Duration,
};

use signalbus::{
    Provider, async_trait,
    channel::Sms,
    provider::{Delivery, Fault, SendError, Sent},
};

/// Takes a few milliseconds for each message, as a real one does.
#[derive(Debug, Clone)]
pub(crate) struct Book {
    file: Arc<File>,
    replica: String,
}

impl Book {
    pub(crate) fn open(path: &Path, replica: &str) -> std::io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        Ok(Self {
            file: Arc::new(file),
            replica: replica.to_owned(),
        })
    }
}

#[async_trait]
impl Provider<Sms> for Book {
    fn name(&self) -> &str {
        "book"
    }

    async fn send(&self, delivery: Delivery<'_, Sms>) -> Result<Sent, SendError> {
        tokio::time::sleep(Duration::from_millis(15)).await;
        let line = format!("{} {}\n", self.replica, delivery.id);
        (&*self.file)
            .write_all(line.as_bytes())
            .map_err(|error| SendError::retryable(Fault::Provider, error.to_string()))?;
        Ok(Sent::new())
    }
}

/// What was sent.
pub(crate) struct Requests {
    by_replica: BTreeMap<String, usize>,
    by_message: BTreeMap<String, usize>,
}

impl Requests {
    pub(crate) fn by(&self, replica: &str) -> usize {
        self.by_replica.get(replica).copied().unwrap_or(0)
    }

    pub(crate) fn messages(&self) -> usize {
        self.by_message.len()
    }

    pub(crate) fn twice(&self) -> usize {
        self.by_message.values().filter(|count| **count > 1).count()
    }
}

pub(crate) fn read(path: &Path) -> std::io::Result<Requests> {
    let mut requests = Requests {
        by_replica: BTreeMap::new(),
        by_message: BTreeMap::new(),
    };
    for line in std::fs::read_to_string(path)?.lines() {
        if let Some((replica, message)) = line.split_once(' ') {
            *requests.by_replica.entry(replica.to_owned()).or_default() += 1;
            *requests.by_message.entry(message.to_owned()).or_default() += 1;
        }
    }
    Ok(requests)
}
