//! The store itself: it runs each call in a task on a connection of its own, and leaves the work
//! to one file per group of methods.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use signalbus_core::{
    Wake,
    event::Attachment,
    id::{DeliveryId, EventId},
    name::{ChannelName, TenantId},
    store::{
        Acceptance, BusAdvance, BusPosition, Cancel, Cancelled, DeliveryFilter, DeliveryRecord,
        Erase, Erased, EventRecord, Fetched, Flush, Flushed, HistoryEntry, LaneHolding, LaneLease,
        LaneRequest, Listed, NewEvent, Page, PageToken, Pause, Paused, Pressure, Receipt,
        ReceiptEffect, Redrive, Redriven, Released, Retention, Shape, Store, StoreError,
        StoreFeatures, Suppression, SuppressionFilter, Tally, Unsuppress, Window,
    },
};
use sqlx::{PgConnection, postgres::PgConnectOptions};

use crate::{
    accept, bus, cancel,
    config::PostgresBuilder,
    connection::Connections,
    content,
    database::{Database, Dialect, Link, Mode, Use, Work},
    erase, error,
    fetch::{self, Turn},
    flush, lanes,
    listen::{self, Listening, Teller},
    pauses, purge, query, receipts, redrive, restored,
    restored::Restored,
    rewind::Latest,
    schema::{self, SchemaVersion},
    suppress,
};

/// How long it may take to make the tables, or to wait for another process that does.
const PREPARING: Duration = Duration::from_secs(60);

/// Connections of a worker: four writes and a read at once.
const OF_WORKER: u32 = 5;

/// The system of record in a Postgres database, shared by any number of processes.
///
/// Cheap to clone; all clones share their connections. Every call runs in a task of its own:
/// dropping its future never leaves work half done. It goes by the clock of the database.
///
/// Needs a tokio runtime.
#[derive(Clone)]
pub struct PostgresStore {
    inner: Arc<Inner>,
}

struct Inner {
    database: Arc<Database>,
    joined: Arc<accept::Joined>,
    teller: Arc<Teller>,
    turn: Turn,
    latest: Latest,
    lanes: u16,
    schema: String,
    /// None behind a pooler, through which nobody can listen.
    direct: Option<PgConnectOptions>,
}

