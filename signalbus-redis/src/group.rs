//! What one consumer asks the server about its group.

use std::{collections::HashMap, time::Duration};

use redis::{Pipeline, Value, pipe};
use signalbus_core::bus::BusError;

use crate::{
    connection::Connection,
    entry::{self, Entry},
    error,
};

/// One consumer of a group on a stream.
#[derive(Clone)]
pub(crate) struct Group {
    pub(crate) connection: Connection,
    pub(crate) topic: String,
    pub(crate) stream: String,
    pub(crate) group: String,
    pub(crate) consumer: String,
}

/// Entries, and how often each was handed out before.
pub(crate) type Handed = Vec<(Entry, u32)>;

impl Group {
    /// Makes stream and group where they are missing: a new group starts with the oldest entry.
    pub(crate) async fn make(&self) -> Result<(), BusError> {
        let mut make = pipe();
        make.cmd("XGROUP")
            .arg("CREATE")
            .arg(&self.stream)
            .arg(&self.group)
            .arg("0")
            .arg("MKSTREAM");
        let doing = "joining the group";
        match self.ask::<()>(doing, &make, Duration::ZERO).await {
            Err(error) if error.to_string().contains("BUSYGROUP") => Ok(()),
            made => made,
        }
    }

    /// Waits for entries that nobody was handed, at most so long.
    pub(crate) async fn fresh(&self, limit: usize, wait: Duration) -> Result<Handed, BusError> {
        let mut read = pipe();
        read.cmd("XREADGROUP")
            .arg("GROUP")
            .arg(&self.group)
            .arg(&self.consumer)
            .arg("COUNT")
            .arg(limit)
            .arg("BLOCK")
            .arg(millis(wait))
            .arg("STREAMS")
            .arg(&self.stream)
            .arg(">");
        let (answer,): (Value,) = self.ask("reading", &read, wait).await?;
        let streams = match answer {
            Value::Array(streams) => streams.into_iter().next(),
            // As RESP3 has it.
            Value::Map(streams) => streams
                .into_iter()
                .next()
                .map(|(name, entries)| Value::Array(vec![name, entries])),
            _ => None,
        };
        let entries = match streams {
            Some(Value::Array(parts)) => parts.into_iter().nth(1),
            _ => None,
        };
        let Some(Value::Array(entries)) = entries else {
            return Ok(Vec::new());
        };
        let read = entries
            .into_iter()
            .filter_map(|value| entry::read(&self.topic, value));
        Ok(read.map(|entry| (entry, 0)).collect())
    }

    /// Takes over entries that were handed out and not acknowledged for so long.
    pub(crate) async fn abandoned(&self, limit: usize, idle: Duration) -> Result<Handed, BusError> {
        let doing = "taking over what was abandoned";
        let mut claim = pipe();
        claim
            .cmd("XAUTOCLAIM")
            .arg(&self.stream)
            .arg(&self.group)
            .arg(&self.consumer)
            .arg(millis(idle))
            .arg("0-0")
            .arg("COUNT")
            .arg(limit);
        let (answer,): (Value,) = self.ask(doing, &claim, Duration::ZERO).await?;
        let Value::Array(parts) = answer else {
            return Err(error::unexpected(doing));
        };
        let Some(Value::Array(entries)) = parts.into_iter().nth(1) else {
            return Err(error::unexpected(doing));
        };
        let entries: Vec<Entry> = entries
            .into_iter()
            .filter_map(|value| entry::read(&self.topic, value))
            .collect();
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let mut counts = self.counts(limit).await?;
        let handed = entries.into_iter().map(|entry| {
            let times = counts.remove(&entry.id).unwrap_or(2);
            (entry, times.saturating_sub(1))
        });
        Ok(handed.collect())
    }

    /// How often each entry that this consumer has was handed out, this time included.
    async fn counts(&self, limit: usize) -> Result<HashMap<String, u32>, BusError> {
        let doing = "counting repeats";
        let mut pending = pipe();
        pending
            .cmd("XPENDING")
            .arg(&self.stream)
            .arg(&self.group)
            .arg("-")
            .arg("+")
            .arg(limit.saturating_mul(2))
            .arg(&self.consumer);
        type Row = (String, String, u64, u32);
        let (rows,): (Vec<Row>,) = self.ask(doing, &pending, Duration::ZERO).await?;
        Ok(rows
            .into_iter()
            .map(|(id, _, _, times)| (id, times))
            .collect())
    }

