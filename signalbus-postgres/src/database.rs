//! Calls: each in a task, on a connection of its own, within a deadline.

use std::{
    borrow::Cow,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use signalbus_core::{
    clock::{Clock, Timestamp},
    store::{Pressure, StoreError},
};
use sqlx::{
    AssertSqlSafe, PgConnection, Postgres,
    postgres::{PgArguments, PgRow},
    query::Query,
};

use crate::{
    codec,
    config::DEFAULT_SCHEMA,
    connection::{Connections, Held},
    error, task,
};

/// What runs on a connection.
pub(crate) type Work<'c, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'c>>;

/// The time of the database in microseconds, or that of a test.
macro_rules! now {
    () => {
        "coalesce($1::bigint, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)"
    };
}
pub(crate) use now;

/// How statements are written for this installation.
#[derive(Debug, Clone)]
pub(crate) struct Dialect {
    /// Quoted; none for the usual one.
    schema: Option<String>,
    /// Whether sessions keep prepared statements. Where not, a pooler may give the two halves of a
    /// statement (parse, then bind) to two sessions, unless they are in one transaction.
    persistent: bool,
    /// Whose time it is in tests.
    pub(crate) clock: Option<Arc<dyn Clock>>,
}

impl Dialect {
    pub(crate) fn new(schema: &str, persistent: bool, clock: Option<Arc<dyn Clock>>) -> Self {
        Self {
            schema: (schema != DEFAULT_SCHEMA).then(|| quoted(schema)),
            persistent,
            clock,
        }
    }

    /// A statement with the name of the schema in the place of `signalbus`.
    pub(crate) fn text(&self, sql: &'static str) -> Cow<'static, str> {
        match &self.schema {
            None => Cow::Borrowed(sql),
            Some(schema) => Cow::Owned(sql.replace("signalbus.", &format!("{schema}."))),
        }
    }

    /// A statement to bind values to.
    pub(crate) fn query<'q>(&self, sql: &'static str) -> Query<'q, Postgres, PgArguments> {
        self.persist(sqlx::query(AssertSqlSafe(self.text(sql))))
    }

    /// A statement that was put together, ready to run.
    pub(crate) fn persist<'q>(
        &self,
        query: Query<'q, Postgres, PgArguments>,
    ) -> Query<'q, Postgres, PgArguments> {
        query.persistent(self.persistent)
    }

    /// The time of a test; none where the database's counts.
    pub(crate) fn test_time(&self) -> Option<i64> {
        self.clock.as_ref().map(|clock| codec::micros(clock.now()))
    }

    /// The same on the monotonic clock, for leases.
    pub(crate) fn test_monotonic(&self) -> Option<i64> {
        let clock = self.clock.as_ref()?;
        Some(i64::try_from(clock.monotonic().as_micros()).unwrap_or(i64::MAX))
    }
}

/// An identifier, quoted.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A connection and how to speak on it.
pub(crate) struct Link<'c> {
    pub(crate) conn: &'c mut PgConnection,
    pub(crate) dialect: &'c Dialect,
}

impl Link<'_> {
    pub(crate) fn query<'q>(&self, sql: &'static str) -> Query<'q, Postgres, PgArguments> {
        self.dialect.query(sql)
    }

    pub(crate) async fn rows(
        &mut self,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<Vec<PgRow>, StoreError> {
        query.fetch_all(&mut *self.conn).await.map_err(error::of)
    }

    pub(crate) async fn run(
        &mut self,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<u64, StoreError> {
        let done = query.execute(&mut *self.conn).await.map_err(error::of)?;
        Ok(done.rows_affected())
    }

    /// The store's time.
    pub(crate) async fn now(&mut self) -> Result<Timestamp, StoreError> {
        if let Some(clock) = &self.dialect.clock {
            return Ok(clock.now());
        }
        let rows = self
            .rows(
                self.query(concat!("SELECT ", now!()))
                    .bind(self.dialect.test_time()),
            )
            .await?;
        let row = rows.first().ok_or_else(|| error::corrupt("no time"))?;
        codec::Columns::of(row).time()
    }

    /// Plain statements, one after the other.
    async fn simple(&mut self, sql: String) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut *self.conn)
            .await
            .map(drop)
    }
}

/// What a call uses connections for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// Leases.
    Lifeline,
    /// What a worker reads and writes.
    Worker,
    /// What the application asks.
    Application,
}

/// How a call ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Statements that each commit by themselves and only read.
    Read,
    /// One statement that commits by itself; repeating it is harmless.
    Once,
    /// A transaction.
    Transaction,
}

/// How often a transaction that met another is tried.
const TRIES: u32 = 5;

/// The database of a store.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) dialect: Dialect,
    lifeline: Arc<Connections>,
    worker: Arc<Connections>,
    application: Arc<Connections>,
    /// In microseconds.
    deadline: AtomicU64,
    /// How often a transaction was tried again because it met another.
    conflicts: AtomicU64,
}

impl Database {
    pub(crate) fn new(
        dialect: Dialect,
        lifeline: Arc<Connections>,
        worker: Arc<Connections>,
        application: Arc<Connections>,
        deadline: Duration,
    ) -> Self {
        Self {
            dialect,
            lifeline,
            worker,
            application,
            deadline: AtomicU64::new(micros(deadline)),
            conflicts: AtomicU64::new(0),
        }
    }

    /// How long a call may take.
    pub(crate) fn deadline(&self) -> Duration {
        Duration::from_micros(self.deadline.load(Ordering::Relaxed))
    }

