//! What became of each line of the file: a table of the application, in the same database.

use signalbus::{EventId, Published, Verdict};
use sqlx::FromRow;

use crate::database::{Database, Transaction};

/// The lines that were published, with the answers.
///
/// A line is written in the transaction that stores its event, so the two cannot disagree,
/// whenever the program is killed. Idempotency keys alone would not do: some events have none, and
/// would be sent again with every run.
#[derive(Debug)]
pub(crate) struct Journal {
    database: Database,
}

/// The same statement on either database.
macro_rules! on {
    ($database:expr, $pool:ident => $work:expr) => {
        match $database {
            Database::Sqlite(store) => {
                let $pool = store.pool();
                $work
            }
            #[cfg(feature = "postgres")]
            Database::Postgres(_, $pool) => $work,
        }
    };
}

/// One line of the file.
#[derive(Debug, FromRow)]
pub(crate) struct Entry {
    line: i64,
    /// `accepted`, `duplicate`, `conflict` or `invalid`.
    pub(crate) verdict: String,
    /// The event; the earlier one of a duplicate or conflict; none if the line was invalid.
    event: Option<String>,
    /// What is wrong with an invalid line.
    pub(crate) problem: Option<String>,
}

impl Entry {
    pub(crate) fn line(&self) -> u32 {
        u32::try_from(self.line).unwrap_or(0)
    }

    pub(crate) fn event(&self) -> Option<EventId> {
        self.event.as_deref()?.parse().ok()
    }
}

impl Journal {
    pub(crate) async fn open(database: &Database) -> Result<Self, sqlx::Error> {
        const CREATE: &str = "CREATE TABLE IF NOT EXISTS published_line (
                line BIGINT PRIMARY KEY,
                verdict TEXT NOT NULL,
                event TEXT,
                problem TEXT
            )";
        on!(database, pool => sqlx::query(CREATE).execute(pool).await.map(drop))?;
        Ok(Self {
            database: database.clone(),
        })
    }

    /// The last line that was published; zero if none was.
    pub(crate) async fn last(&self) -> Result<u32, sqlx::Error> {
        const LAST: &str = "SELECT COALESCE(MAX(line), 0) FROM published_line";
        let last: i64 =
            on!(&self.database, pool => sqlx::query_scalar(LAST).fetch_one(pool).await)?;
        Ok(u32::try_from(last).unwrap_or(0))
    }

    /// One line, if it was published.
    pub(crate) async fn entry(&self, line: u32) -> Result<Option<Entry>, sqlx::Error> {
        const ONE: &str =
            "SELECT line, verdict, event, problem FROM published_line WHERE line = $1";
        let line = i64::from(line);
        on!(&self.database, pool => sqlx::query_as(ONE).bind(line).fetch_optional(pool).await)
    }

    /// All lines, in order.
    pub(crate) async fn entries(&self) -> Result<Vec<Entry>, sqlx::Error> {
        const ALL: &str = "SELECT line, verdict, event, problem FROM published_line ORDER BY line";
        on!(&self.database, pool => sqlx::query_as(ALL).fetch_all(pool).await)
    }

    /// Writes a line in the same transaction.
    pub(crate) async fn write(
        transaction: &mut Transaction,
        line: u32,
        answer: &Result<Published, String>,
    ) -> Result<(), sqlx::Error> {
        let (verdict, event, problem) = match answer {
            Ok(published) => (
                verdict(published.verdict),
                Some(published.event.to_string()),
                None,
            ),
            Err(problem) => ("invalid", None, Some(problem.as_str())),
        };
        const INSERT: &str =
            "INSERT INTO published_line (line, verdict, event, problem) VALUES ($1, $2, $3, $4)";
        macro_rules! insert {
            ($open:expr) => {
                sqlx::query(INSERT)
                    .bind(i64::from(line))
                    .bind(verdict)
                    .bind(event)
                    .bind(problem)
                    .execute(&mut **$open)
                    .await
                    .map(drop)
            };
        }
        match transaction {
            Transaction::Sqlite(open) => insert!(open)?,
            #[cfg(feature = "postgres")]
            Transaction::Postgres(open) => insert!(open)?,
        }
        Ok(())
    }
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Accepted => "accepted",
        Verdict::Duplicate => "duplicate",
        Verdict::Conflict => "conflict",
    }
}
