//! Connections: a few for each use, so that none starves another.
//!
//! Not a pool of sqlx: that pings a connection each time it is given back, and may keep one whose
//! `begin()` was dropped half-way (<https://github.com/launchbadge/sqlx/pull/4394>). Here only a
//! connection that was used to the end is kept. Whatever else happens (an error, a deadline, a
//! panic, a dropped future), the socket is closed, and the server rolls back.

use std::{
    ops::{Deref, DerefMut},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use signalbus_core::store::{PoolUse, StoreError};
use sqlx::{ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{error, task::Moment};

/// Behind this much idling, a connection is tried before it is used: a firewall may have
/// forgotten it.
const STALE: Duration = Duration::from_secs(60);

/// Up to so many connections for one use.
#[derive(Debug)]
pub(crate) struct Connections {
    options: PgConnectOptions,
    most: u32,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<(PgConnection, Moment)>>,
    waiting: AtomicU64,
}

/// One that waits, until it is dropped.
struct Waiting<'a>(&'a AtomicU64);

impl<'a> Waiting<'a> {
    fn in_line(count: &'a AtomicU64) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection in use. Closed when dropped, unless it was given back.
#[derive(Debug)]
pub(crate) struct Held {
    connection: Option<PgConnection>,
    /// Whether it was used before: it may have been closed by the server since.
    pub(crate) reused: bool,
    home: Arc<Connections>,
    _permit: OwnedSemaphorePermit,
}

impl Connections {
    pub(crate) fn new(options: PgConnectOptions, most: u32) -> Arc<Self> {
        Arc::new(Self {
            options,
            most,
            permits: Arc::new(Semaphore::new(usize::try_from(most).unwrap_or(1))),
            idle: Mutex::new(Vec::new()),
            waiting: AtomicU64::new(0),
        })
    }

    /// Waits for a connection. Cancel safe.
    pub(crate) async fn get(self: &Arc<Self>) -> Result<Held, StoreError> {
        let waiting = Waiting::in_line(&self.waiting);
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        drop(waiting);
        let permit = permit.map_err(|_| error::unavailable("the store was closed"))?;
        let mut reused = true;
        let connection = loop {
            match self.take() {
                Some((connection, since)) if since.age() < STALE => break connection,
                Some((mut connection, _)) => {
                    if connection.ping().await.is_ok() {
                        break connection;
                    }
                }
                None => {
                    reused = false;
                    break self.options.connect().await.map_err(error::of_connect)?;
                }
            }
        };
        Ok(Held {
            connection: Some(connection),
            reused,
            home: Arc::clone(self),
            _permit: permit,
        })
    }

    /// How they are used now.
    pub(crate) fn used(&self, name: &'static str) -> PoolUse {
        let most = usize::try_from(self.most).unwrap_or(1);
        let in_use = most.saturating_sub(self.permits.available_permits());
        PoolUse {
            name,
            in_use: in_use as u64,
            idle: self.list().len() as u64,
            waiting: self.waiting.load(Ordering::Relaxed),
        }
    }

    fn take(&self) -> Option<(PgConnection, Moment)> {
        self.list().pop()
    }

    /// Closes what is idle: a connection that broke says that the server went away.
    pub(crate) fn forget(&self) {
        self.list().clear();
    }

    /// Waits for what is in use, and closes all. Cancel safe.
    pub(crate) async fn close(&self) {
        // Fails when it was closed before.
        let all = self.permits.acquire_many(self.most).await;
        self.permits.close();
        drop(all);
        let idle = std::mem::take(&mut *self.list());
        for (connection, _) in idle {
            // The server notices either way.
            let _ = connection.close().await;
        }
    }

    fn list(&self) -> std::sync::MutexGuard<'_, Vec<(PgConnection, Moment)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Gives the connection back: nothing is in flight on it, and no transaction is open.
    pub(crate) fn give_back(mut self) {
        if let Some(connection) = self.connection.take() {
            self.home.list().push((connection, Moment::now()));
        }
    }

    /// Closes it, and all that idle beside it.
    pub(crate) fn broken(self) {
        self.home.forget();
    }
}

impl Deref for Held {
    type Target = PgConnection;

    #[expect(clippy::expect_used, reason = "only `give_back` takes it, and ends it")]
    fn deref(&self) -> &PgConnection {
        self.connection.as_ref().expect("it is in use")
    }
}

impl DerefMut for Held {
    #[expect(clippy::expect_used, reason = "only `give_back` takes it, and ends it")]
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.connection.as_mut().expect("it is in use")
    }
}
