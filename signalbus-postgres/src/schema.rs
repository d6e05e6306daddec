//! The tables: made and brought up to date when a store is opened, or by the host.

use signalbus_core::store::StoreError;

use crate::{
    codec::Columns,
    config::DEFAULT_SCHEMA,
    database::{Link, quoted},
    error,
};

/// A step of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Migration {
    /// The version of the schema after it.
    pub version: u32,
    /// What it is called.
    pub name: &'static str,
    /// Plain SQL for the schema `signalbus`, to run in one transaction.
    pub sql: &'static str,
}

impl Migration {
    /// The SQL for a schema with this name.
    #[must_use]
    pub fn sql_for(&self, schema: &str) -> String {
        if schema == DEFAULT_SCHEMA {
            return self.sql.to_owned();
        }
        let name = quoted(schema);
        self.sql.replace("signalbus.", &format!("{name}.")).replace(
            "SCHEMA IF NOT EXISTS signalbus;",
            &format!("SCHEMA IF NOT EXISTS {name};"),
        )
    }
}

/// The version of the tables in a database, and the one that this library makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SchemaVersion {
    /// What is there; none when there are no tables of ours.
    pub found: Option<i64>,
    /// What this library makes.
    pub known: i64,
    /// What a library must know at least to use what is there.
    pub needs: i64,
}

impl SchemaVersion {
    /// Whether this library can use the tables as they are.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.found
            .is_some_and(|found| found >= self.known && self.needs <= self.known)
    }
}

/// All steps, in their order: for hosts that run migrations themselves.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        name: "create",
        sql: include_str!("../migrations/0001_create.sql"),
    },
    Migration {
        version: 2,
        name: "directory",
        sql: include_str!("../migrations/0002_directory.sql"),
    },
    Migration {
        version: 3,
        name: "limits",
        sql: include_str!("../migrations/0003_limits.sql"),
    },
    Migration {
        version: 4,
        name: "bus",
        sql: include_str!("../migrations/0004_bus.sql"),
    },
    Migration {
        version: 5,
        name: "installation",
        sql: include_str!("../migrations/0005_installation.sql"),
    },
    Migration {
        version: 6,
        name: "search",
        sql: include_str!("../migrations/0006_search.sql"),
    },
    Migration {
        version: 7,
        name: "suppressions",
        sql: include_str!("../migrations/0007_suppressions.sql"),
    },
];

/// The version of the schema that this library knows.
const KNOWN: i64 = 7;

/// The oldest Postgres that has what is used here.
const OLDEST_SERVER: i64 = 140_000;

/// Two processes that start together make the tables once: a lock of the transaction, on a number
/// of our own and the name of the schema.
pub(crate) const LOCK: &str = "SELECT pg_advisory_xact_lock(1397309772, hashtext($1))";

/// Makes the tables that are missing, or says why not. Runs in a transaction.
pub(crate) async fn prepare(
    link: &mut Link<'_>,
    schema: &str,
    migrate: bool,
) -> Result<(), StoreError> {
    check_server(link).await?;
    let mut found = version(link, schema).await?;
    if found.is_none_or(|(version, _)| version < KNOWN) {
        if !migrate {
            return Err(error::unsupported(
                "the tables are missing or older than this version of signalbus-postgres: run its migrations, or let it run them",
            ));
        }
        let lock = link.query(LOCK).bind(schema.to_owned());
        link.run(lock).await?;
        found = version(link, schema).await?;
        let from = found.map_or(0, |(version, _)| version);
        for migration in MIGRATIONS {
            if i64::from(migration.version) > from {
                let sql = sqlx::AssertSqlSafe(migration.sql_for(schema));
                let ran = sqlx::raw_sql(sql).execute(&mut *link.conn).await;
                ran.map_err(error::of)?;
            }
        }
        found = version(link, schema).await?;
    }
    match found {
        Some((version, oldest)) if version > KNOWN && oldest > KNOWN => {
            Err(error::unsupported(format!(
                "the tables have version {version} and need a library that knows {oldest}, this one knows {KNOWN}: update signalbus-postgres"
            )))
        }
        Some(_) => Ok(()),
        None => Err(error::corrupt("the schema has no version")),
    }
}

/// Looks, and changes nothing. Runs in a transaction.
pub(crate) async fn look(link: &mut Link<'_>, schema: &str) -> Result<SchemaVersion, StoreError> {
    check_server(link).await?;
    let found = version(link, schema).await?;
    Ok(SchemaVersion {
        found: found.map(|(version, _)| version),
        known: KNOWN,
        needs: found.map_or(KNOWN, |(_, oldest)| oldest),
    })
}

/// What the server calls its version. Runs in a transaction.
pub(crate) async fn server(link: &mut Link<'_>) -> Result<String, StoreError> {
    let rows = link
        .rows(link.query("SELECT current_setting('server_version')"))
        .await?;
    let row = rows
        .first()
        .ok_or_else(|| error::corrupt("the server has no version"))?;
    Columns::of(row).take()
}

async fn check_server(link: &mut Link<'_>) -> Result<(), StoreError> {
    let rows = link
        .rows(link.query("SELECT current_setting('server_version_num')::bigint"))
        .await?;
    let version = rows.first().map(|row| Columns::of(row).int());
    if version
        .transpose()?
        .is_some_and(|version| version < OLDEST_SERVER)
    {
        return Err(error::unsupported("Postgres is older than version 14"));
    }
    Ok(())
}

/// The version of the tables, and the oldest that a library must know; none when there are none.
async fn version(link: &mut Link<'_>, schema: &str) -> Result<Option<(i64, i64)>, StoreError> {
    let there = link
        .query(
            // Not `to_regclass`: that may answer from what this session looked up before it waited
            // for the lock.
            "SELECT EXISTS (
                 SELECT 1 FROM pg_catalog.pg_class AS c
                 JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
                 WHERE n.nspname = $1 AND c.relname = 'meta')",
        )
        .bind(schema.to_owned());
    let rows = link.rows(there).await?;
    let there = rows.first().map(|row| Columns::of(row).take::<bool>());
    if !there.transpose()?.unwrap_or(false) {
        return Ok(None);
    }
    let rows = link
        .rows(link.query("SELECT version, oldest FROM signalbus.meta"))
        .await?;
    rows.first()
        .map(|row| {
            let mut columns = Columns::of(row);
            Ok((columns.int()?, columns.int()?))
        })
        .transpose()
}

/// How many lanes an installation gets unless it is said.
const LANES: u16 = 64;

/// Settles the number of lanes.
pub(crate) async fn lanes(link: &mut Link<'_>, wanted: Option<u16>) -> Result<u16, StoreError> {
    let settle = link
        .query("UPDATE signalbus.meta SET lanes = $1 WHERE lanes IS NULL")
        .bind(i32::from(wanted.unwrap_or(LANES)));
    link.run(settle).await?;
    let rows = link
        .rows(link.query("SELECT lanes FROM signalbus.meta"))
        .await?;
    let lanes: u16 = match rows.first() {
        Some(row) => Columns::of(row).number()?,
        None => return Err(error::corrupt("the number of lanes cannot be read")),
    };
    if wanted.is_some_and(|wanted| wanted != lanes) {
        return Err(error::invalid(format!(
            "the installation was made with {lanes} lanes and keeps them: leave the number of lanes out, or take another schema"
        )));
    }
    Ok(lanes)
}
