//! What became of each line of the file: a table of the application, in the same database.

use signalbus::sqlite::SqliteStore;
use signalbus::{EventId, Published, Verdict};
use sqlx::{FromRow, SqliteConnection, SqlitePool};

/// The lines that were published, with the answers.
///
/// A line is written in the transaction that stores its event, so the two cannot disagree,
/// whenever the program is killed. Idempotency keys alone would not do: some events have none, and
/// would be sent again with every run.
#[derive(Debug)]
pub(crate) struct Journal {
    pool: SqlitePool,
}

/// One line of the file.
#[derive(Debug, FromRow)]
pub(crate) struct Entry {
    pub(crate) line: u32,
    /// `accepted`, `duplicate`, `conflict` or `invalid`.
    pub(crate) verdict: String,
    /// The event; the earlier one of a duplicate or conflict; none if the line was invalid.
    event: Option<String>,
    /// What is wrong with an invalid line.
    pub(crate) problem: Option<String>,
}

impl Entry {
    pub(crate) fn event(&self) -> Option<EventId> {
        self.event.as_deref()?.parse().ok()
    }
}

impl Journal {
    pub(crate) async fn open(store: &SqliteStore) -> Result<Self, sqlx::Error> {
        let pool = store.pool().clone();
        sqlx::query(
            "CREATE TABLE IF NOT EXISTS published_line (
                line INTEGER PRIMARY KEY,
                verdict TEXT NOT NULL,
                event TEXT,
                problem TEXT
            ) STRICT",
        )
        .execute(&pool)
        .await?;
        Ok(Self { pool })
    }

    /// The last line that was published; zero if none was.
    pub(crate) async fn last(&self) -> Result<u32, sqlx::Error> {
        sqlx::query_scalar("SELECT COALESCE(MAX(line), 0) FROM published_line")
            .fetch_one(&self.pool)
            .await
    }

    /// One line, if it was published.
    pub(crate) async fn entry(&self, line: u32) -> Result<Option<Entry>, sqlx::Error> {
        sqlx::query_as("SELECT line, verdict, event, problem FROM published_line WHERE line = ?")
            .bind(line)
            .fetch_optional(&self.pool)
            .await
    }

    /// All lines, in order.
    pub(crate) async fn entries(&self) -> Result<Vec<Entry>, sqlx::Error> {
        sqlx::query_as("SELECT line, verdict, event, problem FROM published_line ORDER BY line")
            .fetch_all(&self.pool)
            .await
    }

    /// Writes a line in the transaction of `conn`.
    pub(crate) async fn write(
        &self,
        conn: &mut SqliteConnection,
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
        sqlx::query(
            "INSERT INTO published_line (line, verdict, event, problem) VALUES (?, ?, ?, ?)",
        )
        .bind(line)
        .bind(verdict)
        .bind(event)
        .bind(problem)
        .execute(conn)
        .await?;
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
