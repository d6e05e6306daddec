use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::StreamExt;
use redis::pipe;
use signalbus_core::{Wake, bus::BusError};

use crate::{RedisConfig, connection::Connection, error, server::Server, task};

/// What is told within this time is told once.
const AT_MOST_EVERY: Duration = Duration::from_millis(10);

/// How long to wait before connecting again.
const AGAIN: Duration = Duration::from_secs(1);

/// Wake-ups between processes by publishing and subscribing: who stores work rings, and whoever listens
/// looks for it at once.
///
/// Nothing depends on it: what is lost on the way is found at the next poll, and a process whose server is
/// away works as it would without.
#[derive(Clone)]
pub struct RedisBell {
    inner: Arc<Inner>,
}

struct Inner {
    server: Arc<Server>,
    connection: Connection,
    deadline: Duration,
    channel: String,
    pending: AtomicBool,
}

/// Wakes an engine until it is dropped.
#[derive(Debug)]
#[must_use = "dropping it ends the wake-ups"]
pub struct Listening {
    _task: task::Held,
}

impl RedisBell {
    /// A bell at the server that the configuration names, for all that use its prefix. Does not connect
    /// yet.
    #[must_use]
    pub fn open(config: RedisConfig) -> Self {
        let server = Arc::new(config.server);
        Self {
            inner: Arc::new(Inner {
                connection: Connection::new(Arc::clone(&server), config.deadline),
                server,
                deadline: config.deadline,
                channel: format!("{}work", config.prefix),
                pending: AtomicBool::new(false),
            }),
        }
    }

    /// Rings at all that listen, this process included; for `Builder::tell_others`. Does not block: it
    /// rings within a moment, once for what comes together. Needs a tokio runtime when it is rung.
    pub fn ring(&self) -> Wake {
        let inner = Arc::clone(&self.inner);
        Wake::new(move || {
            if !inner.pending.swap(true, Ordering::SeqCst) {
                task::detached(publish(Arc::clone(&inner)));
            }
        })
    }

    /// Wakes an engine when somebody rings, on a connection of its own that is made again when it
    /// breaks. Cancel safe.
    ///
    /// # Errors
    /// When the server cannot be reached now.
    pub async fn listen(&self, wake: Wake) -> Result<Listening, BusError> {
        let first = subscribe(&self.inner).await?;
        let inner = Arc::clone(&self.inner);
        let task = task::held(async move {
            let mut heard = Some(first);
            loop {
                if let Some(mut messages) = heard.take() {
                    while messages.next().await.is_some() {
                        wake.now();
                    }
                    tracing::debug!("wake-ups are interrupted; polling goes on");
                }
                task::pause(AGAIN).await;
                match subscribe(&inner).await {
                    Ok(messages) => {
                        // What was rung meanwhile is lost.
                        wake.now();
                        heard = Some(messages);
                    }
                    Err(error) => tracing::debug!(%error, "nobody can be heard; polling goes on"),
                }
            }
        });
        Ok(Listening { _task: task })
    }
}

impl fmt::Debug for RedisBell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisBell")
            .field("channel", &self.inner.channel)
            .finish_non_exhaustive()
    }
}

async fn publish(inner: Arc<Inner>) {
    task::pause(AT_MOST_EVERY).await;
    inner.pending.store(false, Ordering::SeqCst);
    let mut publish = pipe();
    publish.cmd("PUBLISH").arg(&inner.channel).arg("").ignore();
    let rung: Result<(), BusError> = inner
        .connection
        .run("ringing", &publish, Duration::ZERO)
        .await;
    if let Err(error) = rung {
        tracing::debug!(%error, "other workers could not be told of new work");
    }
}

async fn subscribe(inner: &Inner) -> Result<redis::aio::PubSubStream, BusError> {
    let doing = "listening";
    let work = async {
        let mut heard = inner.server.listen(inner.deadline).await?;
        heard.subscribe(&inner.channel).await?;
        Ok(heard.into_on_message())
    };
    match task::within(inner.deadline, work).await {
        Some(heard) => heard.map_err(|error| error::of(doing, error)),
        None => Err(error::late(doing)),
    }
}