    /// Sets how long a call may take.
    pub(crate) fn set_deadline(&self, deadline: Duration) {
        self.deadline.store(micros(deadline), Ordering::Relaxed);
    }

    /// Makes calls end well within a lease.
    pub(crate) fn shorten_deadline(&self, lease: Duration) {
        let most = micros(lease / 2).max(1_000);
        self.deadline.fetch_min(most, Ordering::Relaxed);
    }

    /// How busy it is.
    pub(crate) fn pressure(&self) -> Pressure {
        let pools = vec![
            self.lifeline.used("leases"),
            self.worker.used("worker"),
            self.application.used("application"),
        ];
        Pressure::of(pools, self.conflicts.load(Ordering::Relaxed))
    }

    pub(crate) async fn close(&self) {
        self.worker.close().await;
        self.application.close().await;
        self.lifeline.close().await;
    }

    fn connections(&self, of: Use) -> &Arc<Connections> {
        match of {
            Use::Lifeline => &self.lifeline,
            Use::Worker => &self.worker,
            Use::Application => &self.application,
        }
    }

    /// Runs `work` in a task that a dropped caller cannot abandon.
    pub(crate) async fn call<T, F>(
        self: &Arc<Self>,
        of: Use,
        mode: Mode,
        work: F,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'a, 'c> FnMut(&'a mut Link<'c>) -> Work<'a, T> + Send + 'static,
    {
        let database = Arc::clone(self);
        let task = task::start(async move { database.run(of, mode, work).await });
        task.await.unwrap_or_else(|source| {
            let error = error::ambiguous(
                "the task of the store was stopped: its transaction may have been written",
            );
            Err(error.with_source(source))
        })
    }

    /// The same in the current task, for those that run in one already.
    pub(crate) async fn run<T, F>(&self, of: Use, mode: Mode, mut work: F) -> Result<T, StoreError>
    where
        F: for<'a, 'c> FnMut(&'a mut Link<'c>) -> Work<'a, T>,
    {
        let mut tries = 0;
        loop {
            tries += 1;
            let committing = AtomicBool::new(false);
            let once = self.once(of, mode, &mut work, &committing);
            let outcome = task::within(self.deadline(), once).await;
            match outcome {
                None => return Err(expired(mode, committing.into_inner())),
                Some(Ok(value)) => return Ok(value),
                Some(Err(Failed { error, stale })) => {
                    let again = stale || error::is_conflict(&error);
                    if !again || tries >= TRIES {
                        return Err(error);
                    }
                    if !stale {
                        self.conflicts.fetch_add(1, Ordering::Relaxed);
                        // Whoever met us is not met again at the same moment.
                        let jitter = u64::from(some_bits() % 16);
                        task::pause(Duration::from_millis(u64::from(tries) * 2 + jitter)).await;
                    }
                }
            }
        }
    }

    async fn once<T, F>(
        &self,
        of: Use,
        mode: Mode,
        work: &mut F,
        committing: &AtomicBool,
    ) -> Result<T, Failed>
    where
        F: for<'a, 'c> FnMut(&'a mut Link<'c>) -> Work<'a, T>,
    {
        let transaction = mode == Mode::Transaction || !self.dialect.persistent;
        let mut held = self.connections(of).get().await.map_err(Failed::of)?;
        let reused = held.reused;
        let mut link = Link {
            conn: &mut held,
            dialect: &self.dialect,
        };
        if transaction {
            // The server ends what a client that stands still has begun.
            let limit = self.deadline().as_millis().max(1);
            let begin = format!(
                "BEGIN; SET LOCAL idle_in_transaction_session_timeout = {limit}; \
                 SET LOCAL statement_timeout = {limit}"
            );
            if let Err(source) = link.simple(begin).await {
                let stale = reused && error::is_lost(&source);
                let error = error::of(source);
                held.broken();
                return Err(Failed { error, stale });
            }
        }
        committing.store(!transaction && mode == Mode::Once, Ordering::Relaxed);
        match work(&mut link).await {
            Ok(value) => {
                if transaction {
                    committing.store(true, Ordering::Relaxed);
                    if let Err(source) = link.simple("COMMIT".to_owned()).await {
                        let error = error::of_commit(source);
                        held.broken();
                        return Err(Failed::of(error));
                    }
                }
                held.give_back();
                Ok(value)
            }
            Err(error) => Err(failed(held, transaction, mode, error)),
        }
    }
}

/// What an error of the work itself means. The connection is closed: so the server rolls back
/// whatever was begun.
fn failed(held: Held, transaction: bool, mode: Mode, error: StoreError) -> Failed {
    let lost = error::lost(&error);
    let reused = held.reused;
    if lost {
        held.broken();
    }
    let stale = lost && reused && !transaction;
    let error = if lost && !transaction && mode == Mode::Once {
        error::ambiguous("the connection broke: what was sent may have been written")
            .with_source(error)
    } else {
        error
    };
    Failed { error, stale }
}

struct Failed {
    error: StoreError,
    /// The connection had been closed before it was used, or what was done may be done again.
    stale: bool,
}

impl Failed {
    fn of(error: StoreError) -> Self {
        Self {
            error,
            stale: false,
        }
    }
}

fn expired(mode: Mode, committing: bool) -> StoreError {
    if committing && mode != Mode::Read {
        error::ambiguous("the database did not answer in time: it may have been written")
    } else {
        error::unavailable("the database did not answer in time; nothing was written")
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// A few bits that differ from call to call.
fn some_bits() -> u32 {
    use std::hash::{BuildHasher, RandomState};
    let bits = RandomState::new().hash_one(0_u8) & 0xffff_ffff;
    u32::try_from(bits).unwrap_or_default()
}
