//! How far consumers of a bus have read.

use std::collections::HashMap;

use signalbus_core::store::{BusAdvance, BusPosition, StoreError, StoreErrorKind};
use sqlx::SqliteConnection;

use crate::{batch, codec::Columns, error};

/// Moves positions, or fails when one is not where it is expected.
pub(crate) async fn advance(
    conn: &mut SqliteConnection,
    advances: &[BusAdvance],
) -> Result<(), StoreError> {
    if advances.is_empty() {
        return Ok(());
    }
    let keys: Vec<_> = advances
        .iter()
        .map(|BusAdvance { position, .. }| {
            (
                &position.bus,
                &position.group,
                &position.topic,
                position.partition,
            )
        })
        .collect();
    let rows = sqlx::query(
        "SELECT j.key, p.next
         FROM jsonb_each(?1) AS j
         CROSS JOIN signalbus_bus_position AS p
           ON p.bus = j.value ->> 0 AND p.consumers = j.value ->> 1
          AND p.topic = j.value ->> 2 AND p.partition = j.value ->> 3",
    )
    .bind(batch::rows(&keys)?)
    .fetch_all(&mut *conn)
    .await
    .map_err(error::of)?;
    let mut at = HashMap::new();
    for row in &rows {
        let mut columns = Columns::of(row);
        let item: usize = columns.number()?;
        if let Some(key) = keys.get(item) {
            at.insert(*key, columns.number::<u64>()?);
        }
    }
    for (key, advance) in keys.iter().zip(advances) {
        if at.insert(*key, advance.position.next).unwrap_or(0) != advance.expected {
            return Err(StoreError::new(
                StoreErrorKind::StalePosition,
                "another consumer moved the position of the bus: read again from where it is",
            ));
        }
    }
    let moved = at
        .iter()
        .map(|((bus, group, topic, partition), next)| {
            let next = i64::try_from(*next)
                .map_err(|_| error::invalid("a position of a bus is larger than 2^63"))?;
            Ok((bus, group, topic, partition, next))
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    sqlx::query(
        "INSERT INTO signalbus_bus_position (bus, consumers, topic, partition, next)
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4
         FROM jsonb_each(?1) WHERE true
         ON CONFLICT (bus, consumers, topic, partition) DO UPDATE SET next = excluded.next",
    )
    .bind(batch::rows(&moved)?)
    .execute(conn)
    .await
    .map_err(error::of)?;
    Ok(())
}

/// The positions of a group of consumers.
pub(crate) async fn positions(
    conn: &mut SqliteConnection,
    bus: &str,
    group: &str,
) -> Result<Vec<BusPosition>, StoreError> {
    let rows = sqlx::query(
        "SELECT topic, partition, next FROM signalbus_bus_position
         WHERE bus = ?1 AND consumers = ?2 ORDER BY topic, partition",
    )
    .bind(bus)
    .bind(group)
    .fetch_all(conn)
    .await
    .map_err(error::of)?;
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
