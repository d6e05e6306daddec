//! The suppression list.

use std::collections::BTreeMap;

use signalbus_core::{
    clock::Timestamp,
    name::{ChannelName, TenantId},
    store::{
        AddressHash, Cause, Listed, Scope, StoreError, Suppression, SuppressionFilter, Unsuppress,
    },
};

use crate::{
    codec::{Columns, micros, time},
    database::Link,
    error,
    text::{clean, clean_or_none},
};

/// What stands against a message `$m` with the columns of a delivery, as entries `p`. A sender that
/// is not known could be the one.
macro_rules! stands_against {
    ($m:literal) => {
        concat!(
            "p.channel = ",
            $m,
            ".channel AND p.address = ",
            $m,
            ".address AND p.tenant IN (",
            $m,
            ".tenant, '') AND (",
            $m,
            ".sender IS NULL OR p.sender IN (",
            $m,
            ".sender, '')) AND p.category IN (coalesce(",
            $m,
            ".category, ''), '')"
        )
    };
}
pub(crate) use stands_against;

/// Puts addresses on the list; the graver cause stays. In one order for everybody, so that two calls
/// do not wait for each other.
pub(crate) async fn suppress(
    link: &mut Link<'_>,
    now: Timestamp,
    suppressions: &[&Suppression],
) -> Result<(), StoreError> {
    // One statement changes a row once: of those with one key the one that stays in the end.
    let mut gravest: BTreeMap<_, &Suppression> = BTreeMap::new();
    for entry in suppressions {
        let key = (
            &entry.channel,
            entry.address,
            of_all(entry.tenant.as_ref()),
            &entry.scope,
        );
        let stays = gravest.entry(key).or_insert(entry);
        if stays.cause.gravity() < entry.cause.gravity() {
            *stays = entry;
        }
    }
    if gravest.is_empty() {
        return Ok(());
    }
    let all: Vec<&Suppression> = gravest.into_values().collect();
    let tenants: Vec<&str> = all.iter().map(|s| of_all(s.tenant.as_ref())).collect();
    let channels: Vec<&str> = all.iter().map(|s| s.channel.as_str()).collect();
    let addresses: Vec<&[u8]> = all.iter().map(|s| &s.address.0[..]).collect();
    let senders: Vec<_> = all
        .iter()
        .map(|s| narrowed(s.scope.sender.as_deref()))
        .collect();
    let categories: Vec<_> = all
        .iter()
        .map(|s| narrowed(s.scope.category.as_deref()))
        .collect();
    let causes: Vec<_> = all.iter().map(|s| clean(s.cause.as_str())).collect();
    let gravities: Vec<i16> = all.iter().map(|s| i16::from(s.cause.gravity())).collect();
    let codes: Vec<_> = all
        .iter()
        .map(|s| clean_or_none(s.code.as_deref()))
        .collect();
    let times: Vec<Option<i64>> = all.iter().map(|s| s.as_of.map(micros)).collect();
    let query = link
        .query(
            "INSERT INTO signalbus.suppression AS p (tenant, channel, address, sender, category,
                 cause, gravity, code, as_of, suppressed_at)
             SELECT a.*, $10
             FROM unnest($1::text[], $2::text[], $3::bytea[], $4::text[], $5::text[], $6::text[],
                         $7::smallint[], $8::text[], $9::bigint[]) AS a
             ON CONFLICT (channel, address, tenant, sender, category) DO UPDATE SET
                 cause = excluded.cause, gravity = excluded.gravity, code = excluded.code,
                 as_of = excluded.as_of, suppressed_at = excluded.suppressed_at
             WHERE excluded.gravity > p.gravity",
        )
        .bind(tenants)
        .bind(channels)
        .bind(addresses)
        .bind(senders)
        .bind(categories)
        .bind(causes)
        .bind(gravities)
        .bind(codes)
        .bind(times)
        .bind(micros(now));
    link.run(query).await.map(drop)
}

/// Takes an entry off the list; says whether it was on it.
pub(crate) async fn unsuppress(
    link: &mut Link<'_>,
    which: &Unsuppress,
) -> Result<bool, StoreError> {
    let query = link
        .query(
            "DELETE FROM signalbus.suppression
             WHERE tenant = $1 AND channel = $2 AND address = $3 AND sender = $4 AND category = $5
               AND cause = coalesce($6, cause)",
        )
        .bind(of_all(which.tenant.as_ref()))
        .bind(which.channel.as_str())
        .bind(&which.address.0[..])
        .bind(narrowed(which.scope.sender.as_deref()))
        .bind(narrowed(which.scope.category.as_deref()))
        .bind(which.only.as_ref().map(|cause| clean(cause.as_str())));
    Ok(link.run(query).await? > 0)
}

