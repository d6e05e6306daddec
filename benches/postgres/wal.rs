//! Who writes how much of the server's log: `pg_waldump` names the file that each record is about.

use std::{collections::BTreeMap, error::Error, path::Path, process::Command};

use serde_json::{Value, json};
use signalbus_servers::Postgres;
use sqlx::PgConnection;

/// Where the log is now.
pub(crate) async fn place(connection: &mut PgConnection) -> Result<String, sqlx::Error> {
    sqlx::query_scalar("SELECT pg_current_wal_lsn()::text")
        .fetch_one(connection)
        .await
}

/// Bytes for each delivery, by table and index of the schema; what is about none of them is `other`.
pub(crate) async fn by_table(
    connection: &mut PgConnection,
    folder: &Path,
    schema: &str,
    from: &str,
    deliveries: u64,
) -> Result<Value, Box<dyn Error>> {
    let to = place(connection).await?;
    let names: Vec<(i64, String)> = sqlx::query_as(
        "SELECT pg_relation_filenode(c.oid)::bigint, coalesce(t.relname || '', c.relname)::text
         FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
         LEFT JOIN pg_class AS t ON t.reltoastrelid = c.oid
         WHERE n.nspname = $1 AND pg_relation_filenode(c.oid) IS NOT NULL",
    )
    .bind(schema)
    .fetch_all(connection)
    .await?;
    let names: BTreeMap<i64, String> = names.into_iter().collect();
    let dumped = Command::new(Postgres::tool("pg_waldump")?)
        .args(["-p".as_ref(), folder.join("data/pg_wal").as_os_str()])
        .args(["-s", from, "-e", &to])
        .output()?;
    let mut bytes: BTreeMap<&str, u64> = BTreeMap::new();
    for line in String::from_utf8_lossy(&dumped.stdout).lines() {
        // rmgr: Heap  len (rec/tot): 54/  54, tx: 7, lsn: …, desc: …, blkref #0: rel 1663/5/16396 blk 0
        let total = line.split("len (rec/tot):").nth(1);
        let total = total.and_then(|rest| {
            rest.split('/')
                .nth(1)?
                .split(',')
                .next()?
                .trim()
                .parse::<u64>()
                .ok()
        });
        let file = line
            .split("rel ")
            .nth(1)
            .and_then(|rest| rest.split_whitespace().next());
        let file = file.and_then(|path| path.rsplit('/').next()?.parse::<i64>().ok());
        let name = file
            .and_then(|file| names.get(&file))
            .map_or("other", String::as_str);
        *bytes.entry(name).or_default() += total.unwrap_or(0);
    }
    let mut sorted: Vec<(&str, u64)> = bytes.into_iter().collect();
    sorted.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    let shown = sorted
        .into_iter()
        .map(|(name, bytes)| json!([name, (bytes as f64 / deliveries as f64).round()]));
    Ok(shown.take(24).collect())
}