impl PostgresStore {
    /// Connects to the database of this URL, and makes the tables that are missing. Cancel safe.
    ///
    /// # Errors
    /// See [`PostgresBuilder::from_url`] and [`PostgresBuilder::open`].
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        PostgresBuilder::from_url(url)?.open().await
    }

    /// Where the database is and how it is used, from a URL such as
    /// `postgres://app@localhost/app?schema=mail`.
    ///
    /// # Errors
    /// See [`PostgresBuilder::from_url`].
    pub fn from_url(url: &str) -> Result<PostgresBuilder, StoreError> {
        PostgresBuilder::from_url(url)
    }

    /// Where the database is, from the options of sqlx, and defaults for the rest.
    pub fn builder(options: PgConnectOptions) -> PostgresBuilder {
        PostgresBuilder::new(options)
    }

    fn database_of(config: &PostgresBuilder) -> Arc<Database> {
        let dialect = Dialect::new(&config.schema, !config.pgbouncer, config.clock.clone());
        let planned = config.planned_options();
        Arc::new(Database::new(
            dialect,
            Connections::new(planned.clone(), 1),
            Connections::new(planned, OF_WORKER),
            Connections::new(config.connect_options(), config.connections),
            PREPARING,
        ))
    }

    /// Looks at the tables.
    pub(crate) async fn look(config: &PostgresBuilder) -> Result<SchemaVersion, StoreError> {
        let schema = config.schema.clone();
        Self::ask(config, move |link| {
            let schema = schema.clone();
            Box::pin(async move { schema::look(link, &schema).await })
        })
        .await
    }

    /// Asks the server what it is.
    pub(crate) async fn server(config: &PostgresBuilder) -> Result<String, StoreError> {
        Self::ask(config, move |link| Box::pin(schema::server(link))).await
    }

    /// One call on a connection that is opened for it.
    async fn ask<T, F>(config: &PostgresBuilder, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'a, 'c> FnMut(&'a mut Link<'c>) -> Work<'a, T> + Send + 'static,
    {
        let database = Self::database_of(config);
        database.set_deadline(config.deadline);
        let answer = database
            .call(Use::Application, Mode::Transaction, work)
            .await;
        database.close().await;
        answer
    }

    pub(crate) async fn connect(config: PostgresBuilder) -> Result<Self, StoreError> {
        let options = config.connect_options();
        let database = Self::database_of(&config);
        let (schema, migrate, wanted) = (config.schema.clone(), config.migrate, config.lanes);
        let lanes = database
            .call(Use::Application, Mode::Transaction, move |link| {
                let schema = schema.clone();
                Box::pin(async move {
                    schema::prepare(link, &schema, migrate).await?;
                    restored::look(link, &schema).await?;
                    schema::lanes(link, wanted).await
                })
            })
            .await?;
        database.set_deadline(config.deadline);
        Ok(Self {
            inner: Arc::new(Inner {
                database,
                joined: Arc::default(),
                teller: Teller::new(listen::channel(&config.schema)),
                turn: Turn::default(),
                latest: Latest::default(),
                lanes,
                schema: config.schema,
                direct: (!config.pgbouncer).then_some(options),
            }),
        })
    }

    /// Stores events in a transaction of the host, or on a connection without one: they are there
    /// when it commits, and never were when it rolls back (promise P1). One statement, and a
    /// second one only for what was published before; no NOTIFY, no savepoint.
    ///
    /// `conn` is a connection to the database of the store. The engine finds the events by
    /// polling.
    ///
    /// Not cancel safe: when the future is dropped, roll the transaction back.
    ///
    /// # Errors
    /// Nothing was stored, and the transaction of the host can only be rolled back: on a
    /// serialization failure or a deadlock the error is
    /// [`Unavailable`](signalbus_core::store::StoreErrorKind::Unavailable), and the host begins again.
    pub async fn accept_in(
        &self,
        conn: &mut PgConnection,
        events: Vec<NewEvent>,
    ) -> Result<Vec<Acceptance>, StoreError> {
        let mut link = Link {
            conn,
            dialect: &self.inner.database.dialect,
        };
        accept::accept(&mut link, self.inner.lanes, &events).await
    }

    /// Wakes an engine when another process stores events, on a connection of its own. Without it
    /// the engine finds them at the next poll.
    ///
    /// # Errors
    /// [`Unsupported`](signalbus_core::store::StoreErrorKind::Unsupported) when the store goes through
    /// a pooler: use [`PostgresStore::listen_on`]. Else when the database cannot be reached.
    pub async fn listen(&self, wake: Wake) -> Result<Listening, StoreError> {
        let direct = self.inner.direct.clone().ok_or_else(|| {
            error::unsupported(
                "no notification passes a transaction pooler: give the options of a direct connection to listen_on, or rely on polling",
            )
        })?;
        self.listen_on(direct, wake).await
    }

    /// The same with a direct connection beside a pooler.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn listen_on(
        &self,
        direct: PgConnectOptions,
        wake: Wake,
    ) -> Result<Listening, StoreError> {
        listen::listen(direct, listen::channel(&self.inner.schema), wake).await
    }

    /// Says that these tables are a copy from the past: what was restored from a base backup, a snapshot of
    /// a disk or to a point in time, which nobody can tell from a failover. A restored dump is
    /// found out when it is opened.
    ///
    /// Everything is paused, until somebody resumes it. Whatever was open and due counts as possibly sent, as after a
    /// crash: when sending is resumed, each is decided by what its channel allows. Stop all engines first.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn restored(&self) -> Result<Restored, StoreError> {
        let schema = self.inner.schema.clone();
        self.database()
            .call(Use::Application, Mode::Transaction, move |link| {
                let schema = schema.clone();
                Box::pin(async move { restored::treat(link, &schema).await })
            })
            .await
    }

    /// How the database would look for a page of deliveries: the plan as JSON.
    #[cfg(feature = "__servers")]
    #[doc(hidden)]
    pub async fn explain(
        &self,
        filter: &DeliveryFilter,
        page: PageToken,
    ) -> Result<String, StoreError> {
        let filter = filter.clone();
        self.database()
            .call(Use::Application, Mode::Read, move |link| {
                let filter = filter.clone();
                Box::pin(async move { query::explain(link, &filter, page).await })
            })
            .await
    }

    /// Waits for what is running and closes all connections. Later calls answer
    /// [`Unavailable`](signalbus_core::store::StoreErrorKind::Unavailable). Cancel safe.
    pub async fn close(&self) {
        self.inner.database.close().await;
    }

    /// How statements are written, and how many lanes there are.
    pub(crate) fn dialect(&self) -> (&Dialect, u16) {
        (&self.inner.database.dialect, self.inner.lanes)
    }

    pub(crate) fn database(&self) -> &Arc<Database> {
        &self.inner.database
    }
}

impl fmt::Debug for PostgresStore {
    /// Shows the schema only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("schema", &self.inner.schema)
            .finish_non_exhaustive()
    }
}

/// A call whose work borrows what it was given: `$value` are cloned for each try.
macro_rules! call {
    ($store:expr, $of:ident, $mode:ident, [$($value:ident),*], $link:ident => $work:expr) => {{
        $(let $value = $value.clone();)*
        $store
            .database()
            .call(Use::$of, Mode::$mode, move |$link| {
                $(let $value = $value.clone();)*
                Box::pin(async move { $work.await })
            })
            .await
    }};
}

