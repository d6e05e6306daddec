//! The store itself: it opens the file, runs each call in a task and a transaction of its own,
//! and leaves the work to one file per group of methods.

use std::{
    fmt,
    future::Future,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use signalbus_core::{
    clock::{Clock, Timestamp},
    event::Attachment,
    id::{DeliveryId, EventId},
    name::{ChannelName, TenantId},
    store::{
        Acceptance, BusAdvance, BusPosition, Cancel, Cancelled, DeliveryFilter, DeliveryRecord,
        Erase, Erased, EventRecord, Fetched, Flush, Flushed, HistoryEntry, LaneHolding, LaneLease,
        LaneRequest, Listed, NewEvent, Page, PageToken, Pause, Paused, PoolUse, Pressure, Receipt,
        ReceiptEffect, Redrive, Redriven, Released, Retention, Shape, Store, StoreError,
        StoreErrorKind, StoreFeatures, Suppression, SuppressionFilter, Tally, Unsuppress, Window,
    },
};
use sqlx::{Connection, SqliteConnection, SqlitePool};

use crate::{
    accept, bus,
    busy::{Busy, Line},
    cancel,
    config::SqliteBuilder,
    connection, content, erase, error,
    fetch::{self, Turn},
    files::Files,
    flush, lanes,
    lock::FileLock,
    pauses, purge, query, receipts, redrive,
    rewind::{self, Latest},
    schema, suppress, takes, task,
};

/// What runs in a transaction.
pub(crate) type Work<'c, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'c>>;

/// The system of record in one SQLite file.
///
/// Cheap to clone; all clones share the file. Every call runs in a task of its own: dropping its
/// future never leaves work half done. The file is released when the last clone, and the last
/// call, is gone.
///
/// Needs a tokio runtime.
#[derive(Clone)]
pub struct SqliteStore {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    clock: Arc<dyn Clock>,
    lanes: u16,
    writer: SqlitePool,
    readers: SqlitePool,
    host: SqlitePool,
    turn: Turn,
    latest: Latest,
    busy_timeout: Duration,
    line: Line,
    readers_wanted: Line,
    /// None when it only reads.
    files: Option<Files>,
    /// Holds the log open.
    keeper: Mutex<Option<SqliteConnection>>,
    /// None when it only reads.
    _lock: Option<FileLock>,
}

impl SqliteStore {
    /// Opens the file at `path`, and makes it when it is not there. Cancel safe.
    ///
    /// # Errors
    /// See [`SqliteBuilder::open`].
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::builder(path).open().await
    }

    /// Where the file is, and defaults for the rest.
    pub fn builder(path: impl AsRef<Path>) -> SqliteBuilder {
        SqliteBuilder::new(path.as_ref().to_owned())
    }

    /// Where the file is and how it is written, from a URL such as
    /// `sqlite:///var/lib/app/notifications.db?synchronous=normal`.
    ///
    /// # Errors
    /// See [`SqliteBuilder::from_url`].
    pub fn from_url(url: &str) -> Result<SqliteBuilder, StoreError> {
        SqliteBuilder::from_url(url)
    }

    pub(crate) async fn connect(config: SqliteBuilder) -> Result<Self, StoreError> {
        joined(task::start(async move {
            if config.read_only {
                return Self::look(config).await;
            }
            if !config.migrate && !config.path.exists() {
                return Err(error::unsupported(
                    "the file is not there: make it with migrate, or correct the path",
                ));
            }
            let mut lock = FileLock::wait(&config.path, &*config.clock, config.owner_wait).await?;
            let writer = connection::writer(&config);
            if config.migrate {
                schema::migrate(&writer).await?;
            } else {
                schema::check(&writer).await?;
            }
            lock.claim(&config.path)?;
            let (path, wanted) = (config.path.clone(), config.lanes);
            let line = Line::default();
            let busy = Busy::new(&*config.clock, config.busy_timeout, &line);
            let lanes = transact(&writer, busy, move |conn| {
                Box::pin(async move { schema::prepare_lanes(conn, &path, wanted).await })
            })
            .await?;
            let keeper = connection::keeper(&config).await.map_err(error::of)?;
            Ok(Self {
                inner: Arc::new(Inner {
                    lanes,
                    writer,
                    readers: connection::readers(&config),
                    host: connection::host(&config),
                    files: Some(Files::of(&config.path)),
                    keeper: Mutex::new(Some(keeper)),
                    path: config.path,
                    clock: config.clock,
                    turn: Turn::default(),
                    latest: Latest::unknown(),
                    busy_timeout: config.busy_timeout,
                    line,
                    readers_wanted: Line::default(),
                    _lock: Some(lock),
                }),
            })
        }))
        .await
    }

    /// Opens a file that another process may own.
    async fn look(config: SqliteBuilder) -> Result<Self, StoreError> {
        let readers = connection::readers(&config);
        schema::check(&readers).await?;
        Ok(Self {
            inner: Arc::new(Inner {
                lanes: schema::lanes(&readers).await?,
                writer: connection::readers(&config),
                host: connection::readers(&config),
                readers,
                path: config.path,
                clock: config.clock,
                turn: Turn::default(),
                latest: Latest::unknown(),
                busy_timeout: config.busy_timeout,
                line: Line::default(),
                readers_wanted: Line::default(),
                files: None,
                keeper: Mutex::new(None),
                _lock: None,
            }),
        })
    }

    /// Connections to the same file, for tables of the host. At most four; they are not used by
    /// the store itself.
    ///
    /// SQLite has one writer at a time: while a transaction of the host is open, the store waits,
    /// and answers [`Unavailable`](StoreErrorKind::Unavailable) after the busy timeout. Begin
    /// transactions that write with `begin_with("BEGIN IMMEDIATE")`, and keep them short.
    #[must_use]
    pub fn pool(&self) -> &SqlitePool {
        &self.inner.host
    }

    /// Stores events in a transaction of the host: they are there when it commits, and never were
    /// when it rolls back (promise P1).
    ///
    /// `conn` is a connection of [`SqliteStore::pool`] with an open transaction. Whatever happens
    /// here happens in a savepoint: after an error the host's transaction goes on without it.
    /// The engine finds the events by polling.
    ///
    /// Not cancel safe: when the future is dropped, roll the transaction back.
    ///
    /// # Errors
    /// Nothing was stored. [`Invalid`](StoreErrorKind::Invalid) when no transaction is open;
    /// [`Unavailable`](StoreErrorKind::Unavailable) when it may only read any more, as it was not begun with
    /// `BEGIN IMMEDIATE`, read, and somebody else wrote since: roll it back, and begin it so.
    pub async fn accept_in(
        &self,
        conn: &mut SqliteConnection,
        events: Vec<NewEvent>,
    ) -> Result<Vec<Acceptance>, StoreError> {
        if !conn.is_in_transaction() {
            return Err(error::invalid(
                "accept_in needs an open transaction: begin one with sqlx",
            ));
        }
        self.in_place()?;
        let mut savepoint = conn.begin().await.map_err(error::of)?;
        // Changes nothing, and asks for the right to write before anything is read: a transaction that began
        // with a read is told here, and not at some later statement.
        sqlx::query("UPDATE signalbus_meta SET value = value WHERE name IS NULL")
            .execute(&mut *savepoint)
            .await
            .map_err(error::of_upgrade)?;
        let answers = accept::accept(&mut savepoint, self.now(), self.inner.lanes, &events).await?;
        savepoint.commit().await.map_err(error::of)?;
        Ok(answers)
    }

    /// Waits for what is running, moves the log into the file and closes all connections. Later
    /// calls answer [`Unavailable`](StoreErrorKind::Unavailable). Cancel safe.
    pub async fn close(&self) {
        self.inner.host.close().await;
        self.inner.readers.close().await;
        self.inner.writer.close().await;
        let keeper = self.inner.keeper.lock();
        let keeper = keeper.unwrap_or_else(PoisonError::into_inner).take();
        if let Some(keeper) = keeper {
            // What it held open is closed either way.
            let _ = keeper.close().await;
        }
    }

    /// Whether the files are still those that were opened.
    fn in_place(&self) -> Result<(), StoreError> {
        self.inner.files.as_ref().map_or(Ok(()), Files::check)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// Runs `work` in a transaction that writes, in a task that a dropped caller cannot abandon.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, T> + Send + 'static,
    {
        let inner = Arc::clone(&self.inner);
        self.in_place()?;
        joined(task::start(async move {
            let busy = Busy::new(&*inner.clock, inner.busy_timeout, &inner.line);
            let value = transact(&inner.writer, busy, work).await?;
            inner.files.as_ref().map_or(Ok(()), Files::check_written)?;
            Ok(value)
        }))
        .await
    }

    /// Runs `work` in a transaction that sees one state of the file.
    pub(crate) async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, T> + Send + 'static,
    {
        let inner = Arc::clone(&self.inner);
        joined(task::start(async move {
            let waiting = inner.readers_wanted.enter();
            let snapshot = inner.readers.begin().await;
            drop(waiting);
            let mut snapshot = snapshot.map_err(error::of)?;
            let value = work(&mut snapshot).await?;
            snapshot.commit().await.map_err(error::of)?;
            Ok(value)
        }))
        .await
    }
}

/// Runs `work` on the one connection that writes, within how long a call may wait for others.
async fn transact<T, F>(writer: &SqlitePool, busy: Busy<'_>, work: F) -> Result<T, StoreError>
where
    F: for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, T>,
{
    let mut conn = busy.turn(writer).await?;
    let shortened = busy.shorten(&mut conn).await?;
    let done = in_transaction(&mut conn, work).await;
    if shortened && busy.restore(&mut conn).await.is_err() {
        // Broken: the next call gets another one.
        drop(conn.detach());
    }
    done
}

async fn in_transaction<T, F>(conn: &mut SqliteConnection, work: F) -> Result<T, StoreError>
where
    F: for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, T>,
{
    let mut transaction = conn
        .begin_with("BEGIN IMMEDIATE")
        .await
        .map_err(error::of)?;
    let value = work(&mut transaction).await?;
    transaction.commit().await.map_err(error::of_commit)?;
    Ok(value)
}

async fn joined<T>(task: tokio::task::JoinHandle<Result<T, StoreError>>) -> Result<T, StoreError> {
    task.await.unwrap_or_else(|source| {
        Err(StoreError::new(
            StoreErrorKind::Ambiguous,
            "the task of the store was stopped: its transaction may have been written",
        )
        .with_source(source))
    })
}

impl fmt::Debug for SqliteStore {
    /// Shows the path only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("path", &self.inner.path)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for SqliteStore {
    fn features(&self) -> StoreFeatures {
        StoreFeatures::none()
            .durable(true)
            .keeps(Shape::Later)
            .keeps(Shape::After)
            .keeps(Shape::Held)
            .keeps(Shape::Pool)
            .keeps(Shape::Gather)
            .keeps(Shape::Watched)
            .keeps(Shape::Addresses)
            .keeps(Shape::Takes)
            .keeps(Shape::Children)
            .keeps(Shape::Memo)
    }

    fn pressure(&self) -> Pressure {
        let inner = &self.inner;
        let used = |name, pool: &SqlitePool, waiting| {
            let (open, idle) = (u64::from(pool.size()), pool.num_idle() as u64);
            PoolUse {
                name,
                in_use: open.saturating_sub(idle),
                idle,
                waiting,
            }
        };
        let pools = vec![
            used("writer", &inner.writer, inner.line.now()),
            used("readers", &inner.readers, inner.readers_wanted.now()),
        ];
        Pressure::of(pools, inner.line.ever())
    }

    async fn accept(
        &self,
        events: Vec<NewEvent>,
        advance: Vec<BusAdvance>,
    ) -> Result<Vec<Acceptance>, StoreError> {
        let (now, lanes) = (self.now(), self.inner.lanes);
        self.write(move |conn| {
            Box::pin(async move {
                bus::advance(conn, &advance).await?;
                accept::accept(conn, now, lanes, &events).await
            })
        })
        .await
    }

    async fn bus_positions(&self, bus: &str, group: &str) -> Result<Vec<BusPosition>, StoreError> {
        let (bus, group) = (bus.to_owned(), group.to_owned());
        self.read(move |conn| Box::pin(async move { bus::positions(conn, &bus, &group).await }))
            .await
    }

    async fn hold_lanes(&self, request: LaneRequest) -> Result<LaneHolding, StoreError> {
        let now = self.inner.clock.monotonic();
        let lanes = self.inner.lanes;
        self.write(move |conn| {
            Box::pin(async move { lanes::hold(conn, now, lanes, &request).await })
        })
        .await
    }

    async fn unserved(&self) -> Result<Vec<(ChannelName, u64)>, StoreError> {
        let now = self.inner.clock.monotonic();
        self.read(move |conn| Box::pin(async move { lanes::unserved(conn, now).await }))
            .await
    }

    async fn fetch(&self, lanes: &[LaneLease], window: Window) -> Result<Fetched, StoreError> {
        let (now, lanes, window) = (self.now(), Arc::<[_]>::from(lanes), Arc::new(window));
        // Whoever only looks does not wait for who writes.
        if self.inner.latest.went_back(now)
            && self
                .read(move |conn| Box::pin(rewind::is_needed(conn, now)))
                .await?
        {
            self.write(move |conn| Box::pin(rewind::rewind(conn, now)))
                .await?;
        }
        let (ours, wanted) = (Arc::clone(&lanes), Arc::clone(&window));
        let found = self
            .read(move |conn| {
                Box::pin(async move { fetch::fetch_unless_due(conn, now, &ours, &wanted).await })
            })
            .await?;
        if let Some(fetched) = found {
            return Ok(fetched);
        }
        let (inner, ours) = (Arc::clone(&self.inner), Arc::clone(&lanes));
        self.write(move |conn| {
            Box::pin(async move { fetch::promote(conn, now, &ours, &inner.turn).await })
        })
        .await?;
        self.read(move |conn| {
            Box::pin(async move { fetch::fetch(conn, now, &lanes, &window).await })
        })
        .await
    }

    async fn files(
        &self,
        tenant: &TenantId,
        event: EventId,
    ) -> Result<Vec<Attachment>, StoreError> {
        let tenant = tenant.clone();
        self.read(move |conn| Box::pin(async move { content::files(conn, &tenant, event).await }))
            .await
    }

    async fn flush(&self, lanes: &[LaneLease], flush: &Flush) -> Result<Flushed, StoreError> {
        flush::check(flush)?;
        let count = self.inner.lanes;
        let (now, lanes, flush) = (self.now(), lanes.to_vec(), flush.clone());
        self.write(move |conn| {
            Box::pin(async move { flush::flush(conn, now, count, &lanes, &flush).await })
        })
        .await
    }

    async fn record_receipts(
        &self,
        receipts: Vec<Receipt>,
    ) -> Result<Vec<ReceiptEffect>, StoreError> {
        let now = self.now();
        self.write(move |conn| {
            Box::pin(async move { receipts::record(conn, now, &receipts).await })
        })
        .await
    }

    async fn redrive(&self, redrive: Redrive) -> Result<Redriven, StoreError> {
        let now = self.now();
        if redrive.dry_run {
            // It changes nothing, and does not wait for who does.
            return self
                .read(move |conn| {
                    Box::pin(async move { redrive::redrive(conn, now, &redrive).await })
                })
                .await;
        }
        self.write(move |conn| Box::pin(async move { redrive::redrive(conn, now, &redrive).await }))
            .await
    }

    async fn cancel(
        &self,
        tenant: &TenantId,
        cancel: Cancel,
    ) -> Result<Vec<Cancelled>, StoreError> {
        let (now, tenant) = (self.now(), tenant.clone());
        self.write(move |conn| {
            Box::pin(async move { cancel::cancel(conn, now, &tenant, &cancel).await })
        })
        .await
    }

    async fn pause(&self, pause: Pause) -> Result<bool, StoreError> {
        let now = self.now();
        self.write(move |conn| Box::pin(async move { pauses::pause(conn, now, &pause).await }))
            .await
    }

    async fn resume(&self, what: &Paused) -> Result<bool, StoreError> {
        let what = what.clone();
        self.write(move |conn| Box::pin(async move { pauses::resume(conn, &what).await }))
            .await
    }

    async fn release(&self, limit: u32) -> Result<Released, StoreError> {
        let now = self.now();
        self.write(move |conn| Box::pin(pauses::release(conn, now, limit)))
            .await
    }

    async fn pauses(&self) -> Result<Vec<Pause>, StoreError> {
        self.read(move |conn| Box::pin(pauses::all(conn))).await
    }

    async fn suppress(&self, suppressions: Vec<Suppression>) -> Result<(), StoreError> {
        let now = self.now();
        self.write(move |conn| {
            Box::pin(async move {
                let suppressions: Vec<_> = suppressions.iter().collect();
                suppress::suppress(conn, now, &suppressions).await
            })
        })
        .await
    }

    async fn unsuppress(&self, which: Unsuppress) -> Result<bool, StoreError> {
        self.write(move |conn| Box::pin(async move { suppress::unsuppress(conn, &which).await }))
            .await
    }

    async fn suppressed(&self, asked: Vec<Listed>) -> Result<Vec<Option<Suppression>>, StoreError> {
        self.read(move |conn| Box::pin(async move { suppress::suppressed(conn, &asked).await }))
            .await
    }

    async fn suppressions(
        &self,
        filter: &SuppressionFilter,
    ) -> Result<Vec<Suppression>, StoreError> {
        let filter = filter.clone();
        self.read(move |conn| Box::pin(async move { suppress::suppressions(conn, &filter).await }))
            .await
    }

    async fn event(
        &self,
        tenant: &TenantId,
        id: EventId,
    ) -> Result<Option<EventRecord>, StoreError> {
        let tenant = tenant.clone();
        self.read(move |conn| Box::pin(async move { query::event(conn, &tenant, id).await }))
            .await
    }

    async fn delivery(
        &self,
        tenant: &TenantId,
        id: DeliveryId,
    ) -> Result<Option<DeliveryRecord>, StoreError> {
        let tenant = tenant.clone();
        self.read(move |conn| Box::pin(async move { query::delivery(conn, &tenant, id).await }))
            .await
    }

    async fn history(
        &self,
        tenant: &TenantId,
        id: DeliveryId,
    ) -> Result<Vec<HistoryEntry>, StoreError> {
        let tenant = tenant.clone();
        self.read(move |conn| Box::pin(async move { query::history(conn, &tenant, id).await }))
            .await
    }

    async fn list(
        &self,
        filter: &DeliveryFilter,
        page: PageToken,
    ) -> Result<Page<DeliveryRecord>, StoreError> {
        let filter = filter.clone();
        self.read(move |conn| Box::pin(async move { query::list(conn, &filter, page).await }))
            .await
    }

    async fn tally(&self, filter: &DeliveryFilter) -> Result<Vec<Tally>, StoreError> {
        let filter = filter.clone();
        self.read(move |conn| Box::pin(async move { query::tally(conn, &filter).await }))
            .await
    }

    async fn purge(&self, retention: &Retention) -> Result<u64, StoreError> {
        let (now, retention) = (self.now(), retention.clone());
        let look = retention.clone();
        let (candidates, others) = self
            .read(move |conn| {
                Box::pin(async move {
                    let candidates = purge::candidates(conn, now, &look).await?;
                    let others = receipts::any_to_forget(conn, now).await?
                        || takes::any_to_purge(conn, now).await?;
                    Ok((candidates, others))
                })
            })
            .await?;
        // Whoever finds nothing keeps nobody from writing.
        if candidates.is_empty() && !others {
            return Ok(0);
        }
        self.write(move |conn| {
            Box::pin(async move { purge::purge(conn, now, &retention, &candidates).await })
        })
        .await
    }

    async fn erase(&self, erase: &Erase) -> Result<Erased, StoreError> {
        let (now, erase) = (self.now(), erase.clone());
        self.write(move |conn| Box::pin(async move { erase::erase(conn, now, &erase).await }))
            .await
    }
}
