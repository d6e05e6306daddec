use signalbus_core::{
    clock::Timestamp,
    directory::{Change, Changed, Kind},
    store::StoreError,
};

use super::trail;
use crate::{
    codec::{Columns, micros},
    database::Link,
};

/// Looks at everything first: so nothing is written when one change meets something else. Changes are
/// rare, and made one after the other: nobody else writes between the look and the change.
pub(super) async fn change(
    link: &mut Link<'_>,
    actor: &str,
    changes: &[Change],
) -> Result<Changed, StoreError> {
    let lock = link.query("LOCK TABLE signalbus.entry IN SHARE ROW EXCLUSIVE MODE");
    link.run(lock).await?;
    for (place, change) in changes.iter().enumerate() {
        let revision = revision(link, change).await?;
        let of_another = change.kind == Kind::Key && of_another(link, change).await?;
        if of_another || !change.expect.is_met_by(revision) {
            return Ok(Changed::Conflict(place));
        }
    }
    let now = link.now().await?;
    let mut revisions = Vec::with_capacity(changes.len());
    for change in changes {
        let line = trail::Line {
            owner: &change.owner,
            actor,
            action: &change.action,
            kind: Some(change.kind),
            target: &change.name,
        };
        let revision = trail::write(link, now, &line).await?;
        apply(link, now, change, revision).await?;
        revisions.push(revision);
    }
    Ok(Changed::Done(revisions))
}

async fn revision(link: &mut Link<'_>, change: &Change) -> Result<Option<u64>, StoreError> {
    let query = link
        .query("SELECT revision FROM signalbus.entry WHERE owner = $1 AND kind = $2 AND name = $3")
        .bind(change.owner.as_str())
        .bind(change.kind.as_str())
        .bind(change.name.as_str());
    let rows = link.rows(query).await?;
    rows.first()
        .map(|row| Columns::of(row).number())
        .transpose()
}

/// Whether somebody else has a key of this name.
async fn of_another(link: &mut Link<'_>, change: &Change) -> Result<bool, StoreError> {
    let query = link
        .query("SELECT 1 FROM signalbus.entry WHERE kind = 'key' AND name = $1 AND owner <> $2")
        .bind(change.name.as_str())
        .bind(change.owner.as_str());
    Ok(!link.rows(query).await?.is_empty())
}

async fn apply(
    link: &mut Link<'_>,
    now: Timestamp,
    change: &Change,
    revision: u64,
) -> Result<(), StoreError> {
    let query = match &change.body {
        None => link
            .query("DELETE FROM signalbus.entry WHERE owner = $1 AND kind = $2 AND name = $3")
            .bind(change.owner.as_str())
            .bind(change.kind.as_str())
            .bind(change.name.as_str()),
        Some(body) => link
            .query(
                "INSERT INTO signalbus.entry (owner, kind, name, revision, changed_at, body)
                 VALUES ($1, $2, $3, $4, $5, $6)
                 ON CONFLICT (owner, kind, name) DO UPDATE SET
                     revision = excluded.revision, changed_at = excluded.changed_at,
                     body = excluded.body",
            )
            .bind(change.owner.as_str())
            .bind(change.kind.as_str())
            .bind(change.name.as_str())
            .bind(i64::try_from(revision).unwrap_or(i64::MAX))
            .bind(micros(now))
            .bind(body.to_string()),
    };
    link.run(query).await.map(drop)
}
