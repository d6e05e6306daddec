//! Three worker processes over one topic and one database, killed with SIGKILL in turn while events
//! come in. Each event is stored once, those of one recipient in order, and what can be made of
//! nothing is recorded and passed.

#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and measures real time"
)]

mod book;
#[path = "../support/mod.rs"]
mod support;
mod worker;

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use signalbus::{
    BusSetup, Event, Idempotency, Order, Recipient, Signalbus, Store, Templates, Topic,
    bus::Bus,
    channel::Sms,
    postgres::PostgresStore,
    store::{DeliveryFilter, EndState, State},
};
use signalbus_kafka::KafkaBus;
use signalbus_servers::POSTGRES_URL;

use crate::{
    support::{config, envelope, fresh, shared},
    worker::{ORDERS, Orders, policy},
};

const EVENTS: usize = 6_000;
const BATCH: usize = 40;
const PEOPLE: usize = 40;
const PARTITIONS: u16 = 12;
const POISONED: u64 = 3;
const PATIENCE: Duration = Duration::from_secs(120);

/// Started again when it is dead.
struct Workers {
    orders: Orders,
    children: Vec<Child>,
}

impl Workers {
    fn start(&mut self) {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["worker::child", "--exact", "--nocapture"])
            .env(ORDERS, self.orders.written())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn();
        self.children.push(child.unwrap());
    }

    /// Kills the one that has lived longest, and starts another.
    fn kill_one(&mut self) {
        let mut oldest = self.children.remove(0);
        oldest.kill().unwrap();
        oldest.wait().unwrap();
        self.start();
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        for child in &mut self.children {
            // It may be dead already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn event(number: usize) -> Event {
    let person = number % PEOPLE;
    Event::new("count", Idempotency::key(format!("count-{number}")))
        .to(Recipient::new()
            .id(format!("person-{person}"))
            .sms(format!("+4477009000{person:02}")))
        .data(serde_json::json!({ "number": number }))
        // Of one whose worker was killed nobody knows whether it was sent: later ones wait for it.
        .order(Order::Strict)
}

fn publisher(bus: KafkaBus, topic: &Topic) -> Signalbus {
    Signalbus::builder()
        .without_store()
        .known_channel(Sms::new())
        .templates(Templates::new())
        .policy(policy())
        .bus_setup(BusSetup::new(bus, topic))
        .build()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_that_are_killed_store_each_event_once_and_in_order() {
    let database = signalbus_servers::url(POSTGRES_URL).expect("a database");
    let folder = tempfile::tempdir().unwrap();
    let name = fresh("workers");
    let orders = Orders {
        brokers: shared(),
        topic: name.clone(),
        database: format!("{database}?schema={}", name.replace('-', "_")),
        book: folder.path().join("book"),
    };
    let bus = KafkaBus::new(config(&orders.brokers).with_new_topics(PARTITIONS, 1)).unwrap();
    bus.partitions(&name).await.expect("a topic");
    let store = PostgresStore::open(&orders.database).await.unwrap();
    let topic = Topic::new(name.as_str()).unwrap();
    let publisher = publisher(bus.clone(), &topic);
    let mut workers = Workers {
        orders,
        children: Vec::new(),
    };
    for _ in 0..3 {
        workers.start();
    }
    for first in (0..EVENTS).step_by(BATCH) {
        let events: Vec<Event> = (first..first + BATCH).map(event).collect();
        for answer in publisher
            .publish_all_to_bus(events)
            .await
            .expect("published")
        {
            answer.expect("an event");
        }
        if first % (EVENTS / 3) == EVENTS / 6 / BATCH * BATCH {
            let garbage = envelope(&name, &first.to_string(), "{ this is no event");
            bus.publish(vec![garbage]).await.expect("published");
            workers.kill_one();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let sent = async {
        while accepted(&store).await < EVENTS as u64 {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    if tokio::time::timeout(PATIENCE, sent).await.is_err() {
        let tally = store.tally(&DeliveryFilter::new()).await.unwrap();
        panic!("not all were sent: {tally:#?}");
    }
    // Nothing beside them but what nothing can be made of.
    let (mut of_channel, mut rejected) = (0, 0);
    for tally in store.tally(&DeliveryFilter::new()).await.unwrap() {
        match tally.channel {
            Some(_) => of_channel += tally.count,
            None => rejected += tally.count,
        }
    }
    assert_eq!((of_channel, rejected), (EVENTS as u64, POISONED));
    let (sends, twice) = book::check(&workers.orders.book, EVENTS, PEOPLE);
    println!("{sends} sends for {EVENTS} events, {twice} of them twice; 3 workers were killed");
    store.close().await;
}

async fn accepted(store: &PostgresStore) -> u64 {
    let filter = DeliveryFilter::new().state(State::Ended(EndState::Accepted));
    let tallies = store.tally(&filter).await.unwrap();
    tallies.iter().map(|tally| tally.count).sum()
}
