//! What operators ask.

use signalbus_core::{
    id::{DeliveryId, EventId},
    name::{ChannelName, TenantId},
    store::{
        DeliveryFilter, DeliveryRecord, EventRecord, HistoryEntry, Page, PageToken, Position,
        Reason, State, StoreError, StoredRecipient, Tally,
    },
};
use sqlx::{Postgres, QueryBuilder};
use std::collections::HashMap;

use crate::{
    codec::{self, Columns, state_of},
    database::{Dialect, Link},
    error, filter, history as entries, row,
};

/// One event with its deliveries.
pub(crate) async fn event(
    link: &mut Link<'_>,
    tenant: &TenantId,
    id: EventId,
) -> Result<Option<EventRecord>, StoreError> {
    let query = link
        .query(concat!(
            "SELECT ",
            row::event_columns!(),
            ", e.parent FROM signalbus.event AS e WHERE e.id = $1 AND e.tenant = $2"
        ))
        .bind(*id.as_uuid())
        .bind(tenant.as_str());
    let found = link.rows(query).await?;
    let Some(found) = found.first() else {
        return Ok(None);
    };
    let query = link
        .query(concat!(
            "SELECT ",
            row::delivery_columns!(),
            " FROM signalbus.event AS e
              JOIN signalbus.delivery AS d
                ON d.position BETWEEN e.first_position AND e.last_position AND d.event = e.id
              WHERE e.id = $1 ORDER BY d.position"
        ))
        .bind(*id.as_uuid());
    let rows = link.rows(query).await?;
    let recipients = recipients(link, id).await?;
    let mut columns = Columns::of(found);
    let event = row::event(&mut columns)?;
    let parent: Option<uuid::Uuid> = columns.take_or_none()?;
    let deliveries = rows.iter().map(|row| row::delivery(&mut Columns::of(row)));
    let deliveries = deliveries.collect::<Result<_, StoreError>>()?;
    let mut record = EventRecord::new(event, recipients, deliveries);
    record.parent = parent.map(EventId::from_uuid);
    Ok(Some(record))
}

async fn recipients(link: &mut Link<'_>, id: EventId) -> Result<Vec<StoredRecipient>, StoreError> {
    let query = link
        .query("SELECT key, content FROM signalbus.recipient WHERE event = $1 ORDER BY place")
        .bind(*id.as_uuid());
    let rows = link.rows(query).await?;
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
    link: &mut Link<'_>,
    tenant: &TenantId,
    id: DeliveryId,
) -> Result<Option<DeliveryRecord>, StoreError> {
    let query = link
        .query(concat!(
            "SELECT ",
            row::delivery_columns!(),
            " FROM signalbus.delivery AS d JOIN signalbus.event AS e ON e.id = d.event
              WHERE d.id = $1 AND d.tenant = $2"
        ))
        .bind(*id.as_uuid())
        .bind(tenant.as_str());
    let rows = link.rows(query).await?;
    rows.first()
        .map(|row| row::delivery(&mut Columns::of(row)))
        .transpose()
}

/// What happened to a delivery.
pub(crate) async fn history(
    link: &mut Link<'_>,
    tenant: &TenantId,
    id: DeliveryId,
) -> Result<Vec<HistoryEntry>, StoreError> {
    let query = link
        .query(
            "SELECT position, accepted_at FROM signalbus.delivery
             WHERE id = $1 AND tenant = $2",
        )
        .bind(*id.as_uuid())
        .bind(tenant.as_str());
    let rows = link.rows(query).await?;
    let Some(row) = rows.first() else {
        return Ok(Vec::new());
    };
    let mut columns = Columns::of(row);
    let (position, accepted_at) = (columns.int()?, columns.time()?);
    entries::read(link, position, accepted_at).await
}

/// Of so few events the deliveries are found faster by their events than by reading on from a place.
const FEW: i64 = 5_000;

/// Whether a topic is asked for that has few events.
async fn of_few_events(link: &mut Link<'_>, filter: &DeliveryFilter) -> Result<bool, StoreError> {
    let Some(topic) = &filter.topic else {
        return Ok(false);
    };
    let count = link
        .query(
            "SELECT count(*) FROM (SELECT 1 FROM signalbus.event WHERE topic = $1 LIMIT $2) AS found",
        )
        .bind(topic.as_str().to_owned())
        .bind(FEW + 1);
    let rows = link.rows(count).await?;
    let count = rows.first().map(|row| Columns::of(row).int()).transpose()?;
    Ok(count.is_some_and(|count| count <= FEW))
}

