//! Calling deliveries off.

use signalbus_core::{
    clock::Timestamp,
    id::DeliveryId,
    name::TenantId,
    store::{
        Cancel, CancelAnswer, CancelTarget, Cancelled, EndState, Entry, Reason, State, StoreError,
    },
};
use uuid::Uuid;

use crate::{
    codec::{Columns, end_code, micros, state_of},
    database::Link,
    error, history,
    order::{self, OrderKey},
    secret, siblings,
};

/// A delivery that somebody wants called off.
struct Target {
    position: i64,
    event: Uuid,
    id: DeliveryId,
    state: State,
    asked_before: bool,
    key: OrderKey,
}

/// Ends what waits; what is in flight is not tried again.
pub(crate) async fn cancel(
    link: &mut Link<'_>,
    now: Timestamp,
    tenant: &TenantId,
    cancel: &Cancel,
) -> Result<Vec<Cancelled>, StoreError> {
    let targets = find(link, tenant, cancel.target).await?;
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
    end(link, now, &waiting).await?;
    let mark = link
        .query("UPDATE signalbus.delivery SET cancelled = true WHERE position = ANY($1)")
        .bind(in_flight);
    link.run(mark).await?;
    history::append(link, now, &entries).await?;
    secret::spend(link, &events).await?;
    order::wake(link, &keys).await?;
    siblings::decide(link, now, &waiting, &[]).await?;
    Ok(answers)
}

/// Locks the rows, so that they are still so when they are written.
async fn find(
    link: &mut Link<'_>,
    tenant: &TenantId,
    target: CancelTarget,
) -> Result<Vec<Target>, StoreError> {
    let (sql, id) = match target {
        CancelTarget::Event(id) => (
            "SELECT d.position, d.event, d.id, d.state, d.cancelled, d.order_key, d.tenant
             FROM signalbus.event AS e
             JOIN signalbus.delivery AS d
               ON d.position BETWEEN e.first_position AND e.last_position AND d.event = e.id
             WHERE e.id = $1 AND e.tenant = $2 ORDER BY d.position FOR UPDATE OF d",
            *id.as_uuid(),
        ),
        CancelTarget::Delivery(id) => (
            "SELECT position, event, id, state, cancelled, order_key, tenant
             FROM signalbus.delivery WHERE id = $1 AND tenant = $2 FOR UPDATE",
            *id.as_uuid(),
        ),
        _ => {
            return Err(error::unsupported(
                "this version of signalbus-postgres does not know what to call off",
            ));
        }
    };
    let query = link.query(sql).bind(id).bind(tenant.as_str());
    let rows = link.rows(query).await?;
    rows.iter()
        .map(|row| {
            let mut columns = Columns::of(row);
            Ok(Target {
                position: columns.int()?,
                event: columns.uuid()?,
                id: DeliveryId::from_uuid(columns.uuid()?),
                state: state_of(columns.int()?),
                asked_before: columns.take()?,
                key: OrderKey(columns.int()?, columns.take()?),
            })
        })
        .collect()
}

async fn end(link: &mut Link<'_>, now: Timestamp, positions: &[i64]) -> Result<(), StoreError> {
    let query = link
        .query(
            "UPDATE signalbus.delivery
             SET state = $2, holds = false, cancelled = true, reason = $3, ended_at = $4
             WHERE position = ANY($1)",
        )
        .bind(positions)
        .bind(i16::try_from(end_code(EndState::Cancelled)).unwrap_or_default())
        .bind(Reason::Cancelled.as_str())
        .bind(micros(now));
    link.run(query).await.map(drop)
}
