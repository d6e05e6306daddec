//! Deliveries that wait for another one of their event.

use signalbus_core::{
    clock::Timestamp,
    id::DeliveryId,
    store::{After, EndState, Entry, Reason, StoreError, Verdict},
};
use sqlx::SqliteConnection;

use crate::{
    batch,
    codec::{Columns, micros},
    error, history,
    order::{self, OrderKey},
    secret,
    states::{end_code, state, state_of},
};

/// Whether the delivery `s` has reached its recipient, for the delivery `c` that waits for it: as
/// [`After::verdict`] says.
macro_rules! reached {
    () => {
        concat!(
            "(s.receipt_rank <> 4 AND (s.receipt_rank >= c.unless OR (s.state = ",
            $crate::states::state!(accepted),
            " AND c.unless <= 2)) OR (s.state = ",
            $crate::states::state!(not_needed),
            " AND s.reason = 'reached'))"
        )
    };
}
pub(crate) use reached;

/// One that waits, and what its sibling means for it.
struct Waiting {
    position: i64,
    order: OrderKey,
    verdict: Verdict,
}

/// Something became of these deliveries: ends or releases those that wait for them; but for those of
/// `except`, whose own results were written beside: their next claim looks.
pub(crate) async fn decide(
    conn: &mut SqliteConnection,
    now: Timestamp,
    mut moved: Vec<i64>,
    except: &[i64],
) -> Result<(), StoreError> {
    if moved.is_empty() || !any(conn).await? {
        return Ok(());
    }
    // What ends here may be waited for in turn.
    while !moved.is_empty() {
        let mut waiting = find(conn, &moved).await?;
        waiting.retain(|one| !except.contains(&one.position));
        let of = |verdict| {
            let its = waiting.iter().filter(move |one| one.verdict == verdict);
            its.map(|one| one.position).collect::<Vec<i64>>()
        };
        release(conn, now, &of(Verdict::Send)).await?;
        moved = of(Verdict::NotNeeded);
        let ended = waiting.into_iter();
        let ended = ended.filter(|one| one.verdict == Verdict::NotNeeded);
        let keys: Vec<OrderKey> = ended.map(|one| one.order).collect();
        end(conn, now, &moved, &keys).await?;
    }
    Ok(())
}

async fn any(conn: &mut SqliteConnection) -> Result<bool, StoreError> {
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM signalbus_delivery INDEXED BY signalbus_delivery_after
                        WHERE after IS NOT NULL AND state < 10)",
    )
    .fetch_one(conn)
    .await
    .map_err(error::of)
}

async fn find(conn: &mut SqliteConnection, moved: &[i64]) -> Result<Vec<Waiting>, StoreError> {
    let rows = sqlx::query(concat!(
        "SELECT w.position, w.order_key, w.tenant, w.after, w.unless,
                s.state, s.reason, s.receipt_rank
         FROM json_each(?1) AS j
         CROSS JOIN signalbus_delivery AS s ON s.position = j.value
         CROSS JOIN signalbus_delivery AS w INDEXED BY signalbus_delivery_after
           ON w.after = s.id AND w.state < 10 AND w.state <> ",
        state!(sending),
        " AND w.tenant = s.tenant
         ORDER BY w.position"
    ))
    .bind(batch::rows(moved)?)
    .fetch_all(conn)
    .await
    .map_err(error::of)?;
    rows.iter()
        .map(|row| {
            let mut columns = Columns::of(row);
            let position = columns.take()?;
            let order = OrderKey(columns.take()?, columns.take()?);
            let mut after = After::failed(DeliveryId::from_uuid(columns.uuid()?));
            after.unless = columns.number()?;
            let state = state_of(columns.take()?);
            let reason = columns.take_or_none::<String>()?.map(Reason::from);
            let verdict = after.verdict(state, reason.as_ref(), columns.number()?);
            Ok(Waiting {
                position,
                order,
                verdict,
            })
        })
        .collect()
}

async fn release(
    conn: &mut SqliteConnection,
    now: Timestamp,
    positions: &[i64],
) -> Result<(), StoreError> {
    if positions.is_empty() {
        return Ok(());
    }
    sqlx::query(concat!(
        "UPDATE signalbus_delivery SET due = min(due, ?2),
             state = CASE state WHEN ",
        state!(timed),
        " THEN ",
        state!(ready),
        " ELSE state END
         WHERE position IN (SELECT value FROM json_each(?1)) AND attempt = 0"
    ))
    .bind(batch::rows(positions)?)
    .bind(micros(now))
    .execute(conn)
    .await
    .map_err(error::of)?;
    Ok(())
}

async fn end(
    conn: &mut SqliteConnection,
    now: Timestamp,
    positions: &[i64],
    keys: &[OrderKey],
) -> Result<(), StoreError> {
    if positions.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE signalbus_delivery SET state = ?2, holds = 0, reason = ?3, ended_at = ?4
         WHERE position IN (SELECT value FROM json_each(?1))",
    )
    .bind(batch::rows(positions)?)
    .bind(end_code(EndState::NotNeeded))
    .bind(Reason::Reached.as_str())
    .bind(micros(now))
    .execute(&mut *conn)
    .await
    .map_err(error::of)?;
    let ended = |position: &i64| {
        let (state, reason, detail) = (EndState::NotNeeded, Reason::Reached, None);
        let entry = Entry::Ended {
            state,
            reason,
            detail,
        };
        (*position, entry)
    };
    let entries: Vec<_> = positions.iter().map(ended).collect();
    history::append(conn, now, &entries).await?;
    secret::forget_of(conn, positions).await?;
    order::let_go(conn, micros(now), keys).await
}
