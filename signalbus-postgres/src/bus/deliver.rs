//! The statements of the bus. A group has rows of its own, in the order in which they were published.

use std::{fmt, sync::Arc, time::Duration};

use signalbus_core::{
    bus::{BusError, Envelope},
    store::StoreError,
};

use super::table::Shared;
use crate::{
    codec::Columns,
    database::{Link, Mode, Use, Work, now},
    text::clean,
};

/// Adds envelopes for each group that reads their topic, in their order.
pub(super) async fn publish(link: &mut Link<'_>, batch: &[Envelope]) -> Result<(), StoreError> {
    let topics: Vec<_> = batch.iter().map(|one| clean(&one.topic)).collect();
    let keys: Vec<&[u8]> = batch.iter().map(|one| one.key.as_slice()).collect();
    let headers: Vec<Option<String>> = batch
        .iter()
        .map(|one| Some(&one.headers).filter(|headers| !headers.is_empty()))
        .map(|headers| serde_json::to_string(headers?).ok())
        .collect();
    let payloads: Vec<&[u8]> = batch.iter().map(|one| &*one.payload).collect();
    let insert = link
        .query(concat!(
            "INSERT INTO signalbus.envelope (published_at, topic, consumers, key, headers, payload)
             SELECT ",
            now!(),
            ", a.topic, coalesce(c.consumers, ''), a.key, a.headers, a.payload
             FROM unnest($2::text[], $3::bytea[], $4::text[], $5::bytea[])
                 WITH ORDINALITY AS a (topic, key, headers, payload, nth)
             LEFT JOIN signalbus.consumers AS c ON c.topic = a.topic
             ORDER BY a.nth"
        ))
        .bind(link.dialect.test_time())
        .bind(topics)
        .bind(keys)
        .bind(headers)
        .bind(payloads);
    link.run(insert).await.map(drop)
}

/// An envelope that was handed out.
#[derive(Debug)]
pub(super) struct Handed {
    pub(super) id: i64,
    pub(super) repeats: u32,
    pub(super) envelope: Envelope,
}

/// A group of consumers of a topic.
#[derive(Clone)]
pub(super) struct Group {
    pub(super) shared: Arc<Shared>,
    pub(super) topic: String,
    pub(super) group: String,
}

/// How many envelopes that waited for nobody a new group takes over at once.
const ADOPTED: i64 = 1_000;

/// Counted only so far: a larger number means no more than that there is much.
const MOST_COUNTED: i64 = 100_000;

