//! Forgetting one person, over all tables.

use signalbus_core::{
    clock::Timestamp,
    store::{EndState, Entry, Erase, Erased, Reason, StoreError},
};
use uuid::Uuid;

use crate::{
    codec::{Columns, SENDING, end_code, micros},
    database::Link,
    history,
    order::{self, OrderKey},
    receipts, secret, siblings,
};

/// The first state that is an end.
const FIRST_END: i64 = 10;

/// Recipients of events, as columns.
struct Places {
    events: Vec<Uuid>,
    places: Vec<i64>,
}

/// A delivery of theirs.
struct Theirs {
    position: i64,
    event: Uuid,
    state: i64,
    key: OrderKey,
}

impl Theirs {
    fn is_open(&self) -> bool {
        self.state < FIRST_END
    }
}

/// Forgets what is kept of a person, up to a number of recipients; in a transaction.
pub(crate) async fn erase(
    link: &mut Link<'_>,
    now: Timestamp,
    erase: &Erase,
) -> Result<Erased, StoreError> {
    let limit = usize::try_from(erase.limit).unwrap_or(usize::MAX);
    let mut theirs = find(link, erase).await?;
    let mut erased = Erased {
        more: theirs.events.len() > limit,
        ..Erased::default()
    };
    theirs.events.truncate(limit);
    theirs.places.truncate(limit);
    if theirs.events.is_empty() {
        return Ok(erased);
    }
    let deliveries = deliveries(link, &theirs).await?;
    let positions: Vec<i64> = deliveries.iter().map(|one| one.position).collect();

    erased.receipts = receipts::forget_for(link, &positions).await?;
    erased.cancelled = end(link, now, &positions).await?;
    let query = link
        .query("DELETE FROM signalbus.rendering WHERE position = ANY($1)")
        .bind(&positions);
    erased.renderings = link.run(query).await?;
    let query = link
        .query(
            "UPDATE signalbus.delivery
             SET rendered = false, message_id = NULL, message_hash = NULL
             WHERE position = ANY($1) AND message_id IS NOT NULL",
        )
        .bind(&positions);
    erased.message_ids = link.run(query).await?;
    let query = link
        .query(
            "UPDATE signalbus.delivery SET rendered = false WHERE position = ANY($1) AND rendered",
        )
        .bind(&positions);
    link.run(query).await?;
    history::erase(link, &positions).await?;
    tell(link, now, erase, &deliveries).await?;
    let query = link
        .query(
            "UPDATE signalbus.recipient AS r SET content = NULL
             FROM unnest($1::uuid[], $2::bigint[]) AS a (event, place)
             WHERE r.event = a.event AND r.place = a.place AND r.content IS NOT NULL",
        )
        .bind(&theirs.events)
        .bind(&theirs.places);
    erased.recipients = link.run(query).await?;
    let open = deliveries.iter().filter(|one| one.is_open());
    let ended: Vec<Uuid> = open.map(|one| one.event).collect();
    erased.secrets = secret::spend(link, &ended).await?;
    forget_events(link, &theirs.events, &mut erased).await?;
    let open = deliveries.iter().filter(|one| one.is_open());
    let moved: Vec<i64> = open.map(|one| one.position).collect();
    let keys: Vec<OrderKey> = deliveries.into_iter().map(|one| one.key).collect();
    order::wake(link, &keys).await?;
    siblings::decide(link, now, &moved, &[]).await?;
    Ok(erased)
}

