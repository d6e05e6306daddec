//! When the wall clock goes back, what waits for a time that counts from a moment still to come waits
//! as long again from now, and no longer.

use std::sync::atomic::{AtomicI64, Ordering};

use signalbus_core::{clock::Timestamp, store::StoreError};

use crate::{codec::micros, database::Link};

/// The latest time that was seen. Before the first look nobody knows what it was.
#[derive(Debug)]
pub(crate) struct Latest(AtomicI64);

impl Default for Latest {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MAX))
    }
}

impl Latest {
    /// Whether the clock stands behind where it was.
    pub(crate) fn went_back(&self, now: Timestamp) -> bool {
        let now = micros(now);
        now < self.0.swap(now, Ordering::Relaxed)
    }
}

pub(crate) async fn rewind(link: &mut Link<'_>, now: Timestamp) -> Result<(), StoreError> {
    let query = link
        .query(
            "UPDATE signalbus.delivery SET due = $1 + due - waits_since, waits_since = $1,
                 state = CASE WHEN state = 0 AND due > waits_since THEN 1 ELSE state END
             WHERE state IN (0, 1, 3, 4, 5) AND waits_since > $1",
        )
        .bind(micros(now));
    link.run(query).await.map(drop)
}