/// The same in a transaction, with the time of the store as `$now`.
macro_rules! write {
    ($store:expr, [$($value:ident),*], ($link:ident, $now:ident) => $work:expr) => {
        $store
            .database()
            .call(Use::Application, Mode::Transaction, move |$link| {
                $(let $value = $value.clone();)*
                Box::pin(async move {
                    let $now = $link.now().await?;
                    $work.await
                })
            })
            .await
    };
}

#[async_trait]
impl Store for PostgresStore {
    fn features(&self) -> StoreFeatures {
        StoreFeatures::none()
            .durable(true)
            .shared(true)
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
        self.database().pressure()
    }

    async fn accept(
        &self,
        events: Vec<NewEvent>,
        advance: Vec<BusAdvance>,
    ) -> Result<Vec<Acceptance>, StoreError> {
        let (inner, lanes) = (&self.inner, self.inner.lanes);
        let answers = if advance.is_empty() {
            inner.joined.accept(&inner.database, lanes, events).await?
        } else {
            let (events, advance) = (Arc::new(events), Arc::new(advance));
            self.database()
                .call(Use::Application, Mode::Transaction, move |link| {
                    let (events, advance) = (Arc::clone(&events), Arc::clone(&advance));
                    Box::pin(async move {
                        bus::positions::advance(link, &advance).await?;
                        accept::accept(link, lanes, &events).await
                    })
                })
                .await?
        };
        if answers
            .iter()
            .any(|answer| matches!(answer, Acceptance::Accepted))
        {
            inner.teller.tell(&inner.database);
        }
        Ok(answers)
    }

    async fn bus_positions(&self, bus: &str, group: &str) -> Result<Vec<BusPosition>, StoreError> {
        let (bus, group) = (bus.to_owned(), group.to_owned());
        call!(self, Application, Read, [bus, group], link => bus::positions::positions(link, &bus, &group))
    }

    async fn hold_lanes(&self, request: LaneRequest) -> Result<LaneHolding, StoreError> {
        self.database().shorten_deadline(request.lease);
        let (request, lanes) = (Arc::new(request), self.inner.lanes);
        let renewed = if request.release.is_empty() {
            call!(self, Lifeline, Once, [request], link => lanes::renew(link, lanes, &request))?
        } else {
            call!(self, Lifeline, Transaction, [request], link => async {
                lanes::release(link, &request).await?;
                lanes::renew(link, lanes, &request).await
            })?
        };
        self.inner.teller.has_company(renewed.has_company);
        if renewed.sweep
            && let Err(error) = call!(self, Lifeline, Transaction, [], link => lanes::sweep(link))
        {
            tracing::warn!(%error, "what was left lying could not be looked for; trying again");
        }
        let mut taken = Vec::new();
        for sharing in renewed.to_do() {
            let of_space = call!(self, Lifeline, Transaction, [request], link => lanes::take(link, &request, sharing));
            match of_space {
                Ok(of_space) => taken.extend(of_space),
                // What is held was renewed: that must not be forgotten.
                Err(error) => {
                    tracing::warn!(%error, "free lanes could not be taken; trying again");
                    break;
                }
            }
        }
        Ok(renewed.holding(taken))
    }

    async fn unserved(&self) -> Result<Vec<(ChannelName, u64)>, StoreError> {
        call!(self, Worker, Read, [], link => lanes::unserved(link))
    }

    async fn fetch(&self, lanes: &[LaneLease], window: Window) -> Result<Fetched, StoreError> {
        let (lanes, window) = (Arc::<[LaneLease]>::from(lanes), Arc::new(window));
        let inner = Arc::clone(&self.inner);
        call!(self, Worker, Read, [lanes, window, inner], link => {
            fetch::fetch(link, &lanes, &window, (&inner.turn, &inner.latest))
        })
    }

    async fn files(
        &self,
        tenant: &TenantId,
        event: EventId,
    ) -> Result<Vec<Attachment>, StoreError> {
        let tenant = tenant.clone();
        call!(self, Worker, Read, [tenant], link => content::files(link, &tenant, event))
    }

    async fn erase(&self, erase: &Erase) -> Result<Erased, StoreError> {
        let asked = Arc::new(erase.clone());
        write!(self, [asked], (link, now) => erase::erase(link, now, &asked))
    }

    async fn flush(&self, lanes: &[LaneLease], flush: &Flush) -> Result<Flushed, StoreError> {
        flush::check(flush)?;
        flush::flush(self.database(), self.inner.lanes, lanes, flush).await
    }

