//! A connection that is made when it is needed, and made anew when it is broken.

use std::{sync::Arc, time::Duration};

use redis::{AsyncConnectionConfig, Client, FromRedisValue, Pipeline, aio::MultiplexedConnection};
use signalbus_core::bus::BusError;
use tokio::sync::Mutex;

use crate::{error, task};

/// Shared by all calls that do not block.
#[derive(Clone)]
pub(crate) struct Connection {
    client: Client,
    deadline: Duration,
    open: Arc<Mutex<Option<MultiplexedConnection>>>,
}

impl Connection {
    pub(crate) fn new(client: Client, deadline: Duration) -> Self {
        Self {
            client,
            deadline,
            open: Arc::default(),
        }
    }

    /// One of its own to the same server, for reads that block.
    pub(crate) fn another(&self) -> Self {
        Self::new(self.client.clone(), self.deadline)
    }

    /// Runs commands in their order, and waits for `blocking` longer than for others.
    pub(crate) async fn run<T: FromRedisValue>(
        &self,
        doing: &str,
        commands: &Pipeline,
        blocking: Duration,
    ) -> Result<T, BusError> {
        let work = async {
            let mut connection = self.connected().await?;
            commands.query_async(&mut connection).await
        };
        match task::within(self.deadline + blocking, work).await {
            Some(Ok(answer)) => Ok(answer),
            Some(Err(error)) => {
                if error.is_io_error() || error.is_unrecoverable_error() || error.is_timeout() {
                    self.forget().await;
                }
                Err(error::of(doing, error))
            }
            None => {
                // Its answers would come to the wrong question.
                self.forget().await;
                Err(error::late(doing))
            }
        }
    }

    async fn connected(&self) -> Result<MultiplexedConnection, redis::RedisError> {
        let mut open = self.open.lock().await;
        if let Some(connection) = &*open {
            return Ok(connection.clone());
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.deadline))
            .set_response_timeout(None);
        let connection = self
            .client
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        *open = Some(connection.clone());
        Ok(connection)
    }

    async fn forget(&self) {
        *self.open.lock().await = None;
    }
}
