use signalbus_core::{
    clock::Timestamp,
    directory::{Change, Changed, Kind, Owner},
    store::StoreError,
};
use sqlx::SqliteConnection;

use super::trail;
use crate::{
    codec::{Columns, micros},
    error,
};

/// Looks at everything first: so nothing is written when one change meets something else.
pub(super) async fn change(
    conn: &mut SqliteConnection,
    now: Timestamp,
    actor: &str,
    changes: &[Change],
) -> Result<Changed, StoreError> {
    for (place, change) in changes.iter().enumerate() {
        let revision = revision(conn, &change.owner, change.kind, &change.name).await?;
        let of_another = change.kind == Kind::Key && of_another(conn, change).await?;
        if of_another || !change.expect.is_met_by(revision) {
            return Ok(Changed::Conflict(place));
        }
    }
    let mut revisions = Vec::with_capacity(changes.len());
    for change in changes {
        let line = trail::Line {
            owner: &change.owner,
            actor,
            action: &change.action,
            kind: Some(change.kind),
            target: &change.name,
        };
        let revision = trail::write(conn, now, &line).await?;
        apply(conn, now, change, revision).await?;
        revisions.push(revision);
    }
    Ok(Changed::Done(revisions))
}

async fn revision(
    conn: &mut SqliteConnection,
    owner: &Owner,
    kind: Kind,
    name: &str,
) -> Result<Option<u64>, StoreError> {
    let row = sqlx::query(
        "SELECT revision FROM signalbus_entry WHERE owner = ?1 AND kind = ?2 AND name = ?3",
    )
    .bind(owner.as_str().to_owned())
    .bind(kind.as_str())
    .bind(name.to_owned())
    .fetch_optional(conn)
    .await
    .map_err(error::of)?;
    row.as_ref()
        .map(|row| Columns::of(row).number())
        .transpose()
}

/// Whether somebody else has a key of this name.
async fn of_another(conn: &mut SqliteConnection, change: &Change) -> Result<bool, StoreError> {
    let row = sqlx::query(
        "SELECT 1 FROM signalbus_entry WHERE kind = 'key' AND name = ?1 AND owner <> ?2",
    )
    .bind(change.name.clone())
    .bind(change.owner.as_str().to_owned())
    .fetch_optional(conn)
    .await
    .map_err(error::of)?;
    Ok(row.is_some())
}

async fn apply(
    conn: &mut SqliteConnection,
    now: Timestamp,
    change: &Change,
    revision: u64,
) -> Result<(), StoreError> {
    let query = match &change.body {
        None => {
            sqlx::query("DELETE FROM signalbus_entry WHERE owner = ?1 AND kind = ?2 AND name = ?3")
                .bind(change.owner.as_str().to_owned())
                .bind(change.kind.as_str())
                .bind(change.name.clone())
        }
        Some(body) => sqlx::query(
            "INSERT INTO signalbus_entry (owner, kind, name, revision, changed_at, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (owner, kind, name) DO UPDATE SET
                 revision = excluded.revision, changed_at = excluded.changed_at,
                 body = excluded.body",
        )
        .bind(change.owner.as_str().to_owned())
        .bind(change.kind.as_str())
        .bind(change.name.clone())
        .bind(i64::try_from(revision).unwrap_or(i64::MAX))
        .bind(micros(now))
        .bind(body.to_string()),
    };
    query.execute(conn).await.map_err(error::of)?;
    Ok(())
}