    pub(crate) async fn ack(&self, ids: &[&str]) -> Result<(), BusError> {
        let mut ack = pipe();
        ack.cmd("XACK")
            .arg(&self.stream)
            .arg(&self.group)
            .arg(ids)
            .ignore();
        self.ask("acknowledging", &ack, Duration::ZERO).await
    }

    /// Gives back at once what this consumer has and will not acknowledge, and leaves the group.
    pub(crate) async fn leave(&self) -> Result<(), BusError> {
        let doing = "leaving the group";
        let counts = self.counts(10_000).await?;
        if counts.is_empty() {
            let mut leave = pipe();
            leave
                .cmd("XGROUP")
                .arg("DELCONSUMER")
                .arg(&self.stream)
                .arg(&self.group)
                .arg(&self.consumer)
                .ignore();
            return self.ask(doing, &leave, Duration::ZERO).await;
        }
        // As if it had not been touched for a day: then whoever looks next takes it over.
        const A_DAY: u64 = 86_400_000;
        let mut give = pipe();
        for (id, times) in &counts {
            give.cmd("XCLAIM")
                .arg(&self.stream)
                .arg(&self.group)
                .arg(&self.consumer)
                .arg(0)
                .arg(id)
                .arg("IDLE")
                .arg(A_DAY)
                .arg("RETRYCOUNT")
                .arg(*times)
                .arg("JUSTID")
                .ignore();
        }
        self.ask(doing, &give, Duration::ZERO).await
    }

    /// Entries that were not handed out, or not acknowledged.
    pub(crate) async fn lag(&self) -> Result<u64, BusError> {
        let doing = "asking for the lag";
        let mut ask = pipe();
        ask.cmd("XPENDING").arg(&self.stream).arg(&self.group);
        let (pending,): (Value,) = self.ask(doing, &ask, Duration::ZERO).await?;
        let pending = match pending {
            Value::Array(parts) => match parts.first() {
                Some(Value::Int(count)) => u64::try_from(*count).unwrap_or(0),
                _ => return Err(error::unexpected(doing)),
            },
            _ => return Err(error::unexpected(doing)),
        };
        let last = self.last_delivered().await?;
        let mut count = pipe();
        // Counted only so far: a larger number means no more than that there is much.
        count
            .cmd("XRANGE")
            .arg(&self.stream)
            .arg(format!("({last}"))
            .arg("+")
            .arg("COUNT")
            .arg(MOST_COUNTED);
        let (waiting,): (Value,) = self.ask(doing, &count, Duration::ZERO).await?;
        let waiting = match waiting {
            Value::Array(entries) => u64::try_from(entries.len()).unwrap_or(u64::MAX),
            _ => 0,
        };
        Ok(pending + waiting)
    }

    async fn last_delivered(&self) -> Result<String, BusError> {
        let doing = "asking for the lag";
        let groups = groups(&self.connection, &self.stream, doing).await?;
        let ours = groups.into_iter().find(|one| one.name == self.group);
        ours.map(|one| one.last_delivered)
            .ok_or_else(|| error::unexpected(doing))
    }

    async fn ask<T: redis::FromRedisValue>(
        &self,
        doing: &str,
        commands: &Pipeline,
        blocking: Duration,
    ) -> Result<T, BusError> {
        let doing = format!("{doing} on the topic `{}`", self.topic);
        self.connection.run(&doing, commands, blocking).await
    }
}

const MOST_COUNTED: usize = 10_000;

/// A group of a stream, as the server tells of it.
pub(crate) struct Told {
    pub(crate) name: String,
    pub(crate) last_delivered: String,
}

pub(crate) async fn groups(
    connection: &Connection,
    stream: &str,
    doing: &str,
) -> Result<Vec<Told>, BusError> {
    let mut ask = pipe();
    ask.cmd("XINFO").arg("GROUPS").arg(stream);
    let (groups,): (Vec<HashMap<String, Value>>,) =
        connection.run(doing, &ask, Duration::ZERO).await?;
    let told = groups.into_iter().filter_map(|mut group| {
        Some(Told {
            name: entry::text(group.remove("name")?)?,
            last_delivered: entry::text(group.remove("last-delivered-id")?)?,
        })
    });
    Ok(told.collect())
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)
}
