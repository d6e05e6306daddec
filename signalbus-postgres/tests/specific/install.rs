//! Installing: once, by whoever comes first, beside others, and not over what is newer.

use futures::future::join_all;
use signalbus::{
    event::Class,
    store::{Store, StoreErrorKind},
};
use signalbus_postgres::{MIGRATIONS, PostgresStore};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::{
    server,
    support::{count, event, ids},
};

async fn run(sql: String) {
    let mut host = PgConnection::connect(&server::url()).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&mut host)
        .await
        .unwrap();
}

#[tokio::test]
async fn many_that_start_together_install_once() {
    let schema = server::schema();
    let opens = (0..8).map(|_| server::builder(&schema).open());
    for opened in join_all(opens).await {
        opened.unwrap();
    }
}

#[tokio::test]
async fn two_installations_share_a_database() {
    let (one, two, ids) = (
        crate::support::store().await,
        crate::support::store().await,
        ids(),
    );
    one.accept(vec![event(&ids, "acme", Class::Bulk)], Vec::new())
        .await
        .unwrap();
    assert_eq!((count(&one).await, count(&two).await), (1, 0));
}

#[tokio::test]
async fn the_host_may_run_the_migrations_itself() {
    let schema = server::schema();
    let builder = || server::builder(&schema).migrate(false);
    let error = builder().open().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unsupported);
    assert!(error.to_string().contains("migrations"), "{error}");
    for migration in MIGRATIONS {
        run(migration.sql_for(&schema)).await;
    }
    builder().open().await.unwrap();
}

#[tokio::test]
async fn a_schema_for_newer_libraries_is_refused_and_left_alone() {
    let schema = server::schema();
    server::builder(&schema).open().await.unwrap();
    run(format!("UPDATE {schema}.meta SET version = 99, oldest = 1")).await;
    server::builder(&schema).open().await.unwrap();
    run(format!("UPDATE {schema}.meta SET oldest = 98")).await;
    let error = server::builder(&schema).open().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unsupported);
    assert!(error.to_string().contains("98"), "{error}");
}

#[tokio::test]
async fn an_installation_keeps_its_number_of_lanes() {
    let schema = server::schema();
    server::builder(&schema).open().await.unwrap();
    let error = server::builder(&schema).lanes(9).open().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Invalid);
    assert!(error.to_string().contains("8 lanes"), "{error}");
}

#[tokio::test]
async fn who_cannot_be_reached_is_unavailable_and_no_password_is_shown() {
    let error = PostgresStore::open("postgres://app:secret@127.0.0.1:1/app")
        .await
        .unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(!format!("{error:?}").contains("secret"));
}
