//! The child: a process with the real engine that does as it is told.

use std::{fs::OpenOptions, io::Write, path::Path, time::Duration};

use signalbus::{
    ChannelSetup, EngineOptions, Guarantee, Policy, Prepare, Published, Signalbus, TenantId,
    store::{DeliveryFilter, PageToken, Redrive, RedriveContent, Selection},
};
use signalbus_postgres::PostgresStore;
use signalbus_testkit::Layered;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::{
    orders::{Job, ORDERS, Orders, Point, message},
    parent::answers,
    provider::{Bookkeeper, Line},
    store::KillingStore,
    support,
};

/// Short, since whoever comes after a kill waits for its end.
const LEASE: Duration = Duration::from_secs(2);

/// Does nothing unless a test started it with orders.
#[tokio::test]
async fn child() {
    let Ok(orders) = std::env::var(ORDERS) else {
        return;
    };
    Child::new(serde_json::from_str(&orders).unwrap())
        .await
        .work()
        .await;
}

struct Child {
    orders: Orders,
    store: PostgresStore,
    provider: Bookkeeper,
    signalbus: Signalbus,
}

impl Child {
    async fn new(orders: Orders) -> Self {
        let store = support::builder(&orders.schema).open().await.unwrap();
        let provider = Bookkeeper::new(&orders);
        let guarantee = if orders.at_most_once {
            Guarantee::AtMostOnce
        } else {
            Guarantee::AtLeastOnce
        };
        let options = EngineOptions::default()
            .with_lease(LEASE)
            .with_slots(orders.slots);
        let signalbus = Signalbus::builder()
            .store(Layered(KillingStore {
                inner: store.clone(),
                die: orders.die,
            }))
            .channel_setup(ChannelSetup::new(Line, provider.clone()).guarantee(guarantee))
            .policy(Policy::new().on::<Line>("test.*"))
            .options(options)
            .build()
            .unwrap();
        Self {
            orders,
            store,
            provider,
            signalbus,
        }
    }

    async fn work(self) {
        match self.orders.job {
            Job::Publish(count) => self.publish(count).await,
            Job::PublishInTransaction => self.publish_in_transaction().await,
            Job::Send => {
                self.signalbus.start();
                self.signalbus.idle().await;
                self.signalbus.shutdown().await;
            }
            Job::Stay => {
                self.signalbus.start();
                std::future::pending::<()>().await;
            }
            Job::ShutDown => self.shut_down().await,
            Job::RedriveAll => self.redrive_all().await,
            Job::RedriveGeneration(generation) => self.redrive_generation(generation).await,
        }
    }

    async fn publish(&self, count: usize) {
        let events = (0..count).map(message).collect();
        for published in self.signalbus.publish_all(events).await.unwrap() {
            self.answer(&published.unwrap());
        }
    }

    async fn publish_in_transaction(&self) {
        let mut host = PgConnection::connect(&support::url()).await.unwrap();
        let schema = &self.orders.schema;
        let create =
            format!("CREATE TABLE IF NOT EXISTS {schema}.orders (number integer PRIMARY KEY)");
        sqlx::query(AssertSqlSafe(create))
            .execute(&mut host)
            .await
            .unwrap();
        let mut tx = host.begin().await.unwrap();
        let insert = format!("INSERT INTO {schema}.orders VALUES (0) ON CONFLICT DO NOTHING");
        sqlx::query(AssertSqlSafe(insert))
            .execute(&mut *tx)
            .await
            .unwrap();
        let (event, published) = self.signalbus.prepare(message(0)).unwrap().into_parts();
        let acceptances = self.store.accept_in(&mut tx, vec![event]).await.unwrap();
        Point::BeforeHostCommit.reached(self.orders.die);
        tx.commit().await.unwrap();
        Point::AfterHostCommit.reached(self.orders.die);
        self.answer(&self.signalbus.answer(published, &acceptances[0]));
    }

    /// All slots are taken by sends that are held back; one of them goes on when the shutdown has
    /// begun.
    async fn shut_down(&self) {
        self.signalbus.start();
        while self.provider.requests() < self.orders.slots {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let one_goes_on = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            self.provider.go_on.notify_one();
        };
        tokio::join!(self.signalbus.shutdown(), one_goes_on);
    }

    async fn redrive_all(&self) {
        let selection = Selection::Filter(DeliveryFilter::new().dead());
        let redrive = redrive(selection, 5);
        while self.signalbus.redrive(redrive.clone()).await.unwrap().more {
            Point::BetweenRedrives.reached(self.orders.die);
        }
    }

    /// Names all deliveries in this generation, whatever became of them.
    async fn redrive_generation(&self, generation: u32) {
        let all = DeliveryFilter::new();
        let page = self.signalbus.list(&all, PageToken::first(100)).await;
        let records = page.unwrap().items;
        let ids = records
            .iter()
            .map(|record| (record.id, generation))
            .collect();
        let redriven = self.signalbus.redrive(redrive(Selection::Ids(ids), 100));
        let redriven = redriven.await.unwrap();
        let (started, skipped) = (redriven.started.len(), redriven.skipped.len());
        self.write_answer(&format!("{started} started, {skipped} skipped"));
    }

    fn answer(&self, published: &Published) {
        self.write_answer(&format!("{:?}", published.verdict));
    }

    fn write_answer(&self, answer: &str) {
        append(&answers(&self.orders.directory), answer);
    }
}

fn redrive(selection: Selection, limit: u32) -> Redrive {
    Redrive {
        tenant: TenantId::default(),
        selection,
        actor: "test".to_owned(),
        content: RedriveContent::Fresh,
        spacing: Duration::ZERO,
        expires_at: None,
        limit,
        dry_run: false,
    }
}

fn append(path: &Path, line: &str) {
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .unwrap();
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}
