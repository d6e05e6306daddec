//! A connection that is made when it is needed, and made anew when it is broken.

use std::{sync::Arc, time::Duration};

use redis::{FromRedisValue, Pipeline, RedisError};
use signalbus_core::bus::BusError;
use tokio::sync::Mutex;

use crate::{
    error,
    server::{Link, Server},
    task,
};

/// Shared by all calls that do not block.
#[derive(Clone)]
pub(crate) struct Connection {
    server: Arc<Server>,
    deadline: Duration,
    open: Arc<Mutex<Option<Link>>>,
}

impl Connection {
    pub(crate) fn new(server: Arc<Server>, deadline: Duration) -> Self {
        Self {
            server,
            deadline,
            open: Arc::default(),
        }
    }

    /// One of its own to the same server, for reads that block.
    pub(crate) fn another(&self) -> Self {
        Self::new(Arc::clone(&self.server), self.deadline)
    }

    /// Whether each call may be about one key only.
    pub(crate) fn is_cluster(&self) -> bool {
        self.server.is_cluster()
    }

    /// Runs commands in their order, and waits for `blocking` longer than for others.
    pub(crate) async fn run<T: FromRedisValue>(
        &self,
        doing: &str,
        commands: &Pipeline,
        blocking: Duration,
    ) -> Result<T, BusError> {
        self.attempt(commands, blocking)
            .await
            .map_err(|error| match error {
                Some(error) => error::of(doing, error),
                None => error::late(doing),
            })
    }

    /// The same with the error of the client; none when there was no answer in time.
    pub(crate) async fn attempt<T: FromRedisValue>(
        &self,
        commands: &Pipeline,
        blocking: Duration,
    ) -> Result<T, Option<RedisError>> {
        let work = async { self.connected().await?.run(commands).await };
        let failed = match task::within(self.deadline + blocking, work).await {
            Some(Ok(answer)) => return Ok(answer),
            Some(Err(error)) => Some(error),
            // Its answers would come to the wrong question.
            None => None,
        };
        if failed.as_ref().is_none_or(is_broken) {
            self.forget().await;
        }
        Err(failed)
    }

    async fn connected(&self) -> Result<Link, RedisError> {
        let mut open = self.open.lock().await;
        if let Some(connection) = &*open {
            return Ok(connection.clone());
        }
        let connection = self.server.connect(self.deadline).await?;
        *open = Some(connection.clone());
        Ok(connection)
    }

    async fn forget(&self) {
        *self.open.lock().await = None;
    }
}

/// Whether another connection may do better.
fn is_broken(error: &RedisError) -> bool {
    // A master that was replaced keeps its connections, and takes no writes any more.
    let replaced = matches!(
        error::code_of(error).as_deref(),
        Some("READONLY" | "MASTERDOWN" | "LOADING" | "CLUSTERDOWN")
    );
    replaced || error.is_io_error() || error.is_unrecoverable_error() || error.is_timeout()
}
