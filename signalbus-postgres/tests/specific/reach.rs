//! Ways to a server: a Unix socket, TLS, and a role with few rights.

use std::time::Duration;

use signalbus::{
    event::Class,
    store::{Retention, Store},
};
use signalbus_postgres::{MIGRATIONS, PostgresStore};
use signalbus_servers::{Durability, Postgres};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::{
    server,
    support::{claim_all, count, event, fetch, hold, ids, sent, settle_all},
};

/// The whole way of a delivery.
async fn works(store: &PostgresStore) {
    let ids = ids();
    store
        .accept(vec![event(&ids, "acme", Class::Bulk)], Vec::new())
        .await
        .unwrap();
    let lanes = hold(store, &ids).await;
    let ready = fetch(store, &lanes).await.ready;
    assert_eq!(claim_all(store, &lanes, &ready).await, 1);
    settle_all(store, &lanes, &ready, sent()).await;
    assert_eq!(count(store).await, 1);
}

#[tokio::test]
async fn over_a_unix_socket() {
    let server = Postgres::start(Durability::NoFsync, &[]).unwrap();
    let folder = server.socket().display().to_string();
    let url = format!(
        "postgres://signalbus@localhost:{}/postgres?host={folder}",
        server.port()
    );
    works(&PostgresStore::open(&url).await.unwrap()).await;
}

#[cfg(feature = "tls-ring")]
#[tokio::test]
async fn over_tls_with_an_authority_of_our_own_and_no_other() {
    let server = Postgres::start_tls(Durability::NoFsync).unwrap();
    let url = |authority: &std::path::Path| {
        format!(
            "{}?sslmode=verify-full&sslrootcert={}",
            server.url().replace("127.0.0.1", "localhost"),
            authority.display()
        )
    };
    works(
        &PostgresStore::open(&url(&server.authority()))
            .await
            .unwrap(),
    )
    .await;
    let other = Postgres::start_tls(Durability::NoFsync).unwrap();
    let error = PostgresStore::open(&url(&other.authority()))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("TLS"), "{error}");
}

/// The rights that the guide lists are enough.
#[tokio::test]
async fn as_a_role_that_may_only_use_the_tables() {
    let schema = server::schema();
    let role = format!("role_{schema}");
    let mut sql: String = MIGRATIONS
        .iter()
        .map(|step| step.sql_for(&schema))
        .collect();
    sql.push_str(&format!(
        "CREATE ROLE {role} LOGIN;
         GRANT USAGE ON SCHEMA {schema} TO {role};
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role};
         GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role};"
    ));
    for month in 0..12 {
        sql.push_str(&format!(
            "GRANT TRUNCATE ON {schema}.history_{month:02} TO {role};"
        ));
    }
    let mut host = PgConnection::connect(&server::url()).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&mut host)
        .await
        .unwrap();
    let url = server::url().replace("signalbus@", &format!("{role}@"));
    let store = PostgresStore::from_url(&url).unwrap();
    let store = store.schema(&schema).migrate(false).open().await.unwrap();
    works(&store).await;
    let at_once = Retention::new(Duration::ZERO);
    assert_eq!(store.purge(&at_once).await.unwrap(), 1);
}
