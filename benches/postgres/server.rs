//! The private server, and what it says of its own work.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use signalbus_servers::{Durability, Postgres};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::{BATCH, DELIVERIES, TEXT};

pub(crate) struct Server(Postgres);

impl Server {
    pub(crate) async fn start() -> Result<Self, Box<dyn Error>> {
        let settings = ["shared_buffers=512MB", "max_wal_size=4GB"];
        Ok(Self(Postgres::start(Durability::Full, &settings)?))
    }

    pub(crate) fn url(&self) -> String {
        self.0.url()
    }

    async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        PgConnection::connect(&self.0.url()).await
    }

    /// Inserts and updates as many rows of the same payload, in the same batches, and nothing
    /// else.
    pub(crate) async fn bare(&self, round: usize) -> Result<Duration, Box<dyn Error>> {
        let mut connection = self.connect().await?;
        let create = format!(
            "CREATE TABLE queue_{round} (id bigint PRIMARY KEY, state integer NOT NULL, body text NOT NULL)"
        );
        sqlx::raw_sql(AssertSqlSafe(create))
            .execute(&mut connection)
            .await?;
        let insert = format!(
            "INSERT INTO queue_{round} SELECT id, 0, body FROM unnest($1::bigint[], $2::text[]) AS a (id, body)"
        );
        let update = format!("UPDATE queue_{round} SET state = 1 WHERE id = ANY($1)");
        let began = Instant::now();
        for statement in [insert, update] {
            for batch in 0..DELIVERIES / BATCH {
                let ids: Vec<i64> = (0..BATCH)
                    .map(|number| i64::try_from(batch * BATCH + number))
                    .collect::<Result<_, _>>()?;
                let bodies: Vec<&str> = ids.iter().map(|_| TEXT).collect();
                let mut query = sqlx::query(AssertSqlSafe(statement.clone())).bind(ids);
                if statement.starts_with("INSERT") {
                    query = query.bind(bodies);
                }
                query.execute(&mut connection).await?;
            }
        }
        Ok(began.elapsed())
    }

    /// Waits until nothing waits and nothing is being sent.
    pub(crate) async fn is_done(&self, schema: &str) -> Result<(), Box<dyn Error>> {
        let mut connection = self.connect().await?;
        let open = format!(
            "SELECT (SELECT count(*) FROM {schema}.event) >= {DELIVERIES}
                AND NOT EXISTS (SELECT 1 FROM {schema}.delivery WHERE state = 0)
                AND NOT EXISTS (SELECT 1 FROM {schema}.delivery WHERE state = 2)"
        );
        loop {
            let done: bool = sqlx::query_scalar(AssertSqlSafe(open.clone()))
                .fetch_one(&mut connection)
                .await?;
            if done {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// As the peers' clocks begin: vacuumed, with statistics, and nothing to write down late.
    pub(crate) async fn settle(&self, schema: &str) -> Result<(), Box<dyn Error>> {
        let mut connection = self.connect().await?;
        for table in ["event", "delivery", "recipient", "key"] {
            let vacuum = format!("VACUUM ANALYZE {schema}.{table}");
            sqlx::raw_sql(AssertSqlSafe(vacuum))
                .execute(&mut connection)
                .await?;
        }
        sqlx::raw_sql("CHECKPOINT").execute(&mut connection).await?;
        Ok(())
    }

    /// A new database; its URL.
    pub(crate) async fn database(&self, name: &str) -> Result<String, Box<dyn Error>> {
        let mut connection = self.connect().await?;
        let create = format!("CREATE DATABASE {name}");
        sqlx::raw_sql(AssertSqlSafe(create))
            .execute(&mut connection)
            .await?;
        Ok(self.url().replace("/postgres", &format!("/{name}")))
    }

    /// Waits until so many have ended.
    pub(crate) async fn ended(&self, schema: &str, wanted: u64) -> Result<(), Box<dyn Error>> {
        let mut connection = self.connect().await?;
        // Cheap while there is work: only at the end everything is counted.
        let open = format!(
            "SELECT NOT EXISTS (SELECT 1 FROM {schema}.delivery WHERE state = 0)
                AND NOT EXISTS (SELECT 1 FROM {schema}.delivery WHERE state = 1)
                AND NOT EXISTS (SELECT 1 FROM {schema}.delivery WHERE state = 2)"
        );
        let count = format!("SELECT count(*) FROM {schema}.delivery WHERE state >= 10");
        loop {
            let done: bool = sqlx::query_scalar(AssertSqlSafe(open.clone()))
                .fetch_one(&mut connection)
                .await?;
            if done {
                let ended: i64 = sqlx::query_scalar(AssertSqlSafe(count.clone()))
                    .fetch_one(&mut connection)
                    .await?;
                if u64::try_from(ended)? >= wanted {
                    return Ok(());
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Bytes on the disk, indexes included.
    pub(crate) async fn size(&self, schema: &str) -> Result<i64, Box<dyn Error>> {
        let mut connection = self.connect().await?;
        let size = "SELECT sum(pg_total_relation_size(c.oid))::bigint FROM pg_class AS c
                    JOIN pg_namespace AS n ON n.oid = c.relnamespace
                    WHERE n.nspname = $1 AND c.relkind = 'r'";
        Ok(sqlx::query_scalar(size)
            .bind(schema)
            .fetch_one(&mut connection)
            .await?)
    }

    /// Copies the one event of the tenant `flood` so often, as if as many had been published: with keys, ids, recipients
    /// and order keys of their own.
    pub(crate) async fn flood(&self, schema: &str, copies: u64) -> Result<(), Box<dyn Error>> {
        let mut connection = self.connect().await?;
        let fill = include_str!("flood.sql")
            .replace("signalbus.", &format!("{schema}."))
            .replace("COPIES", &copies.to_string());
        sqlx::raw_sql(AssertSqlSafe(fill))
            .execute(&mut connection)
            .await?;
        self.settle(schema).await
    }

    /// As if all had been sent.
    pub(crate) async fn end_all(&self, schema: &str) -> Result<(), Box<dyn Error>> {
        let mut connection = self.connect().await?;
        let end = format!(
            "UPDATE {schema}.delivery SET state = 20, ended_at = accepted_at, holds = false"
        );
        sqlx::raw_sql(AssertSqlSafe(end))
            .execute(&mut connection)
            .await?;
        self.settle(schema).await
    }

    /// How many of a tenant are ready.
    pub(crate) async fn waiting(&self, schema: &str, tenant: &str) -> Result<u64, Box<dyn Error>> {
        let count =
            format!("SELECT count(*) FROM {schema}.delivery WHERE state = 0 AND tenant = $1");
        let mut connection = self.connect().await?;
        let waiting: i64 = sqlx::query_scalar(AssertSqlSafe(count))
            .bind(tenant)
            .fetch_one(&mut connection)
            .await?;
        Ok(u64::try_from(waiting)?)
    }

    pub(crate) async fn wal_by_table(
        &self,
        schema: &str,
        from: &str,
        deliveries: u64,
    ) -> Result<serde_json::Value, Box<dyn Error>> {
        let mut connection = self.connect().await?;
        crate::wal::by_table(&mut connection, self.0.socket(), schema, from, deliveries).await
    }

    pub(crate) async fn sent(&self, schema: &str) -> Result<u64, Box<dyn Error>> {
        let count = format!("SELECT count(*) FROM {schema}.delivery WHERE state = 20");
        let mut connection = self.connect().await?;
        let sent: i64 = sqlx::query_scalar(AssertSqlSafe(count))
            .fetch_one(&mut connection)
            .await?;
        Ok(u64::try_from(sent)?)
    }

    /// The counters of the server.
    pub(crate) async fn look(&self, schema: &str) -> Result<Cost, Box<dyn Error>> {
        // Sessions report what they did a second later at the latest.
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        let mut connection = self.connect().await?;
        let (wal, commits, dead): (i64, i64, i64) = sqlx::query_as(
            "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint,
                    (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()),
                    (SELECT coalesce(sum(n_tup_upd + n_tup_del - n_tup_hot_upd), 0)::bigint
                     FROM pg_stat_user_tables WHERE schemaname = $1)",
        )
        .bind(schema)
        .fetch_one(&mut connection)
        .await?;
        Ok(Cost { wal, commits, dead })
    }
}

/// What a run cost the server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) wal: i64,
    pub(crate) commits: i64,
    pub(crate) dead: i64,
}

impl Cost {
    pub(crate) fn since(self, before: &Self) -> Self {
        Self {
            wal: self.wal - before.wal,
            commits: self.commits - before.commits,
            dead: self.dead - before.dead,
        }
    }

    /// Medians for each delivery.
    pub(crate) fn print(costs: &[Self], deliveries: u64) {
        let median = |value: fn(&Self) -> i64| {
            let mut values: Vec<i64> = costs.iter().map(value).collect();
            values.sort_unstable();
            values[values.len() / 2] as f64 / deliveries as f64
        };
        println!(
            "  for each: {:.0} bytes of WAL, {:.4} commits, {:.2} dead rows",
            median(|cost| cost.wal),
            median(|cost| cost.commits),
            median(|cost| cost.dead),
        );
    }
}
