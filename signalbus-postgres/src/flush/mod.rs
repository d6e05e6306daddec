//! Claims and results of a worker.
//!
//! The common flush is one statement, which commits by itself. What it cannot do in one statement
//! (an effect that a claim of the same flush has to meet, a claim that is refused) takes more of
//! them, in a transaction.

mod claim;
mod settled;
mod write;

use std::{collections::HashSet, sync::Arc};

use signalbus_core::store::{
    Claim, Effect, Flush, Flushed, LaneId, LaneLease, NewEvent, Next, Settle, StoreError,
    Suppression,
};

use self::write::Written;
use crate::{
    accept,
    codec::lane_column,
    database::{Database, Link, Mode, Use},
    error, receipts, siblings, suppress, takes,
};

/// Refuses what this version does not know, before anything is written.
pub(crate) fn check(flush: &Flush) -> Result<(), StoreError> {
    for settle in &flush.settles {
        if !matches!(
            settle.next,
            Next::Retry(_) | Next::Later { .. } | Next::End(..)
        ) {
            return Err(error::unsupported(
                "this version of signalbus-postgres does not know what should come next",
            ));
        }
        if !settle
            .effects
            .iter()
            .all(|effect| matches!(effect, Effect::Suppress(_) | Effect::Accept(_)))
        {
            return Err(error::unsupported(
                "this version of signalbus-postgres does not know an effect",
            ));
        }
    }
    Ok(())
}

/// Claims and results, and the leases of their lanes.
#[derive(Debug, Default)]
struct Batch {
    lanes: Vec<i64>,
    epochs: Vec<i64>,
    claims: Vec<Claim>,
    settles: Vec<Settle>,
}

impl Batch {
    fn of(leases: &[LaneLease], claims: &[Claim], settles: &[Settle]) -> Self {
        let used: HashSet<LaneId> = claims
            .iter()
            .map(|claim| claim.lane)
            .chain(settles.iter().map(|settle| settle.lane))
            .collect();
        let leases = leases.iter().filter(|lease| used.contains(&lease.lane));
        let (lanes, epochs) = leases
            .map(|lease| (lane_column(lease.lane), lease.epoch.0.cast_signed()))
            .unzip();
        Self {
            lanes,
            epochs,
            claims: claims.to_vec(),
            settles: settles.to_vec(),
        }
    }

    /// Whether one statement can write all of it.
    fn is_plain(&self) -> bool {
        let settled: HashSet<i64> = self.settles.iter().map(|one| one.position.0).collect();
        let plain = |one: &Settle| one.effects.is_empty() && one.refunds.is_empty();
        let takes = |one: &Claim| settled.contains(&one.position.0) || !one.takes.is_empty();
        self.settles.iter().all(plain) && !self.claims.iter().any(takes)
    }
}

/// Writes results and claims.
pub(crate) async fn flush(
    database: &Arc<Database>,
    lanes: u16,
    leases: &[LaneLease],
    flush: &Flush,
) -> Result<Flushed, StoreError> {
    let batch = Arc::new(Batch::of(leases, &flush.claims, &flush.settles));
    let plain = batch.is_plain();
    let mode = if plain { Mode::Once } else { Mode::Transaction };
    let shared = Arc::clone(&batch);
    let written = database
        .call(Use::Worker, mode, move |link| {
            let batch = Arc::clone(&shared);
            Box::pin(async move {
                if plain {
                    write::write(link, &batch).await
                } else {
                    in_turn(link, lanes, &batch).await
                }
            })
        })
        .await?;
    finish(database, &batch, written).await?.answer(&batch)
}

/// Results, what they bring about, and then the claims that have to meet it.
async fn in_turn(link: &mut Link<'_>, lanes: u16, batch: &Batch) -> Result<Written, StoreError> {
    let part = |claims, settles| Batch {
        lanes: batch.lanes.clone(),
        epochs: batch.epochs.clone(),
        claims,
        settles,
    };
    let mut locked = takes::lock(link, &batch.claims, &batch.settles).await?;
    let first = part(Vec::new(), batch.settles.clone());
    let mut written = write::write(link, &first).await?;
    let applied = written.applied(&first);
    let suppressions: Vec<&Suppression> = applied
        .iter()
        .flat_map(|settle| &settle.effects)
        .filter_map(|effect| match effect {
            Effect::Suppress(suppression) => Some(suppression),
            _ => None,
        })
        .collect();
    suppress::suppress(link, written.now, &suppressions).await?;
    let effects = applied.iter().flat_map(|settle| &settle.effects);
    let children = effects.filter_map(|effect| match effect {
        Effect::Accept(event) => Some(NewEvent::clone(event)),
        _ => None,
    });
    accept::accept(link, lanes, &children.collect::<Vec<_>>()).await?;
    for settle in &applied {
        locked.give_back(&settle.refunds);
    }
    let second = part(batch.claims.clone(), Vec::new());
    let claims = claim_taking(link, &second, locked).await?;
    written.take(claims, |nth| nth);
    Ok(written)
}

/// Writes claims, and takes what they take.
async fn claim_taking(
    link: &mut Link<'_>,
    batch: &Batch,
    mut locked: takes::Locked,
) -> Result<Written, StoreError> {
    let mut written = write::write(link, batch).await?;
    let mut late = Vec::new();
    for (nth, claim) in batch.claims.iter().enumerate() {
        if written.is_claimed(nth)
            && let Err(until) = locked.take(claim, written.now)
        {
            written.put_off(nth, until);
            late.push((claim.position.0, until));
        }
    }
    locked.write(link).await?;
    takes::put_off(link, written.now, &late).await?;
    Ok(written)
}

/// What hangs on what was written: claims that were refused end, and receipts that waited for a
/// result are applied. Should the process die before, the claim is refused again, and the receipt
/// is found by the sweep.
async fn finish(
    database: &Arc<Database>,
    batch: &Arc<Batch>,
    mut written: Written,
) -> Result<Written, StoreError> {
    let settled: Vec<i64> = written
        .applied(batch)
        .iter()
        .map(|settle| settle.position.0)
        .collect();
    let refused: Vec<usize> = written.unanswered(batch);
    let parked = written.parked && !settled.is_empty();
    if refused.is_empty() && !parked {
        return Ok(written);
    }
    let (batch, settled) = (Arc::clone(batch), Arc::new(settled));
    let refused = Arc::new(refused);
    let again = Arc::clone(&refused);
    let second = database
        .call(Use::Worker, Mode::Transaction, move |link| {
            let (batch, settled) = (Arc::clone(&batch), Arc::clone(&settled));
            let refused = Arc::clone(&again);
            Box::pin(async move {
                let now = link.now().await?;
                if parked {
                    receipts::apply_parked(link, now, &settled).await?;
                    siblings::decide(link, now, &settled, &settled).await?;
                }
                claim::refuse(link, now, &batch, &refused).await
            })
        })
        .await
        .map_err(|error| {
            // The first part is there: the engine has to ask again.
            if error.is_transient() {
                error::ambiguous("a part of the flush was written").with_source(error)
            } else {
                error
            }
        })?;
    written.take(second, |nth| refused[nth]);
    Ok(written)
}
