//! The history of deliveries: only ever added to, but for a person that is erased.

use signalbus_core::{
    clock::Timestamp,
    store::{Entry, HistoryEntry, StoreError},
};

use crate::{
    codec::{Columns, micros, month, month_of},
    database::Link,
    error,
};

/// The version of the JSON in `history.body`.
pub(crate) const VERSION: i16 = 1;

/// An entry as it is stored. JSON writes a NUL as `\u0000`, which text can keep.
pub(crate) fn body(entry: &Entry) -> Result<String, StoreError> {
    serde_json::to_string(entry).map_err(|source| {
        error::invalid("a history entry cannot be written as JSON").with_source(source)
    })
}

/// Adds entries; those of one delivery in their order.
pub(crate) async fn append(
    link: &mut Link<'_>,
    now: Timestamp,
    entries: &[(i64, Entry)],
) -> Result<(), StoreError> {
    if entries.is_empty() {
        return Ok(());
    }
    let positions: Vec<i64> = entries.iter().map(|(position, _)| *position).collect();
    let bodies = entries
        .iter()
        .map(|(_, entry)| body(entry))
        .collect::<Result<Vec<_>, _>>()?;
    let query = link
        .query(concat!(
            "INSERT INTO signalbus.history (position, at, month, version, body)
             SELECT d.position, $3, ",
            month_of!("d.accepted_at"),
            ", $4, a.body
             FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS a (position, body, nth)
             JOIN signalbus.delivery AS d ON d.position = ANY (ARRAY[a.position])
             ORDER BY a.nth"
        ))
        .bind(positions)
        .bind(bodies)
        .bind(micros(now))
        .bind(VERSION);
    link.run(query).await.map(drop)
}

/// Takes out of the histories of these deliveries what may tell who their recipient was.
pub(crate) async fn erase(link: &mut Link<'_>, positions: &[i64]) -> Result<(), StoreError> {
    let query = link
        .query(
            "SELECT position, entry, at, version, body FROM signalbus.history
             WHERE position = ANY($1) ORDER BY position, entry",
        )
        .bind(positions);
    let rows = link.rows(query).await?;
    let (mut places, mut entries, mut bodies) = (Vec::new(), Vec::new(), Vec::new());
    for row in &rows {
        let mut columns = Columns::of(row);
        let place = (columns.int()?, columns.int()?);
        let mut line = entry(&mut columns)?;
        if line.erase() {
            places.push(place.0);
            entries.push(place.1);
            bodies.push(body(&line.entry)?);
        }
    }
    let query = link
        .query(
            "UPDATE signalbus.history AS h SET body = a.body
             FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS a (position, entry, body)
             WHERE h.position = ANY (ARRAY[a.position]) AND h.entry = ANY (ARRAY[a.entry])",
        )
        .bind(places)
        .bind(entries)
        .bind(bodies);
    link.run(query).await.map(drop)
}

/// All entries of a delivery, oldest first.
pub(crate) async fn read(
    link: &mut Link<'_>,
    position: i64,
    accepted_at: Timestamp,
) -> Result<Vec<HistoryEntry>, StoreError> {
    let query = link
        .query(
            "SELECT at, version, body FROM signalbus.history
             WHERE position = $1 AND month = $2 ORDER BY entry",
        )
        .bind(position)
        .bind(i16::try_from(month(accepted_at)).unwrap_or_default());
    let rows = link.rows(query).await?;
    rows.iter()
        .map(|row| entry(&mut Columns::of(row)))
        .collect()
}

/// An entry as its time, version and body.
pub(crate) fn entry(columns: &mut Columns<'_>) -> Result<HistoryEntry, StoreError> {
    let at = columns.time()?;
    let (version, body): (i64, &str) = (columns.int()?, columns.take()?);
    // What a newer version wrote is shown as it is.
    let entry = if version == i64::from(VERSION) {
        serde_json::from_str(body).map_err(|source| {
            error::corrupt("a history entry cannot be read").with_source(source)
        })?
    } else {
        Entry::Other(serde_json::from_str(body).unwrap_or_else(|_| body.into()))
    };
    Ok(HistoryEntry { at, entry })
}
