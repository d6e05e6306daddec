//! Pauses, and what they hold.

use signalbus_core::{
    clock::Timestamp,
    store::{Pause, Paused, Released, StoreError},
};

use crate::{
    codec::{Columns, micros},
    database::Link,
    text::clean,
};

/// Whether the pause `p` holds the delivery `$d`.
macro_rules! holds {
    ($d:literal) => {
        concat!(
            "p.provider = '' AND p.tenant IN ('', ",
            $d,
            ".tenant) AND p.channel IN ('', ",
            $d,
            ".channel) AND (p.topic = ''
              OR p.topic = (SELECT v.topic FROM signalbus.event AS v WHERE v.id = ",
            $d,
            ".event))"
        )
    };
}
pub(crate) use holds;

/// The words of a pause; an empty one narrows nothing.
fn words(what: &Paused) -> [&str; 4] {
    [
        what.tenant.as_ref().map_or("", AsRef::as_ref),
        what.topic.as_ref().map_or("", AsRef::as_ref),
        what.channel.as_ref().map_or("", AsRef::as_ref),
        what.provider.as_ref().map_or("", AsRef::as_ref),
    ]
}

pub(crate) async fn pause(
    link: &mut Link<'_>,
    now: Timestamp,
    pause: &Pause,
) -> Result<bool, StoreError> {
    let [tenant, topic, channel, provider] = words(&pause.what);
    let query = link
        .query(
            "INSERT INTO signalbus.pause (tenant, topic, channel, provider, actor, reason, since)
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING pause",
        )
        .bind(tenant)
        .bind(topic)
        .bind(channel)
        .bind(provider)
        .bind(clean(&pause.actor))
        .bind(clean(&pause.reason))
        .bind(micros(now));
    Ok(!link.rows(query).await?.is_empty())
}

pub(crate) async fn resume(link: &mut Link<'_>, what: &Paused) -> Result<bool, StoreError> {
    let [tenant, topic, channel, provider] = words(what);
    let query = link
        .query(
            "DELETE FROM signalbus.pause
             WHERE tenant = $1 AND topic = $2 AND channel = $3 AND provider = $4 RETURNING pause",
        )
        .bind(tenant)
        .bind(topic)
        .bind(channel)
        .bind(provider);
    Ok(!link.rows(query).await?.is_empty())
}

pub(crate) async fn all(link: &mut Link<'_>) -> Result<Vec<Pause>, StoreError> {
    let query = link.query(
        "SELECT tenant, topic, channel, provider, actor, reason, since
         FROM signalbus.pause ORDER BY pause",
    );
    let rows = link.rows(query).await?;
    rows.iter()
        .map(|row| {
            let mut columns = Columns::of(row);
            let mut what = Paused::everything();
            what.tenant = columns.name_if_any()?;
            what.topic = columns.name_if_any()?;
            what.channel = columns.name_if_any()?;
            what.provider = columns.name_if_any()?;
            let (actor, reason): (String, String) = (columns.take()?, columns.take()?);
            Ok(Pause::new(what, actor, reason).since(columns.time()?))
        })
        .collect()
}

/// Puts back what no pause holds any more. Two that do it at once share it.
pub(crate) async fn release(
    link: &mut Link<'_>,
    now: Timestamp,
    limit: u32,
) -> Result<Released, StoreError> {
    let query = link
        .query(concat!(
            "SELECT d.position FROM signalbus.delivery AS d
             WHERE d.state = 5
               AND NOT EXISTS (SELECT 1 FROM signalbus.pause AS p WHERE ",
            holds!("d"),
            ") ORDER BY d.position LIMIT $1 FOR UPDATE OF d SKIP LOCKED"
        ))
        .bind(i64::from(limit) + 1);
    let rows = link.rows(query).await?;
    let free = rows.iter().map(|row| Columns::of(row).int());
    let mut positions = free.collect::<Result<Vec<_>, _>>()?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = positions.len() > limit;
    positions.truncate(limit);
    let query = link
        .query(
            "UPDATE signalbus.delivery AS d SET state = CASE WHEN d.order_mode >= 2 THEN 4
                 WHEN d.due <= $2
                   OR (d.due = d.accepted_at AND d.attempt = 0 AND d.generation = 0) THEN 0
                 ELSE 1 END
             WHERE d.position = ANY($1)",
        )
        .bind(&positions)
        .bind(micros(now));
    link.run(query).await?;
    Ok(Released {
        released: u64::try_from(positions.len()).unwrap_or(u64::MAX),
        more,
    })
}