    async fn record_receipts(
        &self,
        receipts: Vec<Receipt>,
    ) -> Result<Vec<ReceiptEffect>, StoreError> {
        let receipts = Arc::new(receipts);
        write!(self, [receipts], (link, now) => receipts::record(link, now, &receipts))
    }

    async fn redrive(&self, redrive: Redrive) -> Result<Redriven, StoreError> {
        let asked = Arc::new(redrive);
        let redriven = write!(self, [asked], (link, now) => redrive::redrive(link, now, &asked))?;
        if !redriven.started.is_empty() {
            self.inner.teller.tell(self.database());
        }
        Ok(redriven)
    }

    async fn cancel(
        &self,
        tenant: &TenantId,
        cancel: Cancel,
    ) -> Result<Vec<Cancelled>, StoreError> {
        let (tenant, asked) = (tenant.clone(), Arc::new(cancel));
        write!(self, [tenant, asked], (link, now) => cancel::cancel(link, now, &tenant, &asked))
    }

    async fn pause(&self, pause: Pause) -> Result<bool, StoreError> {
        let asked = Arc::new(pause);
        write!(self, [asked], (link, now) => pauses::pause(link, now, &asked))
    }

    async fn resume(&self, what: &Paused) -> Result<bool, StoreError> {
        let what = what.clone();
        call!(self, Application, Transaction, [what], link => pauses::resume(link, &what))
    }

    async fn release(&self, limit: u32) -> Result<Released, StoreError> {
        let released = write!(self, [], (link, now) => pauses::release(link, now, limit))?;
        if released.released > 0 {
            self.inner.teller.tell(self.database());
        }
        Ok(released)
    }

    async fn pauses(&self) -> Result<Vec<Pause>, StoreError> {
        call!(self, Application, Read, [], link => pauses::all(link))
    }

    async fn suppress(&self, suppressions: Vec<Suppression>) -> Result<(), StoreError> {
        let suppressions = Arc::new(suppressions);
        write!(self, [suppressions], (link, now) => async {
            let suppressions: Vec<_> = suppressions.iter().collect();
            suppress::suppress(link, now, &suppressions).await
        })
    }

    async fn unsuppress(&self, which: Unsuppress) -> Result<bool, StoreError> {
        let which = Arc::new(which);
        call!(self, Application, Transaction, [which], link => {
            suppress::unsuppress(link, &which)
        })
    }

    async fn suppressed(&self, asked: Vec<Listed>) -> Result<Vec<Option<Suppression>>, StoreError> {
        let asked = Arc::new(asked);
        call!(self, Application, Read, [asked], link => suppress::suppressed(link, &asked))
    }

    async fn suppressions(
        &self,
        filter: &SuppressionFilter,
    ) -> Result<Vec<Suppression>, StoreError> {
        let filter = filter.clone();
        call!(self, Application, Read, [filter], link => suppress::suppressions(link, &filter))
    }

    async fn event(
        &self,
        tenant: &TenantId,
        id: EventId,
    ) -> Result<Option<EventRecord>, StoreError> {
        let tenant = tenant.clone();
        call!(self, Application, Read, [tenant], link => query::event(link, &tenant, id))
    }

    async fn delivery(
        &self,
        tenant: &TenantId,
        id: DeliveryId,
    ) -> Result<Option<DeliveryRecord>, StoreError> {
        let tenant = tenant.clone();
        call!(self, Application, Read, [tenant], link => query::delivery(link, &tenant, id))
    }

    async fn history(
        &self,
        tenant: &TenantId,
        id: DeliveryId,
    ) -> Result<Vec<HistoryEntry>, StoreError> {
        let tenant = tenant.clone();
        call!(self, Application, Read, [tenant], link => query::history(link, &tenant, id))
    }

    async fn list(
        &self,
        filter: &DeliveryFilter,
        page: PageToken,
    ) -> Result<Page<DeliveryRecord>, StoreError> {
        let filter = filter.clone();
        call!(self, Application, Read, [filter], link => query::list(link, &filter, page))
    }

    async fn tally(&self, filter: &DeliveryFilter) -> Result<Vec<Tally>, StoreError> {
        let filter = filter.clone();
        call!(self, Application, Read, [filter], link => query::tally(link, &filter))
    }

    async fn purge(&self, retention: &Retention) -> Result<u64, StoreError> {
        let retention = Arc::new(retention.clone());
        let gone = write!(self, [retention], (link, now) => purge::purge(link, now, &retention))?;
        if gone > 0 {
            let emptied =
                call!(self, Application, Transaction, [], link => purge::empty_months(link));
            if let Err(error) = emptied {
                tracing::debug!(%error, "a month of history is in use: the next purge empties it");
            }
        }
        Ok(gone)
    }
}