fn list_query(
    dialect: &Dialect,
    filter: &DeliveryFilter,
    page: PageToken,
    few: bool,
) -> QueryBuilder<Postgres> {
    let mut sql = QueryBuilder::new(dialect.text(concat!(
        "SELECT ",
        row::delivery_columns!(),
        " FROM signalbus.delivery AS d JOIN signalbus.event AS e ON e.id = d.event
          WHERE d.position > "
    )));
    sql.push_bind(page.after.map_or(i64::MIN, |Position(after)| after));
    filter::push(&mut sql, filter, dialect);
    if let Some(topic) = filter.topic.as_ref().filter(|_| few) {
        // As an array: so it is looked up, whatever the statistics say.
        sql.push(dialect.text(
            " AND d.position = ANY (ARRAY(
                 SELECT o.position FROM signalbus.event AS f
                 CROSS JOIN LATERAL (
                     SELECT p.position FROM signalbus.delivery AS p
                     WHERE p.position BETWEEN f.first_position AND f.last_position
                       AND p.event = f.id OFFSET 0) AS o
                 WHERE f.topic = ",
        ));
        sql.push_bind(topic.as_str().to_owned());
        sql.push("))");
    }
    sql.push(" ORDER BY d.position LIMIT ");
    sql.push_bind(i64::from(page.limit) + 1);
    sql
}

/// How the database would look for a page, as JSON.
#[cfg(feature = "__servers")]
pub(crate) async fn explain(
    link: &mut Link<'_>,
    filter: &DeliveryFilter,
    page: PageToken,
) -> Result<String, StoreError> {
    let few = of_few_events(link, filter).await?;
    let mut listed = list_query(link.dialect, filter, page, few);
    let mut listed = listed.build();
    let arguments = sqlx::Execute::take_arguments(&mut listed).ok().flatten();
    let arguments = arguments.ok_or_else(|| error::invalid("no arguments"))?;
    let sql = sqlx::Execute::sql(listed);
    let sql = sql.as_str();
    let sql = sqlx::AssertSqlSafe(format!("EXPLAIN (FORMAT JSON) {sql}"));
    let query = sqlx::query_with(sql, arguments);
    let rows = link.rows(query).await?;
    let row = rows.first().ok_or_else(|| error::corrupt("no plan"))?;
    let plan: serde_json::Value = Columns::of(row).take()?;
    Ok(plan.to_string())
}

/// A page of deliveries.
pub(crate) async fn list(
    link: &mut Link<'_>,
    filter: &DeliveryFilter,
    page: PageToken,
) -> Result<Page<DeliveryRecord>, StoreError> {
    if page.limit == 0 {
        return Err(error::invalid(
            "a page needs room for at least one delivery",
        ));
    }
    let few = of_few_events(link, filter).await?;
    let mut sql = list_query(link.dialect, filter, page, few);
    let query = link.dialect.persist(sql.build());
    let rows = link.rows(query).await?;
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
    link: &mut Link<'_>,
    filter: &DeliveryFilter,
) -> Result<Vec<Tally>, StoreError> {
    let mut sql = QueryBuilder::new(link.dialect.text(
        "SELECT d.tenant, d.channel, d.state, d.reason, count(*),
                min(CASE WHEN d.state IN (0, 1, 3, 4) AND d.due < 253402128000000000
                         THEN d.due ELSE d.accepted_at END)
         FROM signalbus.delivery AS d",
    ));
    if filter.topic.is_some() || filter.event.is_some() {
        sql.push(
            link.dialect
                .text(" JOIN signalbus.event AS e ON e.id = d.event"),
        );
    }
    sql.push(" WHERE true");
    filter::push(&mut sql, filter, link.dialect);
    sql.push(" GROUP BY d.tenant, d.channel, d.state, d.reason");
    let query = link.dialect.persist(sql.build());
    let rows = link.rows(query).await?;
    // Several codes are one state.
    let mut counts: HashMap<Kind, (u64, i64)> = HashMap::new();
    for row in &rows {
        let mut columns = Columns::of(row);
        let key = (
            columns.name()?,
            columns.name_or_none()?,
            state_of(columns.int()?),
            columns.take_or_none::<String>()?.map(Reason::from),
        );
        let (count, oldest): (u64, i64) = (columns.number()?, columns.int()?);
        let total = counts.entry(key).or_insert((0, oldest));
        *total = (total.0 + count, total.1.min(oldest));
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
