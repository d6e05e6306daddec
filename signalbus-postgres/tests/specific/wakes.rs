//! Wake-ups across processes.

use std::time::Duration;

use signalbus::EngineOptions;

use crate::{
    engine::{Counter, engine, message},
    server,
};

/// An engine that polls once an hour sends at once what another process publishes.
#[tokio::test]
async fn what_another_process_publishes_is_sent_at_once() {
    let schema = server::schema();
    let (here, there) = (
        server::builder(&schema).open().await.unwrap(),
        server::builder(&schema).open().await.unwrap(),
    );
    let counter = Counter::default();
    let options = EngineOptions::default().with_poll(Duration::from_secs(3_600));
    let sender = engine(here.clone(), &counter, options.clone());
    let _listening = here.listen(sender.wake()).await.unwrap();
    sender.start();
    sender.idle().await;
    let publisher = engine(there, &Counter::default(), options);
    for number in 1..=3 {
        publisher
            .publish(message(&number.to_string()))
            .await
            .unwrap();
        counter.reaches(number, Duration::from_secs(4)).await;
    }
    sender.shutdown().await;
}

/// A lost connection is replaced, and what was told meanwhile is looked for.
#[tokio::test]
async fn a_lost_connection_is_replaced() {
    let schema = server::schema();
    let url = format!("{}?application_name={schema}", server::url());
    let here = signalbus_postgres::PostgresStore::from_url(&url).unwrap();
    let here = here.schema(&schema).open().await.unwrap();
    let counter = Counter::default();
    let options = EngineOptions::default().with_poll(Duration::from_secs(3_600));
    let sender = engine(here.clone(), &counter, options.clone());
    let _listening = here.listen(sender.wake()).await.unwrap();
    sender.start();
    sender.idle().await;
    let mut other = <sqlx::PgConnection as sqlx::Connection>::connect(&server::url())
        .await
        .unwrap();
    sqlx::query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1",
    )
    .bind(&schema)
    .execute(&mut other)
    .await
    .unwrap();
    let there = server::builder(&schema).lanes(64).open().await.unwrap();
    let publisher = engine(there, &Counter::default(), options);
    for number in 1..=5 {
        publisher
            .publish(message(&number.to_string()))
            .await
            .unwrap();
    }
    counter.reaches(5, Duration::from_secs(4)).await;
    sender.shutdown().await;
}
