//! A file that a newer version filled, whose tables this one may still use: words that tell are kept
//! and shown, rows whose words act are left alone, and everything else goes on.

use std::{sync::Arc, time::Duration};

use signalbus::{
    Event, Idempotency, Policy, Recipient, Signalbus, SystemClock, Templates, TenantId,
    channel::Email,
    store::{DeliveryFilter, Entry, PageToken, State},
};
use signalbus_sqlite::SqliteStore;
use signalbus_testkit::provider::ScriptedProvider;

use crate::support::Place;

/// What a newer version would write: a word in the history, a channel of its own, a state, content of
/// a later layout, and a column and a table that nobody here knows.
const NEWER: &[&str] = &[
    "ALTER TABLE signalbus_delivery ADD COLUMN mood TEXT",
    "CREATE TABLE signalbus_news (news INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT",
    "INSERT INTO signalbus_history (position, entry, at, version, body)
     SELECT position, 100, accepted_at, 1, '{\"merged\":{\"into\":\"7\"}}'
     FROM signalbus_delivery ORDER BY position LIMIT 1",
    "UPDATE signalbus_delivery SET state = 6
     WHERE position = (SELECT min(position) + 1 FROM signalbus_delivery)",
    "UPDATE signalbus_delivery SET channel = 'signalbus.devices'
     WHERE position = (SELECT min(position) + 2 FROM signalbus_delivery)",
    "UPDATE signalbus_event SET content = CAST('{\"v\":9999,\"body\":[]}' AS BLOB)
     WHERE event = (SELECT event FROM signalbus_delivery
                    WHERE position = (SELECT min(position) + 3 FROM signalbus_delivery))",
];

fn templates() -> Templates {
    let templates = Templates::new().part("note", "en", "subject.txt", "{{ data.n }}");
    let templates = templates.unwrap().part("note", "en", "body.txt", "Hello");
    templates.unwrap()
}

fn builder(store: SqliteStore, provider: &ScriptedProvider<Email>) -> signalbus::Builder {
    Signalbus::builder()
        .store(store)
        .channel(Email::from("hello@acme.test").unwrap(), provider.clone())
        .templates(templates())
        .policy(Policy::new().on::<Email>("note"))
}

#[tokio::test]
async fn what_a_newer_version_wrote_is_kept_shown_or_left_alone() {
    let place = Place::new();
    let provider = ScriptedProvider::<Email>::new(Arc::new(SystemClock::new()));
    let mut deliveries = Vec::new();
    {
        let store = SqliteStore::open(place.database()).await.unwrap();
        let pool = store.pool().clone();
        let bus = builder(store, &provider).build().unwrap();
        for number in 0..8 {
            let event = Event::new("note", Idempotency::key(number.to_string()))
                .to(Recipient::new().email(format!("person-{number}@example.org")))
                .data(serde_json::json!({ "n": number }));
            deliveries.push(bus.publish(event).await.unwrap().routes[0].delivery);
        }
        for statement in NEWER {
            let done = sqlx::query(*statement).execute(&pool).await;
            done.unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
        bus.shutdown().await;
        pool.close().await;
    }

    let store = SqliteStore::open(place.database()).await.unwrap();
    let bus = builder(store, &provider).start().await.unwrap();
    let [told, unknown, elsewhere, later, rest @ ..] = &deliveries[..] else {
        panic!("eight were published");
    };
    tokio::time::timeout(Duration::from_secs(30), async {
        while provider.sent().len() < 5 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("what this version knows goes on");
    for delivery in rest.iter().chain([told]) {
        provider.books().assert_sent_once(*delivery);
    }
    let tenant = TenantId::default();
    let explained = bus.explain(&tenant, *told).await.unwrap().unwrap();
    let merged =
        |entry: &Entry| matches!(entry, Entry::Other(value) if value["merged"]["into"] == "7");
    assert!(explained.history.iter().any(|line| merged(&line.entry)));
    assert!(explained.to_string().contains("merged"), "{explained}");

    let store = bus.store();
    // Content of a later layout is looked at now and then: it may be claimed just now.
    for (delivery, states) in [
        (unknown, &[State::Newer][..]),
        (elsewhere, &[State::Waiting]),
        (later, &[State::Waiting, State::Sending]),
    ] {
        let record = store.delivery(&tenant, *delivery).await.unwrap().unwrap();
        assert!(
            states.contains(&record.state),
            "{delivery}: {:?}",
            record.state
        );
        assert_eq!(record.tries, 0, "{delivery}");
        assert!(provider.books().requests_of(*delivery).is_empty());
    }
    let page = store
        .list(&DeliveryFilter::new(), PageToken::first(50))
        .await;
    assert_eq!(page.unwrap().items.len(), 8, "all are shown");
    bus.shutdown().await;
}
