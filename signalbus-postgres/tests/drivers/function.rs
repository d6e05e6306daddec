//! `signalbus.publish(jsonb)`.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use signalbus::{
    BusSetup, EventId, Policy, Signalbus, Topic,
    store::{DeliveryFilter, EndState, PageToken, State, Store},
};
use signalbus_postgres::{
    PostgresStore,
    sqlx::{self, AssertSqlSafe, Connection, PgConnection, Row},
};

use crate::{
    engine::{Counter, Line},
    plan::once,
    server,
};

/// An engine that reads the bus of a new schema.
pub(crate) struct Reading {
    pub(crate) store: PostgresStore,
    signalbus: Signalbus,
    counter: Counter,
}

pub(crate) async fn reading() -> (String, Reading) {
    let schema = server::schema();
    let store = server::builder(&schema).open().await.unwrap();
    let counter = Counter::default();
    let topic = Topic::new("notifications").unwrap();
    let signalbus = Signalbus::builder()
        .store(store.clone())
        .channel(Line, counter.clone())
        .policy(Policy::new().on::<Line>("test.*"))
        .bus_setup(BusSetup::new(store.bus(), &topic).group("workers"))
        .build()
        .unwrap();
    let reading = Reading {
        store,
        signalbus,
        counter,
    };
    (schema, reading)
}

impl Reading {
    /// Sends until so many were sent; the addresses.
    pub(crate) async fn sent(&self, count: usize) -> BTreeMap<String, u32> {
        self.signalbus.start();
        self.counter.reaches(count, Duration::from_secs(30)).await;
        self.signalbus.idle().await;
        self.signalbus.shutdown().await;
        self.counter.requests()
    }
}

pub(crate) fn event(to: &str) -> Value {
    json!({
        "topic": "test.line",
        "to": [{ "addresses": { "line": to } }],
        "idempotency": { "key": format!("to-{to}") },
    })
}

async fn psql() -> PgConnection {
    PgConnection::connect(&server::url()).await.unwrap()
}

async fn publish(
    connection: &mut PgConnection,
    schema: &str,
    event: &Value,
) -> Result<EventId, sqlx::Error> {
    let sql = format!("SELECT \"{schema}\".publish($1)");
    let query = sqlx::query(AssertSqlSafe(sql)).bind(event);
    let row = query.fetch_one(connection).await?;
    Ok(EventId::from_uuid(row.get(0)))
}

#[tokio::test]
async fn what_sql_publishes_is_sent_when_it_commits() {
    let ((schema, read), mut host) = (reading().await, psql().await);
    let mut tx = host.begin().await.unwrap();
    publish(&mut tx, &schema, &event("never")).await.unwrap();
    tx.rollback().await.unwrap();
    let id = publish(&mut host, &schema, &event("ada")).await.unwrap();
    // A repeat has the id of the first, and is known again.
    let again = publish(&mut host, &schema, &event("ada")).await.unwrap();
    assert_eq!(id, again);
    let mut named = event("bob");
    let own = "0190163d-8694-739b-aea5-966c26f8ad91";
    named["id"] = own.into();
    let answered = publish(&mut host, &schema, &named).await.unwrap();
    assert_eq!(answered.to_string(), own);

    assert_eq!(read.sent(2).await, once(["ada", "bob"]));
    for id in [id, answered] {
        let tenant = signalbus::TenantId::new("default").unwrap();
        assert!(read.store.event(&tenant, id).await.unwrap().is_some());
    }
    let left = format!("SELECT count(*) FROM \"{schema}\".envelope");
    let row = sqlx::query(AssertSqlSafe(left)).fetch_one(&mut host).await;
    assert_eq!(row.unwrap().get::<i64, _>(0), 0, "what was read is deleted");
}

