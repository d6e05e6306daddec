//! The suppression list.

use std::collections::HashMap;

use signalbus_core::{
    clock::Timestamp,
    name::{ChannelName, TenantId},
    store::{
        AddressHash, Cause, Listed, Scope, StoreError, Suppression, SuppressionFilter, Unsuppress,
    },
};
use sqlx::SqliteConnection;

use crate::{
    batch::{self, Bytes},
    codec::{Columns, micros, time},
    error,
};

/// What stands against a message `c` with the columns of a delivery, as entries `p`. Found by channel and
/// address alone (`+` keeps a column from the index): for `IN` over more of them SQLite makes a table for each
/// message, where nothing is found most of the time.
macro_rules! stands_against {
    () => {
        "p.channel = c.channel AND p.address = c.address AND +p.tenant IN (c.tenant, '')
         AND (c.sender IS NULL OR +p.sender IN (c.sender, ''))
         AND +p.category IN (coalesce(c.category, ''), '')"
    };
}
pub(crate) use stands_against;

/// Puts addresses on the list; the graver cause stays.
pub(crate) async fn suppress(
    conn: &mut SqliteConnection,
    now: Timestamp,
    suppressions: &[&Suppression],
) -> Result<(), StoreError> {
    let mut addresses = Bytes::default();
    // One statement changes a row once: of those with one key the one that stays in the end.
    let mut gravest: HashMap<_, &Suppression> = HashMap::new();
    for suppression in suppressions {
        let key = (
            &suppression.tenant,
            &suppression.channel,
            suppression.address,
            &suppression.scope,
        );
        let stays = gravest.entry(key).or_insert(suppression);
        if stays.cause.gravity() < suppression.cause.gravity() {
            *stays = suppression;
        }
    }
    let rows: Vec<_> = gravest
        .into_values()
        .map(|entry| {
            let (offset, _) = addresses.add(&entry.address.0);
            (
                of_all(entry.tenant.as_ref()),
                &entry.channel,
                offset,
                entry.scope.sender.as_deref().unwrap_or_default(),
                entry.scope.category.as_deref().unwrap_or_default(),
                &entry.cause,
                entry.cause.gravity(),
                &entry.code,
                entry.as_of.map(micros),
            )
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO signalbus_suppression
             (tenant, channel, address, sender, category, cause, gravity, code, as_of, suppressed_at)
         SELECT value ->> 0, value ->> 1, substr(?2, value ->> 2, 16), value ->> 3, value ->> 4,
                value ->> 5, value ->> 6, value ->> 7, value ->> 8, ?3
         FROM jsonb_each(?1) WHERE true
         ON CONFLICT (channel, address, tenant, sender, category) DO UPDATE SET
             cause = excluded.cause, gravity = excluded.gravity, code = excluded.code,
             as_of = excluded.as_of, suppressed_at = excluded.suppressed_at
         WHERE excluded.gravity > gravity",
    )
    .bind(batch::rows(&rows)?)
    .bind(addresses.into_vec())
    .bind(micros(now))
    .execute(conn)
    .await
    .map_err(error::of)?;
    Ok(())
}

/// Takes an entry off the list; says whether it was on it.
pub(crate) async fn unsuppress(
    conn: &mut SqliteConnection,
    which: &Unsuppress,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "DELETE FROM signalbus_suppression
         WHERE tenant = ?1 AND channel = ?2 AND address = ?3 AND sender = ?4 AND category = ?5
           AND cause = coalesce(?6, cause)",
    )
    .bind(of_all(which.tenant.as_ref()).to_owned())
    .bind(which.channel.as_str().to_owned())
    .bind(which.address.0.to_vec())
    .bind(which.scope.sender.clone().unwrap_or_default())
    .bind(which.scope.category.clone().unwrap_or_default())
    .bind(which.only.as_ref().map(|cause| cause.as_str().to_owned()))
    .execute(conn)
    .await
    .map_err(error::of)?;
    Ok(done.rows_affected() > 0)
}