/// The gravest entry that stands against each message.
pub(crate) async fn suppressed(
    link: &mut Link<'_>,
    asked: &[Listed],
) -> Result<Vec<Option<Suppression>>, StoreError> {
    let places: Vec<i64> = (0..).take(asked.len()).collect();
    let tenants: Vec<&str> = asked.iter().map(|one| one.tenant.as_str()).collect();
    let channels: Vec<&str> = asked.iter().map(|one| one.channel.as_str()).collect();
    let addresses: Vec<&[u8]> = asked.iter().map(|one| &one.address.0[..]).collect();
    let senders: Vec<_> = asked
        .iter()
        .map(|one| clean_or_none(one.sender.as_deref()))
        .collect();
    let categories = asked
        .iter()
        .map(|one| clean_or_none(one.category.as_deref()));
    let categories: Vec<_> = categories.collect();
    let query = link
        .query(concat!(
            "SELECT a.place, p.tenant, p.channel, p.address, p.sender, p.category, p.cause, p.code,
                    p.as_of
             FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bytea[], $5::text[], $6::text[])
                 AS a (place, tenant, channel, address, sender, category)
             JOIN signalbus.suppression AS p ON ",
            stands_against!("a"),
            " ORDER BY p.gravity DESC, p.suppressed_at"
        ))
        .bind(places)
        .bind(tenants)
        .bind(channels)
        .bind(addresses)
        .bind(senders)
        .bind(categories);
    let rows = link.rows(query).await?;
    let mut answers = vec![None; asked.len()];
    for row in &rows {
        let mut columns = Columns::of(row);
        let place: usize = columns.number()?;
        let entry = entry(&mut columns)?;
        if let Some(answer @ None) = answers.get_mut(place) {
            *answer = Some(entry);
        }
    }
    Ok(answers)
}

/// A page of the list of a tenant, in the order of its index. What the index does not tell stands in a `CASE`: of that the
/// planner assumes that half is kept, and not next to nothing, for which it would read all of the tenant and sort it.
pub(crate) async fn suppressions(
    link: &mut Link<'_>,
    filter: &SuppressionFilter,
) -> Result<Vec<Suppression>, StoreError> {
    let channel = filter.channel.as_ref();
    // A channel alone begins before its first entry.
    let after = filter
        .after
        .as_ref()
        .filter(|place| channel.is_none_or(|channel| place.channel >= *channel));
    let begin = after.map(|place| &place.channel).or(channel);
    let scope = after.map(|place| &place.scope);
    let query = link
        .query(
            "SELECT tenant, channel, address, sender, category, cause, code, as_of
             FROM signalbus.suppression
             WHERE tenant = $1 AND channel <= $2
               AND (channel, address, sender, category) > ($5, $6, $7, $8)
               AND CASE WHEN address <> $3 OR cause <> $4 OR coalesce(as_of, suppressed_at) < $10
                        THEN false ELSE coalesce(as_of, suppressed_at) < $11 END
             ORDER BY channel, address, sender, category LIMIT $9",
        )
        .bind(filter.tenant.as_str())
        .bind(channel.map_or(BEHIND_ALL, ChannelName::as_str))
        .bind(filter.address.map(|address| address.0.to_vec()))
        .bind(filter.cause.as_ref().map(|cause| clean(cause.as_str())))
        .bind(begin.map_or("", ChannelName::as_str))
        .bind(after.map_or_else(Vec::new, |place| place.address.0.to_vec()))
        .bind(narrowed(scope.and_then(|scope| scope.sender.as_deref())))
        .bind(narrowed(scope.and_then(|scope| scope.category.as_deref())))
        .bind(i64::from(filter.limit))
        .bind(filter.since_from.map_or(i64::MIN, micros))
        .bind(filter.since_before.map_or(i64::MAX, micros));
    let rows = link.rows(query).await?;
    rows.iter()
        .map(|row| entry(&mut Columns::of(row)))
        .collect()
}

/// Sorts behind every name of a channel: they have letters, digits, `.`, `_` and `-`.
const BEHIND_ALL: &str = "~";

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
    entry.as_of = columns.int_or_none()?.map(time).transpose()?;
    Ok(entry)
}

/// How a tenant is written where there may be none.
pub(crate) fn of_all(tenant: Option<&TenantId>) -> &str {
    tenant.map_or("", TenantId::as_str)
}

/// How a part of a scope is written.
fn narrowed(part: Option<&str>) -> std::borrow::Cow<'_, str> {
    clean(part.unwrap_or_default())
}
