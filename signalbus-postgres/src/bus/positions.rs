//! How far consumers of a bus have read.

use std::collections::HashMap;

use signalbus_core::store::{BusAdvance, BusPosition, StoreError, StoreErrorKind};

use crate::{codec::Columns, database::Link, error, text::clean};

type Key = (String, String, String, i64);

fn key(position: &BusPosition) -> Key {
    (
        clean(&position.bus).into_owned(),
        clean(&position.group).into_owned(),
        clean(&position.topic).into_owned(),
        i64::from(position.partition),
    )
}

/// Moves positions, or fails when one is not where it is expected. The row is made first and then
/// locked, so that two consumers meet at it; in one order for everybody.
pub(crate) async fn advance(
    link: &mut Link<'_>,
    advances: &[BusAdvance],
) -> Result<(), StoreError> {
    if advances.is_empty() {
        return Ok(());
    }
    let mut keys: Vec<Key> = advances
        .iter()
        .map(|advance| key(&advance.position))
        .collect();
    keys.sort_unstable();
    keys.dedup();
    let columns = Columnar::of(&keys);
    let make = link
        .query(
            "INSERT INTO signalbus.bus_position (bus, consumers, topic, partition, next)
             SELECT a.*, 0 FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[])
                 AS a (bus, consumers, topic, partition)
             ON CONFLICT DO NOTHING",
        )
        .bind(&columns.buses)
        .bind(&columns.groups)
        .bind(&columns.topics)
        .bind(&columns.partitions);
    link.run(make).await?;
    let lock = link
        .query(
            "SELECT p.bus, p.consumers, p.topic, p.partition, p.next
             FROM signalbus.bus_position AS p
             WHERE (p.bus, p.consumers, p.topic, p.partition) IN (
                 SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]))
             ORDER BY p.bus, p.consumers, p.topic, p.partition FOR UPDATE",
        )
        .bind(&columns.buses)
        .bind(&columns.groups)
        .bind(&columns.topics)
        .bind(&columns.partitions);
    let mut at: HashMap<Key, u64> = HashMap::new();
    for row in &link.rows(lock).await? {
        let mut columns = Columns::of(row);
        let key = (
            columns.take()?,
            columns.take()?,
            columns.take()?,
            columns.int()?,
        );
        at.insert(key, columns.number()?);
    }
    for advance in advances {
        let before = at.insert(key(&advance.position), advance.position.next);
        if before.unwrap_or(0) != advance.expected {
            return Err(StoreError::new(
                StoreErrorKind::StalePosition,
                "another consumer moved the position of the bus: read again from where it is",
            ));
        }
    }
    let moved: Vec<Key> = at.keys().cloned().collect();
    let next = moved
        .iter()
        .map(|key| {
            i64::try_from(at.get(key).copied().unwrap_or(0))
                .map_err(|_| error::invalid("a position of a bus is larger than 2^63"))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let columns = Columnar::of(&moved);
    let write = link
        .query(
            "UPDATE signalbus.bus_position AS p SET next = a.next
             FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[])
                 AS a (bus, consumers, topic, partition, next)
             WHERE p.bus = a.bus AND p.consumers = a.consumers AND p.topic = a.topic
               AND p.partition = a.partition",
        )
        .bind(columns.buses)
        .bind(columns.groups)
        .bind(columns.topics)
        .bind(columns.partitions)
        .bind(next);
    link.run(write).await.map(drop)
}

/// Keys, column by column.
struct Columnar {
    buses: Vec<String>,
    groups: Vec<String>,
    topics: Vec<String>,
    partitions: Vec<i64>,
}

impl Columnar {
    fn of(keys: &[Key]) -> Self {
        Self {
            buses: keys.iter().map(|key| key.0.clone()).collect(),
            groups: keys.iter().map(|key| key.1.clone()).collect(),
            topics: keys.iter().map(|key| key.2.clone()).collect(),
            partitions: keys.iter().map(|key| key.3).collect(),
        }
    }
}

/// The positions of a group of consumers.
pub(crate) async fn positions(
    link: &mut Link<'_>,
    bus: &str,
    group: &str,
) -> Result<Vec<BusPosition>, StoreError> {
    let query = link
        .query(
            "SELECT topic, partition, next FROM signalbus.bus_position
             WHERE bus = $1 AND consumers = $2 ORDER BY topic, partition",
        )
        .bind(clean(bus).into_owned())
        .bind(clean(group).into_owned());
    let rows = link.rows(query).await?;
    rows.iter()
        .map(|row| {
            let mut columns = Columns::of(row);
            Ok(BusPosition {
                bus: bus.to_owned(),
                group: group.to_owned(),
                topic: columns.take()?,
                partition: columns.number()?,
                next: columns.number()?,
            })
        })
        .collect()
}
