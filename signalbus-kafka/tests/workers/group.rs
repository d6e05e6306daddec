//! Three workers that are processes, over one topic and one database, and what is published for them.

use std::{
    collections::BTreeMap,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use signalbus::{
    BusSetup, Event, Idempotency, Order, Recipient, Signalbus, Store, Templates, Topic,
    bus::Bus,
    channel::Sms,
    postgres::{PostgresStore, sqlx},
    store::{DeliveryFilter, EndState, State},
};
use signalbus_kafka::KafkaBus;
use signalbus_servers::POSTGRES_URL;
use tempfile::TempDir;

use crate::{
    book,
    support::{config, envelope, fresh, shared},
    worker::{GROUP, ORDERS, Orders, policy},
};

const PARTITIONS: u16 = 12;
const BATCH: usize = 40;
const PAUSE: Duration = Duration::from_millis(50);

/// Workers, started again when they are dead, and what they work on.
pub(crate) struct Group {
    orders: Orders,
    children: Vec<Child>,
    bus: KafkaBus,
    publisher: Signalbus,
    pub(crate) store: PostgresStore,
    people: usize,
    published: usize,
    poisoned: u64,
    _folder: TempDir,
}

impl Group {
    /// Three of them, for events to so many people.
    pub(crate) async fn start(people: usize) -> Self {
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
        let publisher = publisher(bus.clone(), &Topic::new(name.as_str()).unwrap());
        let mut group = Self {
            orders,
            children: Vec::new(),
            bus,
            publisher,
            store,
            people,
            published: 0,
            poisoned: 0,
            _folder: folder,
        };
        for _ in 0..3 {
            group.start_one();
        }
        group
    }

    fn start_one(&mut self) {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["worker::child", "--exact", "--nocapture"])
            .env(ORDERS, self.orders.written())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn();
        self.children.push(child.unwrap());
    }

    /// Kills the one that has lived longest, and starts another.
    pub(crate) fn kill_one(&mut self) {
        let mut oldest = self.children.remove(0);
        oldest.kill().unwrap();
        oldest.wait().unwrap();
        self.start_one();
    }

    /// Stops the first where it is, or lets it go on.
    pub(crate) fn signal_first(&self, signal: &str) {
        let id = self.children[0].id().to_string();
        let done = Command::new("kill").args([signal, &id]).status().unwrap();
        assert!(done.success());
    }

    /// Publishes the next events, and waits a little.
    pub(crate) async fn publish(&mut self) {
        self.publish_many(BATCH).await;
        tokio::time::sleep(PAUSE).await;
    }

    /// Publishes what is missing to so many in all, and waits a little.
    pub(crate) async fn publish_up_to(&mut self, all: usize) {
        self.publish_many(all - self.published).await;
        tokio::time::sleep(PAUSE).await;
    }

    async fn publish_many(&mut self, count: usize) {
        let events = self.published..self.published + count;
        let events = events.map(|number| event(number, self.people));
        let answers = self.publisher.publish_all_to_bus(events.collect()).await;
        for answer in answers.expect("published") {
            answer.expect("an event");
        }
        self.published += count;
    }

    /// Publishes for a while.
    pub(crate) async fn publish_for(&mut self, long: Duration) {
        let began = Instant::now();
        while began.elapsed() < long {
            self.publish().await;
        }
    }

    /// Something that nothing can be made of.
    pub(crate) async fn poison(&mut self) {
        let key = self.poisoned.to_string();
        let garbage = envelope(&self.orders.topic, &key, "{ this is no event");
        self.bus.publish(vec![garbage]).await.expect("published");
        self.poisoned += 1;
    }

    pub(crate) fn published(&self) -> usize {
        self.published
    }

    /// How much the tables take on disk, for an event each.
    pub(crate) async fn bytes_an_event(&self) -> i64 {
        let (server, schema) = self.orders.database.split_once("?schema=").unwrap();
        let pool = sqlx::PgPool::connect(server).await.unwrap();
        let size = "SELECT sum(pg_total_relation_size(c.oid))::bigint FROM pg_class c \
                    JOIN pg_namespace n ON n.oid = c.relnamespace \
                    WHERE n.nspname = $1 AND c.relkind = 'r'";
        let bytes: i64 = sqlx::query_scalar(size)
            .bind(schema)
            .fetch_one(&pool)
            .await
            .unwrap();
        bytes / i64::try_from(self.published).unwrap()
    }

    /// How far each partition is stored.
    pub(crate) async fn positions(&self) -> BTreeMap<u32, u64> {
        let positions = self.store.bus_positions("kafka", GROUP).await.unwrap();
        let ours = positions
            .into_iter()
            .filter(|position| position.topic == self.orders.topic);
        ours.map(|position| (position.partition, position.next))
            .collect()
    }

    /// Publishes until every partition was read on, and answers how long that took.
    pub(crate) async fn until_all_go_on(&mut self, patience: Duration) -> Duration {
        let (before, began) = (self.positions().await, Instant::now());
        loop {
            self.publish().await;
            let now = self.positions().await;
            if before
                .iter()
                .all(|(partition, next)| now.get(partition) > Some(next))
            {
                return began.elapsed();
            }
            assert!(began.elapsed() < patience, "{before:?} is still {now:?}");
        }
    }

    /// Waits until all was sent, and checks it: each once in the store, nothing besides but what nothing
    /// can be made of, and each person's in order. Answers how many sends repeat another.
    pub(crate) async fn finish(&self, patience: Duration) -> usize {
        let sent = async {
            while accepted(&self.store).await < self.published as u64 {
                tokio::time::sleep(PAUSE * 10).await;
            }
        };
        if tokio::time::timeout(patience, sent).await.is_err() {
            let tally = self.store.tally(&DeliveryFilter::new()).await.unwrap();
            panic!("not all were sent: {tally:#?}");
        }
        let (mut of_channel, mut rejected) = (0, 0);
        for tally in self.store.tally(&DeliveryFilter::new()).await.unwrap() {
            match tally.channel {
                Some(_) => of_channel += tally.count,
                None => rejected += tally.count,
            }
        }
        assert_eq!(
            (of_channel, rejected),
            (self.published as u64, self.poisoned)
        );
        let (_, twice) = book::check(&self.orders.book, self.published, self.people);
        self.store.close().await;
        twice
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for child in &mut self.children {
            // It may be dead already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn event(number: usize, people: usize) -> Event {
    let person = number % people;
    Event::new("count", Idempotency::key(format!("count-{number}")))
        .to(Recipient::new()
            .id(format!("person-{person}"))
            .sms(format!("+44770090{person:04}")))
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

async fn accepted(store: &PostgresStore) -> u64 {
    let filter = DeliveryFilter::new().state(State::Ended(EndState::Accepted));
    let tallies = store.tally(&filter).await.unwrap();
    tallies.iter().map(|tally| tally.count).sum()
}
