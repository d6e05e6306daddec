use signalbus_core::{
    clock::Timestamp,
    directory::{Entry, Kind, NamePage, Owner},
    store::StoreError,
};
use sqlx::{SqliteConnection, sqlite::SqliteRow};

use crate::{
    codec::{Columns, micros},
    error,
};

pub(super) async fn entry(
    conn: &mut SqliteConnection,
    owner: &Owner,
    kind: Kind,
    name: &str,
) -> Result<Option<Entry>, StoreError> {
    let row = sqlx::query(
        "SELECT owner, kind, name, revision, changed_at, used_at, body FROM signalbus_entry
         WHERE owner = ?1 AND kind = ?2 AND name = ?3",
    )
    .bind(owner.as_str().to_owned())
    .bind(kind.as_str())
    .bind(name.to_owned())
    .fetch_optional(conn)
    .await
    .map_err(error::of)?;
    row.as_ref().map(read).transpose()
}

pub(super) async fn key(
    conn: &mut SqliteConnection,
    id: &str,
) -> Result<Option<Entry>, StoreError> {
    let row = sqlx::query(
        "SELECT owner, kind, name, revision, changed_at, used_at, body FROM signalbus_entry
         WHERE kind = 'key' AND name = ?1",
    )
    .bind(id.to_owned())
    .fetch_optional(conn)
    .await
    .map_err(error::of)?;
    row.as_ref().map(read).transpose()
}

pub(super) async fn entries(
    conn: &mut SqliteConnection,
    owner: &Owner,
    kind: Kind,
    page: &NamePage,
) -> Result<Vec<Entry>, StoreError> {
    let rows = sqlx::query(
        "SELECT owner, kind, name, revision, changed_at, used_at, body FROM signalbus_entry
         WHERE owner = ?1 AND kind = ?2 AND name > ?3 AND changed_at >= ?5 AND changed_at < ?6
         ORDER BY name LIMIT ?4",
    )
    .bind(owner.as_str().to_owned())
    .bind(kind.as_str())
    // No name is empty.
    .bind(page.after.clone().unwrap_or_default())
    .bind(i64::from(page.limit))
    .bind(page.changed_from.map_or(i64::MIN, micros))
    .bind(page.changed_before.map_or(i64::MAX, micros))
    .fetch_all(conn)
    .await
    .map_err(error::of)?;
    rows.iter().map(read).collect()
}

pub(super) async fn changed(
    conn: &mut SqliteConnection,
    kind: Kind,
    after: u64,
    limit: u32,
) -> Result<Vec<Entry>, StoreError> {
    let rows = sqlx::query(
        "SELECT owner, kind, name, revision, changed_at, used_at, body FROM signalbus_entry
         WHERE kind = ?1 AND revision > ?2 ORDER BY revision LIMIT ?3",
    )
    .bind(kind.as_str())
    .bind(i64::try_from(after).unwrap_or(i64::MAX))
    .bind(i64::from(limit))
    .fetch_all(conn)
    .await
    .map_err(error::of)?;
    rows.iter().map(read).collect()
}

pub(super) async fn used(
    conn: &mut SqliteConnection,
    id: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE signalbus_entry SET used_at = ?2
         WHERE kind = 'key' AND name = ?1 AND coalesce(used_at < ?2, true)",
    )
    .bind(id.to_owned())
    .bind(micros(at))
    .execute(conn)
    .await
    .map_err(error::of)?;
    Ok(())
}

fn read(row: &SqliteRow) -> Result<Entry, StoreError> {
    let mut columns = Columns::of(row);
    let owner = Owner::parse(&columns.take::<String>()?)
        .map_err(|source| error::corrupt("an owner cannot be read").with_source(source))?;
    let kind = Kind::parse(&columns.take::<String>()?)
        .ok_or_else(|| error::corrupt("a kind is not known"))?;
    Ok(Entry {
        owner,
        kind,
        name: columns.take()?,
        revision: columns.number()?,
        changed_at: columns.time()?,
        used_at: columns.time_or_none()?,
        body: serde_json::from_str(&columns.take::<String>()?)
            .map_err(|source| error::corrupt("an entry cannot be read").with_source(source))?,
    })
}
