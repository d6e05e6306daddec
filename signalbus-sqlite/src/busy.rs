//! How long a call waits for others that write: for its turn on the connection of the store, and for the host
//! and its transactions, and no longer for both together than the busy timeout.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use signalbus_core::{
    Clock,
    store::{StoreError, StoreErrorKind},
};
use sqlx::{AssertSqlSafe, Sqlite, SqliteConnection, SqlitePool, pool::PoolConnection};

use crate::error;

/// What a wait is worth telling SQLite of.
const SHORT: Duration = Duration::from_millis(10);

/// The wait of one call.
pub(crate) struct Busy<'a> {
    clock: &'a dyn Clock,
    since: Duration,
    timeout: Duration,
    line: &'a Line,
}

/// Those that wait for their turn.
#[derive(Debug, Default)]
pub(crate) struct Line {
    now: AtomicU64,
    ever: AtomicU64,
}

impl Line {
    /// How many wait now.
    pub(crate) fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    /// How many have waited.
    pub(crate) fn ever(&self) -> u64 {
        self.ever.load(Ordering::Relaxed)
    }

    pub(crate) fn enter(&self) -> InLine<'_> {
        self.now.fetch_add(1, Ordering::Relaxed);
        self.ever.fetch_add(1, Ordering::Relaxed);
        InLine(self)
    }
}

/// One that waits, until it is dropped.
pub(crate) struct InLine<'a>(&'a Line);

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<'a> Busy<'a> {
    /// A wait that begins now.
    pub(crate) fn new(clock: &'a dyn Clock, timeout: Duration, line: &'a Line) -> Self {
        Self {
            since: clock.monotonic(),
            clock,
            timeout,
            line,
        }
    }

    /// Waits for the connection that writes.
    #[expect(
        clippy::disallowed_methods,
        reason = "waits for other calls of this process, which take the time they take"
    )]
    pub(crate) async fn turn(
        &self,
        writer: &SqlitePool,
    ) -> Result<PoolConnection<Sqlite>, StoreError> {
        // Without a timer, where nobody is before us.
        if let Some(free) = writer.try_acquire() {
            return Ok(free);
        }
        let _in_line = self.line.enter();
        match tokio::time::timeout(self.timeout, writer.acquire()).await {
            Ok(acquired) => acquired.map_err(error::of),
            Err(_) => Err(StoreError::new(
                StoreErrorKind::Unavailable,
                "other calls had the file for longer than the busy timeout",
            )),
        }
    }

    /// Leaves SQLite no more than what is left of the time; whether it was told.
    pub(crate) async fn shorten(&self, conn: &mut SqliteConnection) -> Result<bool, StoreError> {
        let waited = self.clock.monotonic().saturating_sub(self.since);
        if waited <= SHORT {
            return Ok(false);
        }
        set(conn, self.timeout.saturating_sub(waited)).await?;
        Ok(true)
    }

    /// Gives the next call all of the time again.
    pub(crate) async fn restore(&self, conn: &mut SqliteConnection) -> Result<(), StoreError> {
        set(conn, self.timeout).await
    }
}

async fn set(conn: &mut SqliteConnection, timeout: Duration) -> Result<(), StoreError> {
    let millis = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    let pragma = format!("PRAGMA busy_timeout = {millis}");
    sqlx::query(AssertSqlSafe(pragma))
        .execute(conn)
        .await
        .map_err(error::of)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use signalbus_testkit::ManualClock;
    use sqlx::Connection as _;

    use super::*;

    async fn told(conn: &mut SqliteConnection) -> i64 {
        sqlx::query_scalar("PRAGMA busy_timeout")
            .fetch_one(conn)
            .await
            .unwrap()
    }

    /// Else a call would wait for its turn, and then for the host, and so twice as long as it may.
    #[tokio::test]
    async fn sqlite_has_what_the_turn_has_left() {
        let mut conn = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        let clock = ManualClock::default();
        let line = Line::default();
        let busy = Busy::new(&clock, Duration::from_secs(5), &line);
        busy.restore(&mut conn).await.unwrap();
        assert!(!busy.shorten(&mut conn).await.unwrap());
        assert_eq!(told(&mut conn).await, 5_000);
        for (passes, left) in [(2, 3_000), (2, 1_000), (2, 0)] {
            clock.advance(Duration::from_secs(passes));
            assert!(busy.shorten(&mut conn).await.unwrap());
            assert_eq!(told(&mut conn).await, left);
        }
        busy.restore(&mut conn).await.unwrap();
        assert_eq!(told(&mut conn).await, 5_000);
    }
}