async fn find(link: &mut Link<'_>, erase: &Erase) -> Result<Places, StoreError> {
    let keys: Vec<&[u8]> = erase.keys.iter().map(|key| key.0.as_slice()).collect();
    let addresses = erase.addresses.iter();
    let addresses: Vec<&[u8]> = addresses.map(|hash| hash.0.as_slice()).collect();
    let query = link
        .query(
            "SELECT f.event, f.place FROM (
                 SELECT r.event, r.place
                 FROM signalbus.recipient AS r JOIN signalbus.event AS e ON e.id = r.event
                 WHERE r.key = ANY($1) AND e.tenant = $3 AND r.content IS NOT NULL
                 UNION
                 SELECT r.event, r.place
                 FROM signalbus.delivery AS d JOIN signalbus.recipient AS r
                   ON r.event = d.event AND r.place = d.recipient
                 WHERE d.address = ANY($2) AND d.tenant = $3 AND r.content IS NOT NULL) AS f
             ORDER BY f.event, f.place LIMIT $4",
        )
        .bind(keys)
        .bind(addresses)
        .bind(erase.tenant.as_str())
        .bind(i64::from(erase.limit) + 1);
    let rows = link.rows(query).await?;
    let (mut events, mut places) = (Vec::new(), Vec::new());
    for row in &rows {
        let mut columns = Columns::of(row);
        events.push(columns.uuid()?);
        places.push(columns.int()?);
    }
    Ok(Places { events, places })
}

/// Locks them, in the order in which everybody does.
async fn deliveries(link: &mut Link<'_>, theirs: &Places) -> Result<Vec<Theirs>, StoreError> {
    let query = link
        .query(
            "SELECT d.position, d.event, d.state, d.order_key, d.tenant
             FROM unnest($1::uuid[], $2::bigint[]) AS a (event, place)
             JOIN signalbus.event AS e ON e.id = a.event
             JOIN signalbus.delivery AS d
               ON d.position BETWEEN e.first_position AND e.last_position AND d.event = e.id
              AND d.recipient = a.place
             ORDER BY d.position FOR UPDATE OF d",
        )
        .bind(&theirs.events)
        .bind(&theirs.places);
    let rows = link.rows(query).await?;
    rows.iter()
        .map(|row| {
            let mut columns = Columns::of(row);
            Ok(Theirs {
                position: columns.int()?,
                event: columns.uuid()?,
                state: columns.int()?,
                key: OrderKey(columns.int()?, columns.take()?),
            })
        })
        .collect()
}

/// Ends what is open, also what is in flight: its result then finds no claim.
async fn end(link: &mut Link<'_>, now: Timestamp, positions: &[i64]) -> Result<u64, StoreError> {
    let query = link
        .query(
            "UPDATE signalbus.delivery
             SET state = $2, holds = false, cancelled = true, reason = $3, ended_at = $4,
                 claim_epoch = NULL, claimed_at = NULL, alone = NULL
             WHERE position = ANY($1) AND state < 10",
        )
        .bind(positions)
        .bind(i16::try_from(end_code(EndState::Cancelled)).unwrap_or_default())
        .bind(Reason::Erased.as_str())
        .bind(micros(now));
    link.run(query).await
}

async fn tell(
    link: &mut Link<'_>,
    now: Timestamp,
    erase: &Erase,
    deliveries: &[Theirs],
) -> Result<(), StoreError> {
    let entries = deliveries.iter().map(|one| {
        let (actor, in_flight) = (erase.actor.clone(), one.state == SENDING);
        (one.position, Entry::Erased { actor, in_flight })
    });
    history::append(link, now, &entries.collect::<Vec<_>>()).await
}

/// What is left of events whose recipients are all erased.
async fn forget_events(
    link: &mut Link<'_>,
    events: &[Uuid],
    erased: &mut Erased,
) -> Result<(), StoreError> {
    let query = link
        .query(
            "UPDATE signalbus.event AS e SET content = '', file_bytes = 0
             WHERE e.id = ANY($1) AND NOT EXISTS (
                 SELECT 1 FROM signalbus.recipient AS r
                 WHERE r.event = e.id AND r.content IS NOT NULL)
             RETURNING e.id",
        )
        .bind(events);
    let rows = link.rows(query).await?;
    let empty = rows.iter().map(|row| Columns::of(row).uuid());
    let empty = empty.collect::<Result<Vec<_>, _>>()?;
    erased.events = u64::try_from(empty.len()).unwrap_or(u64::MAX);
    let query = link
        .query("DELETE FROM signalbus.attachment WHERE event = ANY($1)")
        .bind(&empty);
    erased.files = link.run(query).await?;
    Ok(())
}
