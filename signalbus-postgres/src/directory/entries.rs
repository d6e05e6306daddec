use signalbus_core::{
    clock::Timestamp,
    directory::{Entry, Kind, NamePage, Owner},
    store::StoreError,
};
use sqlx::postgres::PgRow;

use crate::{
    codec::{Columns, micros},
    database::Link,
    error,
};

pub(super) async fn entry(
    link: &mut Link<'_>,
    owner: &Owner,
    kind: Kind,
    name: &str,
) -> Result<Option<Entry>, StoreError> {
    // Postgres takes no NUL, and no entry has one.
    if name.contains('\0') {
        return Ok(None);
    }
    let query = link
        .query(
            "SELECT owner, kind, name, revision, changed_at, used_at, body FROM signalbus.entry
             WHERE owner = $1 AND kind = $2 AND name = $3",
        )
        .bind(owner.as_str())
        .bind(kind.as_str())
        .bind(name);
    let rows = link.rows(query).await?;
    rows.first().map(read).transpose()
}

pub(super) async fn key(link: &mut Link<'_>, id: &str) -> Result<Option<Entry>, StoreError> {
    if id.contains('\0') {
        return Ok(None);
    }
    let query = link
        .query(
            "SELECT owner, kind, name, revision, changed_at, used_at, body FROM signalbus.entry
             WHERE kind = 'key' AND name = $1",
        )
        .bind(id);
    let rows = link.rows(query).await?;
    rows.first().map(read).transpose()
}

pub(super) async fn entries(
    link: &mut Link<'_>,
    owner: &Owner,
    kind: Kind,
    page: &NamePage,
) -> Result<Vec<Entry>, StoreError> {
    // No name is empty, and none has a NUL: one that is cut there sorts as the whole does.
    let after = page.after.as_deref().unwrap_or_default();
    let after = after.split('\0').next().unwrap_or_default();
    let query = link
        .query(
            "SELECT owner, kind, name, revision, changed_at, used_at, body FROM signalbus.entry
             WHERE owner = $1 AND kind = $2 AND name > $3 AND changed_at >= $5 AND changed_at < $6
             ORDER BY name LIMIT $4",
        )
        .bind(owner.as_str())
        .bind(kind.as_str())
        .bind(after)
        .bind(i64::from(page.limit))
        .bind(page.changed_from.map_or(i64::MIN, micros))
        .bind(page.changed_before.map_or(i64::MAX, micros));
    link.rows(query).await?.iter().map(read).collect()
}

/// Revisions are given under the lock of [`change`](super::change), and so in the order of commits.
pub(super) async fn changed(
    link: &mut Link<'_>,
    kind: Kind,
    after: u64,
    limit: u32,
) -> Result<Vec<Entry>, StoreError> {
    let query = link
        .query(
            "SELECT owner, kind, name, revision, changed_at, used_at, body FROM signalbus.entry
             WHERE kind = $1 AND revision > $2 ORDER BY revision LIMIT $3",
        )
        .bind(kind.as_str())
        .bind(i64::try_from(after).unwrap_or(i64::MAX))
        .bind(i64::from(limit));
    link.rows(query).await?.iter().map(read).collect()
}

pub(super) async fn used(link: &mut Link<'_>, id: &str, at: Timestamp) -> Result<(), StoreError> {
    let query = link
        .query(
            "UPDATE signalbus.entry SET used_at = $2
             WHERE kind = 'key' AND name = $1 AND coalesce(used_at < $2, true)",
        )
        .bind(crate::text::clean(id))
        .bind(micros(at));
    link.run(query).await.map(drop)
}

fn read(row: &PgRow) -> Result<Entry, StoreError> {
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
