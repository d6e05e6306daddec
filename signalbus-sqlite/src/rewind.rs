//! When the wall clock goes back, what waits for a time that counts from a moment still to come waits
//! as long again from now, and no longer.

use std::sync::atomic::{AtomicI64, Ordering};

use signalbus_core::{clock::Timestamp, store::StoreError};
use sqlx::SqliteConnection;

use crate::{codec::micros, error, states::state};

/// The latest time that was seen. Before the first look nobody knows what it was.
#[derive(Debug)]
pub(crate) struct Latest(AtomicI64);

impl Latest {
    pub(crate) const fn unknown() -> Self {
        Self(AtomicI64::new(i64::MAX))
    }

    /// Whether the clock stands behind where it was.
    pub(crate) fn went_back(&self, now: Timestamp) -> bool {
        let now = micros(now);
        now < self.0.swap(now, Ordering::Relaxed)
    }
}

/// Whether anything waits longer than it was to.
pub(crate) async fn is_needed(
    conn: &mut SqliteConnection,
    now: Timestamp,
) -> Result<bool, StoreError> {
    sqlx::query_scalar(concat!(
        "SELECT EXISTS (SELECT 1 FROM signalbus_delivery
                        WHERE state IN (",
        state!(ready),
        ", ",
        state!(timed),
        ", ",
        state!(behind),
        ", ",
        state!(held),
        ") AND waits_since > ?1)"
    ))
    .bind(micros(now))
    .fetch_one(conn)
    .await
    .map_err(error::of)
}

pub(crate) async fn rewind(conn: &mut SqliteConnection, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query(concat!(
        "UPDATE signalbus_delivery SET due = ?1 + due - waits_since, waits_since = ?1,
             state = CASE WHEN state = ",
        state!(ready),
        " AND due > waits_since THEN ",
        state!(timed),
        " ELSE state END
         WHERE state IN (",
        state!(ready),
        ", ",
        state!(timed),
        ", ",
        state!(behind),
        ", ",
        state!(held),
        ") AND waits_since > ?1"
    ))
    .bind(micros(now))
    .execute(conn)
    .await
    .map_err(error::of)?;
    Ok(())
}
