//! Roles that read the deliveries of their tenants, and nothing else: `sql/readers.sql`.

use signalbus::{event::Class, store::Store};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

use crate::{
    server,
    support::{event, ids, schema_of, store},
};

const FILE: &str = include_str!("../../sql/readers.sql");

async fn run(connection: &mut PgConnection, sql: &str) -> Result<(), sqlx::Error> {
    let ran = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection);
    ran.await.map(drop)
}

async fn numbers(connection: &mut PgConnection, sql: &str) -> Vec<i64> {
    let rows = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(connection);
    rows.await.unwrap().iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn a_reader_sees_its_tenants_and_no_content() {
    let (store, ids) = (store().await, ids());
    for (tenant, count) in [("acme", 2), ("other", 3)] {
        for _ in 0..count {
            let event = event(&ids, tenant, Class::Standard);
            store.accept(vec![event], Vec::new()).await.unwrap();
        }
    }
    let schema = schema_of(&store);
    let mut owner = PgConnection::connect(&server::url()).await.unwrap();
    let file = FILE.replace("signalbus.", &format!("\"{schema}\"."));
    let file = file.replace("SCHEMA signalbus ", &format!("SCHEMA \"{schema}\" "));
    // The role is one for all tests that run at the same time.
    let locked = format!("BEGIN; SELECT pg_advisory_xact_lock(24); {file}; COMMIT");
    let version = "SELECT current_setting('server_version_num')::bigint";
    if numbers(&mut owner, version).await[0] < 150_000 {
        let error = run(&mut owner, &locked).await.unwrap_err();
        assert!(error.to_string().contains("needs Postgres 15"), "{error}");
        return;
    }
    run(&mut owner, &locked).await.unwrap();
    run(&mut owner, &locked).await.expect("it may be run again");
    let (acme, nobody) = (format!("acme_{schema}"), format!("nobody_{schema}"));
    for role in [&acme, &nobody] {
        let make = format!("CREATE ROLE \"{role}\" LOGIN IN ROLE signalbus_reader");
        run(&mut owner, &make).await.unwrap();
    }
    let told = format!("INSERT INTO \"{schema}\".reader VALUES ('{acme}', 'acme')");
    run(&mut owner, &told).await.unwrap();

    for (role, seen) in [(&acme, 2), (&nobody, 0)] {
        let url = server::url().replace("signalbus@", &format!("{role}@"));
        let mut reader = PgConnection::connect(&url).await.unwrap();
        for counted in [
            format!("SELECT count(*) FROM \"{schema}\".deliveries"),
            format!("SELECT count(id) FROM \"{schema}\".delivery"),
            format!("SELECT count(id) FROM \"{schema}\".event"),
        ] {
            assert_eq!(numbers(&mut reader, &counted).await, [seen], "{counted}");
        }
        for refused in [
            format!("SELECT address FROM \"{schema}\".delivery"),
            format!("SELECT content FROM \"{schema}\".event"),
            format!("SELECT * FROM \"{schema}\".recipient"),
            format!("SELECT * FROM \"{schema}\".secret"),
            format!("SELECT * FROM \"{schema}\".reader"),
            format!("SELECT * FROM \"{schema}\".envelope"),
            format!("DELETE FROM \"{schema}\".delivery"),
            format!("SELECT \"{schema}\".publish('{{}}')"),
            format!("INSERT INTO \"{schema}\".reader VALUES ('{role}', 'other')"),
        ] {
            let error = run(&mut reader, &refused).await.unwrap_err();
            let error = error.into_database_error().unwrap();
            assert_eq!(error.code().as_deref(), Some("42501"), "{refused}");
        }
    }
    // The owner, as whom the application runs, sees what it saw.
    assert_eq!(crate::support::count(&store).await, 5);
    for role in [&acme, &nobody] {
        let gone = format!("DROP ROLE \"{role}\"");
        run(&mut owner, &gone).await.unwrap();
    }
}