/// The gravest entry that stands against each message.
pub(crate) async fn suppressed(
    conn: &mut SqliteConnection,
    asked: &[Listed],
) -> Result<Vec<Option<Suppression>>, StoreError> {
    let mut addresses = Bytes::default();
    let rows: Vec<_> = asked
        .iter()
        .map(|listed| {
            let (offset, _) = addresses.add(&listed.address.0);
            (
                &listed.tenant,
                &listed.channel,
                offset,
                &listed.sender,
                &listed.category,
            )
        })
        .collect();
    let found = sqlx::query(concat!(
        "SELECT c.place, p.tenant, p.channel, p.address, p.sender, p.category, p.cause, p.code,
                p.as_of
         FROM (SELECT key AS place, value ->> 0 AS tenant, value ->> 1 AS channel,
                      substr(?2, value ->> 2, 16) AS address, value ->> 3 AS sender,
                      value ->> 4 AS category
               FROM jsonb_each(?1)) AS c
         JOIN signalbus_suppression AS p ON ",
        stands_against!(),
        " ORDER BY p.gravity DESC, p.suppressed_at"
    ))
    .bind(batch::rows(&rows)?)
    .bind(addresses.into_vec())
    .fetch_all(conn)
    .await
    .map_err(error::of)?;
    let mut answers = vec![None; asked.len()];
    for row in &found {
        let mut columns = Columns::of(row);
        let place: usize = columns.number()?;
        let entry = entry(&mut columns)?;
        if let Some(answer) = answers.get_mut(place)
            && answer.is_none()
        {
            *answer = Some(entry);
        }
    }
    Ok(answers)
}

const LIST: &str = "SELECT tenant, channel, address, sender, category, cause, code, as_of
     FROM signalbus_suppression
     WHERE tenant = ?1 AND channel = coalesce(?2, channel)
       AND address = coalesce(?3, address) AND cause = coalesce(?4, cause)
       AND (channel, address, sender, category) > (?5, ?6, ?7, ?8)
       AND coalesce(as_of, suppressed_at) >= ?10 AND coalesce(as_of, suppressed_at) < ?11
     ORDER BY channel, address, sender, category LIMIT ?9";

/// A page of the list of a tenant.
pub(crate) async fn suppressions(
    conn: &mut SqliteConnection,
    filter: &SuppressionFilter,
) -> Result<Vec<Suppression>, StoreError> {
    let after = filter.after.as_ref();
    let scope = after.map(|place| &place.scope);
    let part = |part: Option<&String>| part.cloned().unwrap_or_default();
    let found = sqlx::query(LIST)
        .bind(filter.tenant.as_str().to_owned())
        .bind(filter.channel.as_ref().map(|name| name.as_str().to_owned()))
        .bind(filter.address.map(|address| address.0.to_vec()))
        .bind(filter.cause.as_ref().map(|cause| cause.as_str().to_owned()))
        .bind(after.map_or_else(String::new, |place| place.channel.as_str().to_owned()))
        .bind(after.map_or_else(Vec::new, |place| place.address.0.to_vec()))
        .bind(part(scope.and_then(|scope| scope.sender.as_ref())))
        .bind(part(scope.and_then(|scope| scope.category.as_ref())))
        .bind(i64::from(filter.limit))
        .bind(filter.since_from.map_or(i64::MIN, micros))
        .bind(filter.since_before.map_or(i64::MAX, micros))
        .fetch_all(conn)
        .await
        .map_err(error::of)?;
    found
        .iter()
        .map(|row| entry(&mut Columns::of(row)))
        .collect()
}

/// An entry, from its tenant on.
fn entry(columns: &mut Columns<'_>) -> Result<Suppression, StoreError> {
    let tenant = columns.name_if_any()?;
    let channel: ChannelName = columns.name()?;
    let address = <[u8; 16]>::try_from(columns.take::<Vec<u8>>()?)
        .map_err(|_| error::corrupt("an address cannot be read"))?;
    let mut scope = Scope::default();
    scope.sender = Some(columns.take::<String>()?).filter(|sender| !sender.is_empty());
    scope.category = Some(columns.take::<String>()?).filter(|category| !category.is_empty());
    let cause = Cause::from(columns.take::<String>()?);
    let mut entry = Suppression::new(TenantId::default(), channel, AddressHash(address), cause);
    entry.tenant = tenant;
    entry.scope = scope;
    entry.code = columns.take_or_none()?;
    entry.as_of = columns.take_or_none()?.map(time).transpose()?;
    Ok(entry)
}

/// How a tenant is written where there may be none.
pub(crate) fn of_all(tenant: Option<&TenantId>) -> &str {
    tenant.map_or("", TenantId::as_str)
}

#[cfg(test)]
mod tests {
    use sqlx::Row as _;

    use super::LIST;
    use crate::SqliteStore;

    /// There may be a million entries of others.
    #[tokio::test]
    async fn the_list_of_a_tenant_is_read_by_an_index_and_in_its_order() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("plan.db"))
            .await
            .unwrap();
        let sql = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {LIST}"));
        let rows = sqlx::query(sql).fetch_all(store.pool()).await.unwrap();
        let lines: Vec<String> = rows.iter().map(|row| row.get(3)).collect();
        let plan = lines.join("\n");
        assert!(
            plan.contains("signalbus_suppression_tenant (tenant=?"),
            "{plan}"
        );
        assert!(
            !plan.contains("SCAN") && !plan.contains("TEMP B-TREE"),
            "{plan}"
        );
    }
}
