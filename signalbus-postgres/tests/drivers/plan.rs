//! What each driver is to do: one event is published, one is rolled back, one was published before.

use std::collections::BTreeMap;

use signalbus::{
    Event, Recipient, Signalbus, Verdict,
    store::{DeliveryFilter, Store},
};
use signalbus_postgres::{PostgresStore, Publishing};

use crate::{
    engine::{Counter, Line, engine, message},
    server,
};

pub(crate) struct Scene {
    pub(crate) store: PostgresStore,
    pub(crate) signalbus: Signalbus,
    counter: Counter,
}

pub(crate) async fn scene() -> Scene {
    let store = server::builder(&server::schema()).open().await.unwrap();
    let counter = Counter::default();
    let signalbus = engine(store.clone(), &counter, Default::default());
    Scene {
        store,
        signalbus,
        counter,
    }
}

/// Two of one key and content, and one of another.
pub(crate) fn batch() -> Vec<Event> {
    vec![message("ada"), message("ada"), rich()]
}

/// An event that uses many columns.
fn rich() -> Event {
    let file = signalbus::event::Attachment::new("a.txt", "text/plain", b"file".to_vec());
    message("bob")
        .to(Recipient::new().id("cid").name("Cid").on::<Line>("cid"))
        .secret(serde_json::json!({ "code": "123" }))
        .send_at("2020-01-01T00:00:00Z".parse().unwrap())
        .attach(file)
}

impl Scene {
    pub(crate) fn publishing(&self, events: Vec<Event>) -> Publishing<'_> {
        self.store.publishing(&self.signalbus, events).unwrap()
    }

    /// What came of a batch.
    pub(crate) fn verdicts(&self, publishing: Publishing<'_>) -> Vec<Verdict> {
        let (answers, wake) = publishing.answers(&self.signalbus).unwrap();
        drop(wake);
        answers
            .into_iter()
            .map(|answer| answer.unwrap().verdict)
            .collect()
    }

    pub(crate) async fn stored(&self) -> u64 {
        let tally = self.store.tally(&DeliveryFilter::new()).await.unwrap();
        tally.iter().map(|tally| tally.count).sum()
    }

    /// Sends all there is, each once.
    pub(crate) async fn sent(self) -> BTreeMap<String, u32> {
        self.signalbus.start();
        self.signalbus.idle().await;
        self.signalbus.shutdown().await;
        self.counter.requests()
    }
}

/// These addresses, each once.
pub(crate) fn once<const N: usize>(addresses: [&str; N]) -> BTreeMap<String, u32> {
    addresses.map(|address| (address.to_owned(), 1)).into()
}
