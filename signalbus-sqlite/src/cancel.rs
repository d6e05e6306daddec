//! Calling deliveries off.

use signalbus_core::{
    clock::Timestamp,
    id::DeliveryId,
    name::TenantId,
    store::{
        Cancel, CancelAnswer, CancelTarget, Cancelled, EndState, Entry, Reason, State, StoreError,
    },
};
use sqlx::SqliteConnection;

use crate::{
    batch,
    codec::{Columns, micros},
    error, history,
    order::{self, OrderKey},
    secret, siblings,
    states::{end_code, state_of},
};

/// A delivery that somebody wants called off.
struct Target {
    position: i64,
    event: i64,
    id: DeliveryId,
    state: State,
    asked_before: bool,
    key: OrderKey,
}

/// Ends what waits; what is in flight is not tried again.
pub(crate) async fn cancel(
    conn: &mut SqliteConnection,
    now: Timestamp,
    tenant: &TenantId,
    cancel: &Cancel,
) -> Result<Vec<Cancelled>, StoreError> {
    let targets = find(conn, tenant, cancel.target).await?;
    let (mut waiting, mut in_flight) = (Vec::new(), Vec::new());
    let (mut keys, mut entries) = (Vec::new(), Vec::new());
    let mut events = Vec::new();
    let mut answers = Vec::with_capacity(targets.len());
    for target in targets {
        let flying = target.state == State::Sending;
        let answer = match target.state {
            State::Waiting | State::Held => {
                waiting.push(target.position);
                events.push(target.event);
                keys.push(target.key);
                CancelAnswer::Cancelled
            }
            State::Sending => {
                in_flight.push(target.position);
                CancelAnswer::InFlight
            }
            State::Ended(end) => CancelAnswer::Ended(end),
            // Whoever knows where it is may call it off.
            State::Newer => continue,
        };
        if !matches!(answer, CancelAnswer::Ended(_)) && !target.asked_before {
            let entry = Entry::Cancelled {
                actor: cancel.actor.clone(),
                in_flight: flying,
            };
            entries.push((target.position, entry));
        }
        answers.push(Cancelled {
            id: target.id,
            answer,
        });
    }
    end(conn, now, &waiting).await?;
    mark(conn, &in_flight).await?;
    secret::forget(conn, &events).await?;
    history::append(conn, now, &entries).await?;
    order::let_go(conn, micros(now), &keys).await?;
    siblings::decide(conn, now, waiting, &[]).await?;
    Ok(answers)
}

async fn find(
    conn: &mut SqliteConnection,
    tenant: &TenantId,
    target: CancelTarget,
) -> Result<Vec<Target>, StoreError> {
    let (sql, id) = match target {
        CancelTarget::Event(id) => (
            "SELECT d.position, d.event, d.id, d.state, d.cancelled, d.order_key, d.tenant
             FROM signalbus_event AS e
             CROSS JOIN signalbus_delivery AS d
               ON d.position >= e.first_position AND d.position < e.first_position + e.deliveries
             WHERE e.id = ?1 AND e.tenant = ?2 ORDER BY d.position",
            *id.as_uuid(),
        ),
        CancelTarget::Delivery(id) => (
            "SELECT position, event, id, state, cancelled, order_key, tenant
             FROM signalbus_delivery WHERE id = ?1 AND tenant = ?2",
            *id.as_uuid(),
        ),
        _ => {
            return Err(error::unsupported(
                "this version of signalbus-sqlite does not know what to call off",
            ));
        }
    };
    let rows = sqlx::query(sql)
        .bind(id.as_bytes().to_vec())
        .bind(tenant.as_str())
        .fetch_all(conn)
        .await
        .map_err(error::of)?;
    rows.iter()
        .map(|row| {
            let mut columns = Columns::of(row);
            Ok(Target {
                position: columns.take()?,
                event: columns.take()?,
                id: DeliveryId::from_uuid(columns.uuid()?),
                state: state_of(columns.take()?),
                asked_before: columns.take()?,
                key: OrderKey(columns.take()?, columns.take()?),
            })
        })
        .collect()
}

async fn end(
    conn: &mut SqliteConnection,
    now: Timestamp,
    positions: &[i64],
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE signalbus_delivery
         SET state = ?2, holds = 0, cancelled = 1, reason = ?3, ended_at = ?4
         WHERE position IN (SELECT value FROM json_each(?1))",
    )
    .bind(batch::rows(positions)?)
    .bind(end_code(EndState::Cancelled))
    .bind(Reason::Cancelled.as_str())
    .bind(micros(now))
    .execute(conn)
    .await
    .map_err(error::of)?;
    Ok(())
}

async fn mark(conn: &mut SqliteConnection, positions: &[i64]) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE signalbus_delivery SET cancelled = 1
         WHERE position IN (SELECT value FROM json_each(?1))",
    )
    .bind(batch::rows(positions)?)
    .execute(conn)
    .await
    .map_err(error::of)?;
    Ok(())
}
