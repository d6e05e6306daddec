use signalbus::Verdict;
use signalbus_postgres::{Parameter, Statement};
use tokio_postgres::{Client, NoTls, Transaction, types::ToSql};

use crate::{
    engine::message,
    plan::{Scene, batch, once, scene},
    server,
};

async fn client() -> Client {
    let (client, connection) = tokio_postgres::connect(&server::url(), NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client
}

/// How a host runs a statement.
async fn run(tx: &Transaction<'_>, statement: &Statement) -> String {
    let parameters: Vec<&(dyn ToSql + Sync)> = statement
        .parameters()
        .iter()
        .map(|parameter| match parameter {
            Parameter::BigInt(value) => value as &(dyn ToSql + Sync),
            Parameter::Uuids(values) => values,
            Parameter::Texts(values) => values,
            Parameter::SmallInts(values) => values,
            Parameter::Ints(values) => values,
            Parameter::BigInts(values) => values,
            Parameter::Bytes(values) => values,
            Parameter::Booleans(values) => values,
            other => panic!("{other:?} is new"),
        })
        .collect();
    let row = tx.query_one(statement.sql(), &parameters).await.unwrap();
    row.get(0)
}

async fn publish(
    scene: &Scene,
    tx: &Transaction<'_>,
    events: Vec<signalbus::Event>,
) -> Vec<Verdict> {
    let mut publishing = scene.publishing(events);
    while let Some(statement) = publishing.statement().unwrap() {
        let answer = run(tx, &statement).await;
        publishing.answered(&answer).unwrap();
    }
    scene.verdicts(publishing)
}

#[tokio::test]
async fn tokio_postgres_publishes_in_its_own_transaction() {
    let (scene, mut client) = (scene().await, client().await);
    let tx = client.transaction().await.unwrap();
    let verdicts = publish(&scene, &tx, batch()).await;
    assert_eq!(
        verdicts,
        [Verdict::Accepted, Verdict::Duplicate, Verdict::Accepted]
    );
    assert_eq!(scene.stored().await, 0, "it is not committed");
    tx.commit().await.unwrap();
    assert_eq!(scene.stored().await, 3);

    let tx = client.transaction().await.unwrap();
    assert_eq!(
        publish(&scene, &tx, vec![message("never")]).await,
        [Verdict::Accepted]
    );
    tx.rollback().await.unwrap();

    // Known from before: the second statement tells.
    let tx = client.transaction().await.unwrap();
    let mut other = message("ada");
    other.data = serde_json::json!({ "other": true });
    assert_eq!(
        publish(&scene, &tx, vec![message("ada"), other]).await,
        [Verdict::Duplicate, Verdict::Conflict]
    );
    tx.commit().await.unwrap();
    assert_eq!(scene.sent().await, once(["ada", "bob", "cid"]));
}

/// The same rows, column by column, as through the driver that the store is built on.
#[tokio::test]
async fn another_driver_writes_what_ours_writes() {
    let (scene, mut client) = (scene().await, client().await);
    let ours = crate::plan::scene().await;
    let tx = client.transaction().await.unwrap();
    publish(&scene, &tx, batch()).await;
    tx.commit().await.unwrap();
    let mut connection = sqlx_connection().await;
    let published = ours
        .store
        .publish_all_in(&ours.signalbus, &mut connection, batch());
    published.await.unwrap().1.now();
    for (table, but, order) in [
        ("event", "id, accepted_at, content", "topic, file_bytes"),
        ("delivery", "id, event, accepted_at, due", "position"),
        ("recipient", "event", "key"),
        ("attachment", "event", "place"),
        ("secret", "event", "open"),
        ("key", "event", "key"),
    ] {
        let mut rows = Vec::new();
        for scene in [&scene, &ours] {
            let schema = schema_of(&scene.store);
            let but: Vec<String> = but.split(", ").map(|name| format!("- '{name}'")).collect();
            let sql = format!(
                "SELECT coalesce(json_agg(to_jsonb(t) {} ORDER BY {order}), '[]')::text FROM \"{schema}\".{table} AS t",
                but.join(" ")
            );
            let row = client.query_one(&sql, &[]).await.unwrap();
            rows.push(row.get::<_, String>(0));
        }
        assert_eq!(rows[0], rows[1], "{table}");
        assert_ne!(rows[0], "[]", "{table}");
    }
}

async fn sqlx_connection() -> signalbus_postgres::sqlx::PgConnection {
    use signalbus_postgres::sqlx::Connection;
    signalbus_postgres::sqlx::PgConnection::connect(&server::url())
        .await
        .unwrap()
}

fn schema_of(store: &signalbus_postgres::PostgresStore) -> String {
    let shown = format!("{store:?}");
    shown.split('"').nth(1).unwrap().to_owned()
}
