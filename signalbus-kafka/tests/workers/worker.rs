//! A worker: a process with the real engine.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};
use signalbus::{
    BusSetup, EngineOptions, Policy, Signalbus, Templates, Topic, channel::Sms,
    postgres::PostgresStore,
};
use signalbus_kafka::KafkaBus;

use crate::{book::Book, support::config};

/// The variable with what a worker has to do.
pub(crate) const ORDERS: &str = "SIGNALBUS_TEST_WORKER";

/// What the workers are to Kafka.
pub(crate) const GROUP: &str = "workers";

/// Short, since whoever takes over waits for its end.
pub(crate) const LEASE: Duration = Duration::from_secs(2);

#[derive(Serialize, Deserialize)]
pub(crate) struct Orders {
    pub(crate) brokers: String,
    pub(crate) topic: String,
    pub(crate) database: String,
    pub(crate) book: PathBuf,
}

impl Orders {
    pub(crate) fn written(&self) -> String {
        serde_json::to_string(self).unwrap()
    }
}

pub(crate) fn policy() -> Policy {
    Policy::new().on::<Sms>("count")
}

/// Does nothing unless a test started it with orders; then it works until it is killed.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let Ok(orders) = std::env::var(ORDERS) else {
        return;
    };
    let orders: Orders = serde_json::from_str(&orders).unwrap();
    let bus = KafkaBus::new(config(&orders.brokers)).unwrap();
    let topic = Topic::new(orders.topic.as_str()).unwrap();
    let _signalbus = Signalbus::builder()
        .store(PostgresStore::open(&orders.database).await.unwrap())
        .channel(Sms::new(), Book::open(&orders.book))
        .templates(Templates::embedded(&[("count/en/sms.txt", "{{ data.number }}")]).unwrap())
        .policy(policy())
        .options(EngineOptions::default().with_lease(LEASE))
        .bus_setup(BusSetup::new(bus, &topic).group(GROUP))
        .start()
        .await
        .unwrap();
    std::future::pending().await
}
