//! Wake-ups across processes: whoever stores events tells the others by NOTIFY, in a transaction
//! of its own and at most so often, since a commit with a NOTIFY in it holds up all others of the
//! server. Polling finds what no wake-up told of.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    time::Duration,
};

use signalbus_core::{Wake, store::StoreError};
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::task::JoinHandle;

use crate::{
    database::{Database, Mode, Use},
    error, task,
};

/// What is told within this time is told once.
const AT_MOST_EVERY: Duration = Duration::from_millis(25);

/// How long to wait before connecting again.
const AGAIN: Duration = Duration::from_secs(1);

/// Wakes an engine until it is dropped.
#[derive(Debug)]
#[must_use = "dropping it ends the wake-ups"]
pub struct Listening(JoinHandle<()>);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The channel of an installation.
pub(crate) fn channel(schema: &str) -> String {
    format!("{schema}_work")
}

/// Starts to listen on a connection of its own.
pub(crate) async fn listen(
    options: PgConnectOptions,
    channel: String,
    wake: Wake,
) -> Result<Listening, StoreError> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .max_lifetime(None)
        .idle_timeout(None)
        .test_before_acquire(false)
        .connect_lazy_with(options);
    let mut listener = PgListener::connect_with(&pool)
        .await
        .map_err(error::of_connect)?;
    listener.listen(&channel).await.map_err(error::of)?;
    Ok(Listening(task::start(async move {
        loop {
            match listener.try_recv().await {
                // None: the connection was lost, and with it what was told meanwhile.
                Ok(_) => wake.clone().now(),
                Err(error) => {
                    let error = error::of(error);
                    tracing::debug!(%error, "wake-ups are interrupted; polling goes on");
                    task::pause(AGAIN).await;
                }
            }
        }
    })))
}

/// Tells other processes of new work.
#[derive(Debug)]
pub(crate) struct Teller {
    channel: String,
    pending: AtomicBool,
    company: AtomicU8,
}

const UNKNOWN: u8 = 0;
const ALONE: u8 = 1;
const COMPANY: u8 = 2;

impl Teller {
    pub(crate) fn new(channel: String) -> Arc<Self> {
        Arc::new(Self {
            channel,
            pending: AtomicBool::new(false),
            company: AtomicU8::new(UNKNOWN),
        })
    }

    /// Whether the worker of this process has company.
    pub(crate) fn has_company(&self, company: bool) {
        let company = if company { COMPANY } else { ALONE };
        self.company.store(company, Ordering::Relaxed);
    }

    /// Tells the others soon, if there are any.
    pub(crate) fn tell(self: &Arc<Self>, database: &Arc<Database>) {
        let alone = self.company.load(Ordering::Relaxed) == ALONE;
        if alone || self.pending.swap(true, Ordering::SeqCst) {
            return;
        }
        let (teller, database) = (Arc::clone(self), Arc::clone(database));
        drop(task::start(async move {
            task::pause(AT_MOST_EVERY).await;
            teller.pending.store(false, Ordering::SeqCst);
            let channel = teller.channel.clone();
            let told = database
                .run(Use::Application, Mode::Once, move |link| {
                    let channel = channel.clone();
                    Box::pin(async move {
                        let query = link.query("SELECT pg_notify($1, '')").bind(channel);
                        link.run(query).await.map(drop)
                    })
                })
                .await;
            if let Err(error) = told {
                tracing::debug!(%error, "other workers could not be told of new work");
            }
        }));
    }
}
