//! What operators ask.

use std::collections::HashMap;

use signalbus_core::{
    id::{DeliveryId, EventId},
    name::{ChannelName, TenantId},
    store::{
        DeliveryFilter, DeliveryRecord, EventRecord, HistoryEntry, Page, PageToken, Position,
        Reason, State, StoreError, StoredRecipient, Tally,
    },
};
use sqlx::{QueryBuilder, SqliteConnection};

use crate::{
    codec::{self, Columns},
    error, filter, history as entries, row,
    states::{state, state_of},
};

/// One event with its deliveries.
pub(crate) async fn event(
    conn: &mut SqliteConnection,
    tenant: &TenantId,
    id: EventId,
) -> Result<Option<EventRecord>, StoreError> {
    let found = sqlx::query(concat!(
        "SELECT ",
        row::event_columns!(),
        ", e.parent FROM signalbus_event AS e WHERE e.id = ?1 AND e.tenant = ?2"
    ))
    .bind(id.as_uuid().as_bytes().to_vec())
    .bind(tenant.as_str())
    .fetch_optional(&mut *conn)
    .await
    .map_err(error::of)?;
    let Some(found) = found else {
        return Ok(None);
    };
    let rows = sqlx::query(concat!(
        "SELECT ",
        row::delivery_columns!(),
        " FROM signalbus_event AS e
          CROSS JOIN signalbus_delivery AS d
            ON d.position >= e.first_position AND d.position < e.first_position + e.deliveries
          WHERE e.id = ?1 ORDER BY d.position"
    ))
    .bind(id.as_uuid().as_bytes().to_vec())
    .fetch_all(&mut *conn)
    .await
    .map_err(error::of)?;
    let recipients = recipients(conn, id).await?;
    let mut columns = Columns::of(&found);
    let event = row::event(&mut columns)?;
    let parent = columns.uuid_or_none()?.map(EventId::from_uuid);
    let deliveries = rows.iter().map(|row| row::delivery(&mut Columns::of(row)));
    let deliveries = deliveries.collect::<Result<_, StoreError>>()?;
    let mut record = EventRecord::new(event, recipients, deliveries);
    record.parent = parent;
    Ok(Some(record))
}

async fn recipients(
    conn: &mut SqliteConnection,
    id: EventId,
) -> Result<Vec<StoredRecipient>, StoreError> {
    let rows = sqlx::query(
        "SELECT r.key, r.content FROM signalbus_event AS e
         CROSS JOIN signalbus_recipient AS r ON r.event = e.event
         WHERE e.id = ?1 ORDER BY r.place",
    )
    .bind(id.as_uuid().as_bytes().to_vec())
    .fetch_all(conn)
    .await
    .map_err(error::of)?;
    rows.iter()
        .map(|row| {
            let mut columns = Columns::of(row);
            let key = columns.recipient_key()?;
            let content: Option<Vec<u8>> = columns.take_or_none()?;
            Ok(StoredRecipient {
                key,
                content: content.map(Into::into),
            })
        })
        .collect()
}

/// One delivery.
pub(crate) async fn delivery(
    conn: &mut SqliteConnection,
    tenant: &TenantId,
    id: DeliveryId,
) -> Result<Option<DeliveryRecord>, StoreError> {
    let row = sqlx::query(concat!(
        "SELECT ",
        row::delivery_columns!(),
        " FROM signalbus_delivery AS d JOIN signalbus_event AS e ON e.event = d.event
          WHERE d.id = ?1 AND d.tenant = ?2"
    ))
    .bind(id.as_uuid().as_bytes().to_vec())
    .bind(tenant.as_str())
    .fetch_optional(conn)
    .await
    .map_err(error::of)?;
    row.as_ref()
        .map(|row| row::delivery(&mut Columns::of(row)))
        .transpose()
}

