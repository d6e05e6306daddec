use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use redis::{Pipeline, Script, pipe};
use signalbus_core::{
    bus::{BusError, BusErrorKind},
    limit::{Ask, LimitError, LimitErrorKind, Limiter, Slots, check_asks},
};

use crate::{RedisConfig, connection::Connection, error};

const DOING: &str = "taking slots";

/// Limits that all processes share that use the same server and prefix.
///
/// A key of Redis for each key of a limit, gone as soon as it says nothing any more. Time is that of the
/// server. A server that forgets, by a crash, a flush or an eviction, allows one burst more for each key.
/// All asks of a call travel together; in a cluster one after the other.
pub struct RedisLimiter {
    connection: Connection,
    prefix: String,
    script: Script,
}

impl RedisLimiter {
    /// A limiter on the server that the configuration names. Does not connect yet.
    #[must_use]
    pub fn open(config: RedisConfig) -> Self {
        Self {
            connection: Connection::new(Arc::new(config.server), config.deadline),
            prefix: config.prefix,
            script: Script::new(include_str!("take.lua")),
        }
    }

    /// Runs the script for these asks by its hash, or by its text where the server does not know it.
    async fn run(&self, asks: &[Ask]) -> Result<Vec<(u32, i64)>, LimitError> {
        let by_hash = self.calls("EVALSHA", self.script.get_hash(), asks);
        match self.connection.attempt(&by_hash, Duration::ZERO).await {
            Err(Some(error)) if error::code_of(&error).as_deref() == Some("NOSCRIPT") => {}
            Err(Some(error)) => return Err(of(error::of(DOING, error))),
            Err(None) => return Err(of(error::late(DOING))),
            Ok(answers) => return Ok(answers),
        }
        let by_text = self.calls("EVAL", include_str!("take.lua"), asks);
        let answers = self.connection.run(DOING, &by_text, Duration::ZERO).await;
        answers.map_err(of)
    }

    fn calls(&self, command: &str, script: &str, asks: &[Ask]) -> Pipeline {
        let mut calls = pipe();
        for ask in asks {
            calls
                .cmd(command)
                .arg(script)
                .arg(1)
                .arg(format!("{}limit:{}", self.prefix, ask.key.as_str()))
                .arg(micros(ask.limit.interval()))
                .arg(ask.limit.burst())
                .arg(ask.units)
                .arg(micros(ask.patience));
        }
        calls
    }
}

impl fmt::Debug for RedisLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisLimiter")
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Limiter for RedisLimiter {
    async fn take(&self, asks: Vec<Ask>) -> Result<Vec<Slots>, LimitError> {
        check_asks(&asks)?;
        if asks.is_empty() {
            return Ok(Vec::new());
        }
        let together = if self.connection.is_cluster() {
            1
        } else {
            asks.len()
        };
        let mut answers = Vec::with_capacity(asks.len());
        for asks in asks.chunks(together) {
            answers.extend(self.run(asks).await?);
        }
        let slots = asks
            .iter()
            .zip(answers)
            .map(|(ask, (granted, first))| Slots::new(ask.limit, granted, first));
        Ok(slots.collect())
    }
}

fn of(error: BusError) -> LimitError {
    let kind = match error.kind() {
        BusErrorKind::Invalid => LimitErrorKind::Invalid,
        _ => LimitErrorKind::Unavailable,
    };
    LimitError::new(kind, error.to_string())
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
