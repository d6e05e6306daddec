//! A damaged row costs its own message only.

use std::{sync::Arc, time::Duration};

use signalbus::{
    Event, Idempotency, Policy, Recipient, Signalbus, SystemClock, Templates, channel::Email,
};
use signalbus_sqlite::SqliteStore;
use signalbus_testkit::provider::ScriptedProvider;

use crate::support::Place;

fn templates() -> Templates {
    let templates = Templates::new().part("note", "en", "subject.txt", "{{ data.n }}");
    let templates = templates.unwrap().part("note", "en", "body.txt", "Hello");
    templates.unwrap()
}

#[tokio::test]
async fn an_event_that_cannot_be_read_holds_up_no_other() {
    holds_up_no_other(
        "UPDATE signalbus_event SET topic = 'NOT A TOPIC'
         WHERE event = (SELECT event FROM signalbus_delivery WHERE id = ?1)",
    )
    .await;
}

#[tokio::test]
async fn a_delivery_that_cannot_be_read_holds_up_no_other() {
    for damage in [
        "expires_at = 9223372036854775807",
        "accepted_at = 9223372036854775807",
        "class = 77",
        "attempt = -1",
    ] {
        let damage = format!("UPDATE signalbus_delivery SET {damage} WHERE id = ?1");
        holds_up_no_other(&damage).await;
    }
}

/// One of twenty is damaged, and the others are sent.
async fn holds_up_no_other(damage: &str) {
    let place = Place::new();
    let store = SqliteStore::open(place.database()).await.unwrap();
    let pool = store.pool().clone();
    let provider = ScriptedProvider::<Email>::new(Arc::new(SystemClock::new()));
    let bus = Signalbus::builder()
        .store(store)
        .channel(Email::from("hello@acme.test").unwrap(), provider.clone())
        .templates(templates())
        .policy(Policy::new().on::<Email>("note"))
        .build()
        .unwrap();
    let mut deliveries = Vec::new();
    for number in 0..20 {
        let event = Event::new("note", Idempotency::key(number.to_string()))
            .to(Recipient::new().email(format!("person-{number}@example.org")))
            .data(serde_json::json!({ "n": number }));
        deliveries.push(bus.publish(event).await.unwrap().routes[0].delivery);
    }
    let damaged = deliveries.remove(7);
    let changed = sqlx::query(sqlx::AssertSqlSafe(damage))
        .bind(damaged.as_uuid().as_bytes().as_slice())
        .execute(&pool)
        .await
        .unwrap_or_else(|error| panic!("{damage}: {error}"));
    assert_eq!(changed.rows_affected(), 1, "{damage}");

    bus.start();
    tokio::time::timeout(Duration::from_secs(30), bus.idle())
        .await
        .unwrap_or_else(|_| panic!("the damaged one keeps the engine busy: {damage}"));
    for delivery in deliveries {
        provider.books().assert_sent_once(delivery);
    }
    provider.books().assert_sent_count(19);
    // It waits for its repair, which a later try finds.
    let state: i64 = sqlx::query_scalar("SELECT state FROM signalbus_delivery WHERE id = ?1")
        .bind(damaged.as_uuid().as_bytes().as_slice())
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(state, 0, "ready");
}
