//! What rskafka does by itself: a client for each partition, and nothing around it.

use std::{collections::BTreeMap, error::Error, sync::Arc, time::Duration};

use rskafka::{
    chrono::Utc,
    client::{
        ClientBuilder,
        partition::{Compression, OffsetAt, PartitionClient, UnknownTopicHandling},
    },
    record::Record,
};
use tokio::task::JoinSet;

use crate::{BATCH, BATCHES, BYTES, PARTITIONS};

pub(crate) struct Bare(Vec<Arc<PartitionClient>>);

impl Bare {
    pub(crate) async fn connect(addresses: &str, topic: &str) -> Result<Self, Box<dyn Error>> {
        let client = ClientBuilder::new(vec![addresses.to_owned()])
            .build()
            .await?;
        let mut clients = Vec::new();
        for partition in 0..PARTITIONS {
            let missing = UnknownTopicHandling::Retry;
            let client = client
                .partition_client(topic, partition.into(), missing)
                .await?;
            clients.push(Arc::new(client));
        }
        Ok(Self(clients))
    }

    /// As many records in as large batches, the same share to each partition.
    pub(crate) async fn publish(&self) -> Result<Duration, Box<dyn Error>> {
        let record = || Record {
            key: Some(b"key-1000".to_vec()),
            value: Some(vec![b'x'; BYTES]),
            headers: BTreeMap::new(),
            timestamp: Utc::now(),
        };
        let share: Vec<Record> = (0..BATCH / usize::from(PARTITIONS))
            .map(|_| record())
            .collect();
        self.produce(&share).await?;
        let begun = std::time::Instant::now();
        for _ in 1..BATCHES {
            self.produce(&share).await?;
        }
        Ok(begun.elapsed())
    }

    async fn produce(&self, share: &[Record]) -> Result<(), Box<dyn Error>> {
        let mut sending = JoinSet::new();
        for client in &self.0 {
            let (client, records) = (Arc::clone(client), share.to_vec());
            let compression = Compression::NoCompression;
            sending.spawn(async move { client.produce(records, compression).await });
        }
        while let Some(sent) = sending.join_next().await {
            sent??;
        }
        Ok(())
    }

    /// All of every partition, each in a task of its own.
    pub(crate) async fn read(&self, records: usize) -> Result<Duration, Box<dyn Error>> {
        let begun = std::time::Instant::now();
        let mut reading = JoinSet::new();
        for client in &self.0 {
            let client = Arc::clone(client);
            reading.spawn(async move {
                let end = client.get_offset(OffsetAt::Latest).await?;
                let (mut at, mut read) = (0, 0);
                while at < end {
                    let (records, _) = client.fetch_records(at, 1..1 << 20, 500).await?;
                    read += records.len();
                    at = records.last().map_or(at, |record| record.offset + 1);
                }
                Ok::<_, rskafka::client::error::Error>(read)
            });
        }
        let mut read = 0;
        while let Some(done) = reading.join_next().await {
            read += done??;
        }
        let took = begun.elapsed();
        assert_eq!(read, records, "not all was read");
        Ok(took)
    }
}