/// What happened to a delivery.
pub(crate) async fn history(
    conn: &mut SqliteConnection,
    tenant: &TenantId,
    id: DeliveryId,
) -> Result<Vec<HistoryEntry>, StoreError> {
    let position: Option<i64> =
        sqlx::query_scalar("SELECT position FROM signalbus_delivery WHERE id = ?1 AND tenant = ?2")
            .bind(id.as_uuid().as_bytes().to_vec())
            .bind(tenant.as_str())
            .fetch_optional(&mut *conn)
            .await
            .map_err(error::of)?;
    match position {
        Some(position) => entries::read(conn, position).await,
        None => Ok(Vec::new()),
    }
}

/// A page of deliveries.
pub(crate) async fn list(
    conn: &mut SqliteConnection,
    filter: &DeliveryFilter,
    page: PageToken,
) -> Result<Page<DeliveryRecord>, StoreError> {
    if page.limit == 0 {
        return Err(error::invalid(
            "a page needs room for at least one delivery",
        ));
    }
    let mut sql = QueryBuilder::new(concat!(
        "SELECT ",
        row::delivery_columns!(),
        " FROM signalbus_delivery AS d JOIN signalbus_event AS e ON e.event = d.event
          WHERE d.position > "
    ));
    sql.push_bind(page.after.map_or(i64::MIN, |Position(after)| after));
    filter::push(&mut sql, filter);
    sql.push(" ORDER BY d.position LIMIT ");
    sql.push_bind(i64::from(page.limit) + 1);
    let rows = sql.build().fetch_all(conn).await.map_err(error::of)?;
    let mut items = rows
        .iter()
        .map(|row| row::delivery(&mut Columns::of(row)))
        .collect::<Result<Vec<_>, StoreError>>()?;
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|last| PageToken {
        after: Some(last.position),
        limit: page.limit,
    });
    Ok(Page { items, next })
}

/// What is counted together.
type Kind = (TenantId, Option<ChannelName>, State, Option<Reason>);

/// Counts deliveries.
pub(crate) async fn tally(
    conn: &mut SqliteConnection,
    filter: &DeliveryFilter,
) -> Result<Vec<Tally>, StoreError> {
    let mut counts: HashMap<Kind, (u64, i64)> = HashMap::new();
    for indexed in indexed_by(filter.state) {
        let mut sql = QueryBuilder::new(concat!(
            "SELECT d.tenant, d.channel, d.state, d.reason, count(*),
                    min(CASE WHEN d.state IN (",
            state!(ready),
            ", ",
            state!(timed),
            ", ",
            state!(behind),
            ") AND d.due < 253402128000000000 THEN d.due ELSE d.accepted_at END)
             FROM signalbus_delivery AS d LEFT JOIN signalbus_event AS e ON e.event = d.event
             WHERE "
        ));
        sql.push(indexed);
        filter::push(&mut sql, filter);
        sql.push(" GROUP BY d.tenant, d.channel, d.state, d.reason");
        let rows = sql.build().fetch_all(&mut *conn).await.map_err(error::of)?;
        for row in &rows {
            let mut columns = Columns::of(row);
            let key = (
                columns.name()?,
                columns.name_or_none()?,
                state_of(columns.take()?),
                columns.take_or_none::<String>()?.map(Reason::from),
            );
            let (count, oldest): (u64, i64) = (columns.number()?, columns.take()?);
            let total = counts.entry(key).or_insert((0, oldest));
            *total = (total.0 + count, total.1.min(oldest));
        }
    }
    let mut tallies = counts
        .into_iter()
        .map(|((tenant, channel, state, reason), (count, oldest))| {
            Ok(Tally {
                tenant,
                channel,
                state,
                reason,
                count,
                oldest: Some(codec::time(oldest)?),
            })
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    tallies.sort_by(|a, b| {
        let key = |tally: &Tally| {
            (
                tally.tenant.clone(),
                tally.channel.clone(),
                tally.state.as_str(),
                tally.reason.clone(),
            )
        };
        key(a).cmp(&key(b))
    });
    Ok(tallies)
}

/// What waits is counted index by index: reading all that ever ended would cost more.
fn indexed_by(state: Option<State>) -> &'static [&'static str] {
    match state {
        Some(State::Waiting) => &[
            concat!("d.state = ", state!(ready)),
            concat!("d.state = ", state!(timed)),
            concat!("d.state = ", state!(behind)),
        ],
        _ => &["true"],
    }
}
