//! What is needed to send an event and for nothing else: kept until its last delivery has ended.
//!
//! How many are open is counted in the row itself: two workers that each end one of the last two
//! deliveries do not see each other's, but the second waits for the row of the first.

use signalbus_core::store::StoreError;
use uuid::Uuid;

use crate::database::Link;

/// Deliveries of these events have ended, each named as often as it lost one; says how many secrets
/// are gone with them.
pub(crate) async fn spend(link: &mut Link<'_>, events: &[Uuid]) -> Result<u64, StoreError> {
    if events.is_empty() {
        return Ok(0);
    }
    let query = link
        .query(
            "WITH spent AS (
                 SELECT a.event, count(*) AS ended FROM unnest($1::uuid[]) AS a (event)
                 GROUP BY a.event),
             held AS MATERIALIZED (
                 SELECT x.event FROM signalbus.secret AS x
                 JOIN spent AS p ON x.event = ANY (ARRAY[p.event]) ORDER BY x.event FOR UPDATE OF x)
             UPDATE signalbus.secret AS x
             SET open = x.open - p.ended, body = CASE WHEN x.open > p.ended THEN x.body END
             FROM spent AS p JOIN held AS h ON h.event = p.event
             WHERE x.event = ANY (ARRAY[p.event]) AND x.body IS NOT NULL
             RETURNING x.body IS NULL",
        )
        .bind(events);
    let rows = link.rows(query).await?;
    let mut gone = 0;
    for row in &rows {
        gone += u64::from(crate::codec::Columns::of(row).take::<bool>()?);
    }
    Ok(gone)
}

/// These deliveries are open again: what is still there lasts until they end.
pub(crate) async fn renew(link: &mut Link<'_>, positions: &[i64]) -> Result<(), StoreError> {
    let query = link
        .query(
            "WITH begun AS (
                 SELECT d.event, count(*) AS open FROM signalbus.delivery AS d
                 WHERE d.position = ANY($1) GROUP BY d.event),
             held AS MATERIALIZED (
                 SELECT x.event FROM signalbus.secret AS x
                 JOIN begun AS b ON b.event = x.event ORDER BY x.event FOR UPDATE OF x)
             UPDATE signalbus.secret AS x SET open = x.open + b.open
             FROM begun AS b JOIN held AS h ON h.event = b.event
             WHERE x.event = b.event AND x.body IS NOT NULL",
        )
        .bind(positions);
    link.run(query).await.map(drop)
}