#[tokio::test]
async fn a_trigger_publishes_with_the_row_that_caused_it() {
    let ((schema, read), mut host) = (reading().await, psql().await);
    let sql = format!(
        r#"CREATE TABLE "{schema}".orders (id bigint, line text);
        CREATE FUNCTION "{schema}".tell() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM "{schema}".publish(jsonb_build_object(
                'topic', 'test.line',
                'to', jsonb_build_array(jsonb_build_object(
                    'addresses', jsonb_build_object('line', NEW.line))),
                'data', jsonb_build_object('order', NEW.id),
                'idempotency', jsonb_build_object('key', 'order-' || NEW.id)));
            RETURN NULL;
        END $$;
        CREATE TRIGGER tell AFTER INSERT ON "{schema}".orders
            FOR EACH ROW EXECUTE FUNCTION "{schema}".tell();
        INSERT INTO "{schema}".orders SELECT n, 'line-' || n FROM generate_series(1, 3) AS n"#
    );
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&mut host)
        .await
        .unwrap();
    assert_eq!(read.sent(3).await, once(["line-1", "line-2", "line-3"]));
}

#[tokio::test]
async fn what_is_malformed_is_refused_and_told() {
    let ((schema, _read), mut host) = (reading().await, psql().await);
    let with = |field: &str, value: Value| {
        let mut wrong = event("ada");
        wrong[field] = value;
        wrong
    };
    for (wrong, told) in [
        (json!(7), "JSON object"),
        (json!({}), "topic"),
        (with("topic", json!("")), "topic"),
        (with("topic", json!(7)), "topic"),
        (with("tenant", json!(7)), "tenant"),
        (with("to", json!([])), "to is a list"),
        (with("to", json!({})), "to is a list"),
        (with("to", json!([7])), "recipient"),
        (with("to", json!([{ "addresses": [] }])), "recipient"),
        (with("idempotency", json!(null)), "idempotency"),
        (with("idempotency", json!("key")), "idempotency"),
        (with("idempotency", json!({ "key": "" })), "idempotency"),
        (with("class", json!("fast")), "class"),
        (with("id", json!("7")), "UUID"),
        (with("send_at", json!("soon")), "times"),
        (with("tpoic", json!("a")), "tpoic"),
    ] {
        let error = publish(&mut host, &schema, &wrong).await.unwrap_err();
        let error = error.into_database_error().unwrap();
        assert_eq!(error.code().as_deref(), Some("22023"), "{wrong}");
        assert!(error.message().contains(told), "{wrong}: {error}");
    }
}

/// So that a field that is added to events is added to the function.
#[tokio::test]
async fn every_field_of_an_event_passes() {
    let ((schema, read), mut host) = (reading().await, psql().await);
    let whole = signalbus::Event::new("test.line", signalbus::Idempotency::fields(["order"]))
        .tenant("acme")
        .to(signalbus::Recipient::new().id("ada").on::<Line>("ada"))
        .data(json!({ "order": 7 }))
        .secret(json!({ "code": "123" }))
        .class(signalbus::Class::Urgent)
        .locale("de")
        .send_at("2020-01-01T00:00:00Z".parse().unwrap())
        .expires_at("2200-01-01T00:00:00Z".parse().unwrap())
        .order(signalbus::Order::Strict)
        .trace(
            signalbus::TraceContext::new(
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                None,
            )
            .unwrap(),
        )
        .attach(signalbus::event::Attachment::new(
            "a",
            "text/plain",
            vec![1],
        ));
    let json = serde_json::to_value(&whole).unwrap();
    let id = publish(&mut host, &schema, &json).await.unwrap();
    assert_eq!(id.as_uuid().get_version_num(), 7);
    assert_eq!(read.sent(1).await, once(["ada"]));
    let filter = DeliveryFilter::new();
    let page = read.store.list(
        &filter,
        PageToken {
            after: None,
            limit: 9,
        },
    );
    let states: Vec<State> = page
        .await
        .unwrap()
        .items
        .iter()
        .map(|one| one.state)
        .collect();
    assert_eq!(states, [State::Ended(EndState::Accepted)]);
}

/// Several groups read one topic, each all of it; what waits for nobody waits.
#[tokio::test]
async fn a_group_that_comes_late_gets_what_waits() {
    let (schema, read) = reading().await;
    let mut host = psql().await;
    for number in 0..2_500 {
        let mut event = event(&format!("line-{number}"));
        event["idempotency"] = "none".into();
        publish(&mut host, &schema, &event).await.unwrap();
    }
    assert_eq!(read.sent(2_500).await.len(), 2_500);
}