impl Group {
    /// From now on what is published is for this group too; and what waited for nobody.
    pub(super) async fn join(&self) -> Result<(), BusError> {
        let (topic, group) = self.names();
        self.call("joining the group", Mode::Once, move |link| {
            let (topic, group) = (topic.clone(), group.clone());
            Box::pin(async move {
                let join = link
                    .query(concat!(
                        "INSERT INTO signalbus.consumers (topic, consumers, since)
                         SELECT $2, $3, ",
                        now!(),
                        " WHERE NOT EXISTS (SELECT 1 FROM signalbus.consumers
                                            WHERE topic = $2 AND consumers = $3)
                         ON CONFLICT DO NOTHING"
                    ))
                    .bind(link.dialect.test_time())
                    .bind(topic)
                    .bind(group);
                link.run(join).await.map(drop)
            })
        })
        .await
    }

    /// Gives all groups what was published when there was none, or before it was seen: a publisher may commit
    /// late. Answers how many envelopes that were.
    pub(super) async fn adopt(&self) -> Result<u64, BusError> {
        let (topic, _) = self.names();
        self.call("looking for what waits", Mode::Once, move |link| {
            let topic = topic.clone();
            Box::pin(async move {
                let adopt = link
                    .query(
                        "WITH found AS (
                             DELETE FROM signalbus.envelope AS e
                             WHERE e.topic = $1 AND e.consumers = '' AND e.envelope = ANY (ARRAY(
                                 SELECT o.envelope FROM signalbus.envelope AS o
                                 WHERE o.topic = $1 AND o.consumers = ''
                                 ORDER BY o.envelope LIMIT $2 FOR UPDATE SKIP LOCKED))
                             RETURNING e.*)
                         INSERT INTO signalbus.envelope
                             (envelope, published_at, topic, consumers, key, headers, payload)
                         SELECT f.envelope, f.published_at, f.topic, c.consumers, f.key, f.headers,
                                f.payload
                         FROM found AS f JOIN signalbus.consumers AS c ON c.topic = f.topic",
                    )
                    .bind(topic)
                    .bind(ADOPTED);
                link.run(adopt).await
            })
        })
        .await
    }

    /// Takes what nobody has, behind a place, for so long.
    pub(super) async fn take(
        &self,
        after: i64,
        limit: usize,
        time: Duration,
    ) -> Result<Vec<Handed>, BusError> {
        let (topic, group) = self.names();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let time = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        self.call("reading", Mode::Once, move |link| {
            let (topic, group) = (topic.clone(), group.clone());
            Box::pin(async move {
                let take = link
                    .query(concat!(
                        "WITH t AS MATERIALIZED (SELECT ",
                        now!(),
                        " AS now),
                         taken AS (
                             UPDATE signalbus.envelope AS e
                             SET until = t.now + $6, handed = e.handed + 1
                             FROM t
                             WHERE e.topic = $2 AND e.consumers = $3 AND e.envelope = ANY (ARRAY(
                                 SELECT o.envelope FROM signalbus.envelope AS o, t
                                 WHERE o.topic = $2 AND o.consumers = $3 AND o.envelope > $4
                                   AND o.until <= t.now
                                 ORDER BY o.envelope LIMIT $5 FOR UPDATE OF o SKIP LOCKED))
                             RETURNING e.envelope, e.handed, e.key, e.headers, e.payload)
                         SELECT * FROM taken ORDER BY envelope"
                    ))
                    .bind(link.dialect.test_time())
                    .bind(topic.clone())
                    .bind(group)
                    .bind(after)
                    .bind(limit)
                    .bind(time);
                let rows = link.rows(take).await?;
                rows.iter()
                    .map(|row| handed(&topic, &mut Columns::of(row)))
                    .collect()
            })
        })
        .await
    }

    /// What is stored is not needed any more.
    pub(super) async fn ack(&self, ids: Vec<i64>) -> Result<(), BusError> {
        let (topic, group) = self.names();
        self.call("acknowledging", Mode::Once, move |link| {
            let (topic, group, ids) = (topic.clone(), group.clone(), ids.clone());
            Box::pin(async move {
                let ack = link
                    .query(
                        "DELETE FROM signalbus.envelope
                         WHERE topic = $1 AND consumers = $2 AND envelope = ANY ($3::bigint[])",
                    )
                    .bind(topic)
                    .bind(group)
                    .bind(ids);
                link.run(ack).await.map(drop)
            })
        })
        .await
    }

    /// Gives back at once what was handed out and is not acknowledged.
    pub(super) async fn give_back(&self, ids: Vec<i64>) -> Result<(), BusError> {
        let (topic, group) = self.names();
        self.call("leaving the group", Mode::Once, move |link| {
            let (topic, group, ids) = (topic.clone(), group.clone(), ids.clone());
            Box::pin(async move {
                let give = link
                    .query(
                        "UPDATE signalbus.envelope SET until = 0
                         WHERE topic = $1 AND consumers = $2 AND envelope = ANY ($3::bigint[])",
                    )
                    .bind(topic)
                    .bind(group)
                    .bind(ids);
                link.run(give).await.map(drop)
            })
        })
        .await
    }

    /// Envelopes that were not acknowledged.
    pub(super) async fn lag(&self) -> Result<u64, BusError> {
        let (topic, group) = self.names();
        self.call("asking for the lag", Mode::Read, move |link| {
            let (topic, group) = (topic.clone(), group.clone());
            Box::pin(async move {
                let count = link
                    .query(
                        "SELECT count(*) FROM (
                             SELECT 1 FROM signalbus.envelope
                             WHERE topic = $1 AND consumers IN ($2, '') LIMIT $3) AS counted",
                    )
                    .bind(topic)
                    .bind(group)
                    .bind(MOST_COUNTED);
                let rows = link.rows(count).await?;
                let count = rows.first().map(|row| Columns::of(row).number());
                count.transpose().map(Option::unwrap_or_default)
            })
        })
        .await
    }

    /// The group is no more, nor what waits for it.
    pub(super) async fn forget(&self) -> Result<u64, BusError> {
        let (topic, group) = self.names();
        self.call("forgetting a group", Mode::Transaction, move |link| {
            let (topic, group) = (topic.clone(), group.clone());
            Box::pin(async move {
                let leave = link
                    .query("DELETE FROM signalbus.consumers WHERE topic = $1 AND consumers = $2")
                    .bind(topic.clone())
                    .bind(group.clone());
                link.run(leave).await?;
                let forget = link
                    .query("DELETE FROM signalbus.envelope WHERE topic = $1 AND consumers = $2")
                    .bind(topic)
                    .bind(group);
                link.run(forget).await
            })
        })
        .await
    }

    fn names(&self) -> (String, String) {
        (self.topic.clone(), self.group.clone())
    }

    async fn call<T, F>(&self, doing: &str, mode: Mode, work: F) -> Result<T, BusError>
    where
        T: Send + 'static,
        F: for<'a, 'c> FnMut(&'a mut Link<'c>) -> Work<'a, T> + Send + 'static,
    {
        let doing = format!("{doing} on the topic `{}`", self.topic);
        self.shared.call(&doing, Use::Worker, mode, work).await
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("topic", &self.topic)
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}

fn handed(topic: &str, columns: &mut Columns<'_>) -> Result<Handed, StoreError> {
    let id = columns.int()?;
    let handed: u32 = columns.number()?;
    let mut envelope = Envelope::new(topic, columns.take::<Vec<u8>>()?, Vec::new());
    let headers: Option<String> = columns.take_or_none()?;
    let headers = headers.and_then(|text| serde_json::from_str(&text).ok());
    envelope.headers = headers.unwrap_or_default();
    envelope.payload = columns.take::<Vec<u8>>()?.into();
    Ok(Handed {
        id,
        repeats: handed.saturating_sub(1),
        envelope,
    })
}
