//! Claims and results of a worker, in one transaction: results first, so that a claim meets what
//! they changed.

mod claim;
mod settle;

use std::collections::HashMap;

use signalbus_core::{
    clock::Timestamp,
    store::{Effect, Flush, Flushed, LaneId, LaneLease, Next, StoreError},
};
use sqlx::SqliteConnection;

use crate::{error, takes};

/// The lanes that the worker still owns, with their epochs.
type Owned = HashMap<LaneId, i64>;

/// Refuses what this version does not know, before anything is written.
pub(crate) fn check(flush: &Flush) -> Result<(), StoreError> {
    for settle in &flush.settles {
        if !matches!(
            settle.next,
            Next::Retry(_) | Next::Later { .. } | Next::End(..)
        ) {
            return Err(error::unsupported(
                "this version of signalbus-sqlite does not know what should come next",
            ));
        }
        if !settle
            .effects
            .iter()
            .all(|effect| matches!(effect, Effect::Suppress(_) | Effect::Accept(_)))
        {
            return Err(error::unsupported(
                "this version of signalbus-sqlite does not know an effect",
            ));
        }
    }
    Ok(())
}

/// Writes results and claims.
pub(crate) async fn flush(
    conn: &mut SqliteConnection,
    now: Timestamp,
    lanes: u16,
    leases: &[LaneLease],
    flush: &Flush,
) -> Result<Flushed, StoreError> {
    let owned: Owned = crate::lanes::current(conn, leases)
        .await?
        .into_iter()
        .collect();
    let settles = settle::settle(conn, now, lanes, &owned, &flush.settles).await?;
    let repeated = takes::repeated(conn, &flush.claims).await?;
    let mut claims = claim::claim(conn, now, &owned, &flush.claims).await?;
    takes::take(conn, now, &flush.claims, &mut claims, &repeated).await?;
    Ok(Flushed {
        now,
        claims,
        settles,
    })
}
