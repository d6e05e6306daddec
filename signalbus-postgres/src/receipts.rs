//! What providers say after a send, and the ladder that it moves.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use signalbus_core::{
    clock::Timestamp,
    name::{ChannelName, TenantId},
    store::{
        AddressHash, Bounce, EndState, Entry, Reason, Receipt, ReceiptEffect, ReceiptKind,
        ReceiptTarget, StoreError, Suppress, Suppression,
    },
};
use sqlx::postgres::PgRow;

use crate::{
    codec::{Columns, SENT_RANK, end_code, message_hash, micros, time},
    database::Link,
    error, history, rendering, siblings,
    suppress::{self, of_all},
    text::clean,
};

/// How long a receipt waits for its send to be settled.
const PARKED_FOR: Duration = Duration::from_hours(72);

/// Records receipts; applies those whose message is known. In a transaction.
pub(crate) async fn record(
    link: &mut Link<'_>,
    now: Timestamp,
    receipts: &[Receipt],
) -> Result<Vec<ReceiptEffect>, StoreError> {
    if receipts.is_empty() {
        return Ok(Vec::new());
    }
    forget_parked(link, now).await?;
    let mut seen = HashSet::new();
    let new: Vec<&Receipt> = receipts
        .iter()
        .filter(|receipt| seen.insert(identity(receipt)))
        .collect();
    let mut stored = insert(link, now, &new).await?;
    let mut effects = Vec::with_capacity(receipts.len());
    let (mut matched, mut places) = (Vec::new(), Vec::new());
    for (place, receipt) in receipts.iter().enumerate() {
        effects.push(match stored.remove(&identity(receipt)) {
            None => ReceiptEffect::Duplicate,
            Some(None) => ReceiptEffect::Parked,
            Some(Some(position)) => {
                places.push(place);
                matched.push(Matched {
                    position,
                    kind: receipt.kind.clone(),
                    occurred_at: receipt.occurred_at,
                    rank: receipt.rank,
                    body: Body::of(receipt),
                });
                ReceiptEffect::Recorded
            }
        });
    }
    let advanced = apply(link, now, matched, &[]).await?;
    for (place, advanced) in places.into_iter().zip(advanced) {
        if advanced {
            effects[place] = ReceiptEffect::Advanced;
        }
    }
    Ok(effects)
}

/// Applies what was parked for these deliveries.
pub(crate) async fn apply_parked(
    link: &mut Link<'_>,
    now: Timestamp,
    positions: &[i64],
) -> Result<(), StoreError> {
    let query = link
        .query(
            "SELECT r.receipt, d.position, r.kind, r.occurred_at, r.rank, r.body
             FROM signalbus.delivery AS d
             JOIN signalbus.receipt AS r
               ON r.position IS NULL AND r.message_hash = d.message_hash
              AND r.message_id = d.message_id AND r.provider = d.provider
              AND r.tenant IN (d.tenant, '')
             WHERE d.position = ANY($1) AND r.recorded_at > $2
             UNION ALL
             SELECT r.receipt, d.position, r.kind, r.occurred_at, r.rank, r.body
             FROM signalbus.delivery AS d
             JOIN signalbus.receipt AS r
               ON r.position IS NULL AND r.delivery = d.id AND r.tenant IN (d.tenant, '')
             WHERE d.position = ANY($1) AND r.recorded_at > $2
             ORDER BY 1",
        )
        .bind(positions)
        .bind(micros(parked_since(now)));
    let rows = link.rows(query).await?;
    unpark(link, now, &rows, positions).await
}

/// Applies what was parked at the same moment as its message was settled, or when a process died
/// between the two.
pub(crate) async fn sweep(link: &mut Link<'_>, now: Timestamp) -> Result<(), StoreError> {
    let query = link
        .query(
            "SELECT r.receipt, d.position, r.kind, r.occurred_at, r.rank, r.body
             FROM signalbus.receipt AS r
             JOIN signalbus.delivery AS d
               ON d.message_hash = r.message_hash AND d.message_id = r.message_id
              AND d.provider = r.provider AND r.tenant IN (d.tenant, '')
             WHERE r.position IS NULL AND r.message_hash IS NOT NULL AND r.recorded_at > $1
             ORDER BY 1 LIMIT 1000",
        )
        .bind(micros(parked_since(now)));
    let rows = link.rows(query).await?;
    unpark(link, now, &rows, &[]).await
}

/// A receipt that two transactions found belongs to the first of them.
async fn unpark(
    link: &mut Link<'_>,
    now: Timestamp,
    rows: &[PgRow],
    settled: &[i64],
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let (mut numbers, mut positions) = (Vec::new(), Vec::new());
    let mut found = HashMap::new();
    for row in rows {
        let mut columns = Columns::of(row);
        let (receipt, position) = (columns.int()?, columns.int()?);
        let matched = Matched {
            position,
            kind: ReceiptKind::from(columns.take::<String>()?),
            occurred_at: columns.int_or_none()?.map(time).transpose()?,
            rank: columns.number()?,
            body: Body::read(columns.take_or_none()?)?,
        };
        if found.insert(receipt, matched).is_none() {
            numbers.push(receipt);
            positions.push(position);
        }
    }
    let query = link
        .query(
            "UPDATE signalbus.receipt AS r SET position = a.position
             FROM unnest($1::bigint[], $2::bigint[]) AS a (receipt, position)
             WHERE r.receipt = ANY (ARRAY[a.receipt]) AND (r.position IS NULL) IS TRUE RETURNING r.receipt",
        )
        .bind(numbers)
        .bind(positions);
    let rows = link.rows(query).await?;
    let ours = rows.iter().map(|row| Columns::of(row).int());
    let mut ours = ours.collect::<Result<Vec<_>, _>>()?;
    ours.sort_unstable();
    let matched = ours.iter().filter_map(|receipt| found.remove(receipt));
    apply(link, now, matched.collect(), settled).await.map(drop)
}

/// Forgets what nobody will ask for any more.
pub(crate) async fn forget_parked(link: &mut Link<'_>, now: Timestamp) -> Result<(), StoreError> {
    let query = link
        .query("DELETE FROM signalbus.receipt WHERE position IS NULL AND recorded_at <= $1")
        .bind(micros(parked_since(now)));
    link.run(query).await.map(drop)
}

/// Forgets what is parked for these deliveries, and what their receipts said in words. Says how many
/// were parked.
pub(crate) async fn forget_for(link: &mut Link<'_>, positions: &[i64]) -> Result<u64, StoreError> {
    let query = link
        .query(
            "DELETE FROM signalbus.receipt AS r USING signalbus.delivery AS d
             WHERE d.position = ANY($1) AND r.position IS NULL AND r.tenant IN (d.tenant, '')
               AND (r.delivery = d.id
                    OR (r.message_hash = d.message_hash AND r.message_id = d.message_id
                        AND r.provider = d.provider))",
        )
        .bind(positions);
    let gone = link.run(query).await?;
    let query = link
        .query(
            "UPDATE signalbus.receipt SET body = NULL, message_id = NULL, message_hash = NULL
             WHERE position = ANY($1)",
        )
        .bind(positions);
    link.run(query).await?;
    Ok(gone)
}

fn parked_since(now: Timestamp) -> Timestamp {
    now.checked_sub(PARKED_FOR).unwrap_or(Timestamp::MIN)
}

/// What makes two receipts the same.
type Identity = (String, String, String);

fn identity(receipt: &Receipt) -> Identity {
    (
        of_all(receipt.tenant.as_ref()).to_owned(),
        receipt.provider.as_str().to_owned(),
        clean(&receipt.id).into_owned(),
    )
}

/// Stores receipts that are new; gives the position of the delivery of each, if it is known. In
/// one order for everybody, so that two calls with the same receipts do not wait for each other.
async fn insert(
    link: &mut Link<'_>,
    now: Timestamp,
    receipts: &[&Receipt],
) -> Result<HashMap<Identity, Option<i64>>, StoreError> {
    let (mut deliveries, mut messages) = (Vec::new(), Vec::new());
    for receipt in receipts {
        let (delivery, message) = match &receipt.target {
            ReceiptTarget::Delivery(id) => (Some(*id.as_uuid()), None),
            ReceiptTarget::Message(id) => (None, Some(clean(id))),
            _ => {
                return Err(error::unsupported(
                    "this version of signalbus-postgres does not know the target of a receipt",
                ));
            }
        };
        deliveries.push(delivery);
        messages.push(message);
    }
    let column = |value: fn(&Receipt) -> &str| -> Vec<String> {
        let values = receipts.iter().map(|receipt| clean(value(receipt)));
        values.map(|value| value.into_owned()).collect()
    };
    let times = receipts.iter().map(|one| one.occurred_at.map(micros));
    let times: Vec<Option<i64>> = times.collect();
    let hashes = messages.iter().map(|id| id.as_deref().map(message_hash));
    let hashes: Vec<Option<i64>> = hashes.collect();
    let ranks: Vec<i16> = receipts.iter().map(|one| i16::from(one.rank)).collect();
    let bodies = receipts.iter().map(|one| Body::of(one).written());
    let bodies = bodies.collect::<Result<Vec<_>, _>>()?;
    let query = link
        .query(
            "INSERT INTO signalbus.receipt (tenant, provider, id, kind, occurred_at, recorded_at,
                 delivery, message_id, message_hash, rank, body, position)
             SELECT r.tenant, r.provider, r.id, r.kind, r.occurred_at, $9,
                    r.delivery, r.message_id, r.message_hash, r.rank, r.body, coalesce(
                 (SELECT d.position FROM signalbus.delivery AS d
                  WHERE d.id = r.delivery AND r.tenant IN (d.tenant, '')),
                 (SELECT d.position FROM signalbus.delivery AS d
                  WHERE d.message_hash = r.message_hash AND d.message_id = r.message_id
                    AND d.provider = r.provider AND r.tenant IN (d.tenant, '')
                  ORDER BY d.position DESC LIMIT 1))
             FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::uuid[],
                         $7::text[], $8::bigint[], $10::smallint[], $11::text[])
                 WITH ORDINALITY AS r (tenant, provider, id, kind, occurred_at, delivery,
                                       message_id, message_hash, rank, body, nth)
             ORDER BY r.nth
             ON CONFLICT (tenant, provider, id) DO NOTHING
             RETURNING tenant, provider, id, position",
        )
        .bind(column(|receipt| of_all(receipt.tenant.as_ref())))
        .bind(column(|receipt| receipt.provider.as_str()))
        .bind(column(|receipt| &receipt.id))
        .bind(column(|receipt| receipt.kind.as_str()))
        .bind(times)
        .bind(deliveries)
        .bind(messages)
        .bind(hashes)
        .bind(micros(now))
        .bind(ranks)
        .bind(bodies);
    let rows = link.rows(query).await?;
    rows.iter()
        .map(|row| {
            let mut columns = Columns::of(row);
            let identity = (columns.take()?, columns.take()?, columns.take()?);
            Ok((identity, columns.int_or_none()?))
        })
        .collect()
}

/// A receipt whose delivery is known.
struct Matched {
    position: i64,
    kind: ReceiptKind,
    occurred_at: Option<Timestamp>,
    rank: u8,
    body: Body,
}

/// What nobody searches for.
#[derive(Default, Serialize, Deserialize, PartialEq)]
struct Body {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bounce: Option<Bounce>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    suppress: Option<Suppress>,
}

impl Body {
    fn of(receipt: &Receipt) -> Self {
        Self {
            code: receipt.code.as_deref().map(|code| clean(code).into_owned()),
            detail: receipt
                .detail
                .as_deref()
                .map(|detail| clean(detail).into_owned()),
            bounce: receipt.bounce,
            suppress: receipt.suppress.clone(),
        }
    }

    fn written(&self) -> Result<Option<String>, StoreError> {
        if *self == Self::default() {
            return Ok(None);
        }
        serde_json::to_string(self).map(Some).map_err(|source| {
            error::invalid("a receipt cannot be written as JSON").with_source(source)
        })
    }

    fn read(text: Option<String>) -> Result<Self, StoreError> {
        text.map_or_else(
            || Ok(Self::default()),
            |text| {
                serde_json::from_str(&text).map_err(|source| {
                    error::corrupt("a receipt cannot be read").with_source(source)
                })
            },
        )
    }
}

/// Writes receipts into history and ladder, in their order; says which moved the ladder. The results of
/// `settled` were written beside.
async fn apply(
    link: &mut Link<'_>,
    now: Timestamp,
    receipts: Vec<Matched>,
    settled: &[i64],
) -> Result<Vec<bool>, StoreError> {
    if receipts.is_empty() {
        return Ok(Vec::new());
    }
    let mut standings = standings(link, &receipts).await?;
    let mut resolved = Vec::new();
    let mut tops: HashMap<i64, (u8, String)> = HashMap::new();
    let mut advanced = Vec::with_capacity(receipts.len());
    let mut entries = Vec::with_capacity(receipts.len());
    let mut suppressions = Vec::new();
    for receipt in receipts {
        let rank = receipt.rank;
        let standing = standings.entry(receipt.position).or_default();
        let moved = rank > standing.rank;
        if moved {
            standing.rank = rank;
            let word = clean(receipt.kind.as_str()).into_owned();
            tops.insert(receipt.position, (rank, word));
        }
        advanced.push(moved);
        if let (Some(suppress), Some((tenant, channel, address))) =
            (receipt.body.suppress, standing.address.clone())
        {
            let (code, at) = (receipt.body.code.clone(), receipt.occurred_at);
            suppressions.push(suppress.entry(tenant, channel, address, code, at));
        }
        entries.push((
            receipt.position,
            Entry::Receipt {
                kind: receipt.kind,
                occurred_at: receipt.occurred_at,
                advanced: moved,
                code: receipt.body.code,
                detail: receipt.body.detail,
                bounce: receipt.body.bounce,
            },
        ));
        if standing.unknown && standing.rank >= SENT_RANK {
            standing.unknown = false;
            let (state, reason) = (EndState::Accepted, Reason::Receipt);
            let detail = None;
            let entry = Entry::Ended {
                state,
                reason,
                detail,
            };
            entries.push((receipt.position, entry));
            resolved.push(receipt.position);
        }
    }
    climb(link, &tops).await?;
    let suppressions: Vec<&Suppression> = suppressions.iter().collect();
    suppress::suppress(link, now, &suppressions).await?;
    resolve(link, now, &resolved).await?;
    history::append(link, now, &entries).await?;
    let moved: Vec<i64> = tops.into_keys().collect();
    siblings::decide(link, now, &moved, settled).await?;
    Ok(advanced)
}

/// Where receipts find a delivery.
#[derive(Default)]
struct Standing {
    rank: u8,
    /// Whether it ended in an unknown outcome.
    unknown: bool,
    /// What would be suppressed.
    address: Option<(TenantId, ChannelName, AddressHash)>,
}

/// Locks the rows, so that they are still so when they are written.
async fn standings(
    link: &mut Link<'_>,
    receipts: &[Matched],
) -> Result<HashMap<i64, Standing>, StoreError> {
    let positions: Vec<i64> = receipts.iter().map(|receipt| receipt.position).collect();
    let query = link
        .query(
            "SELECT position, receipt_rank, state = 13, tenant, channel, address
             FROM signalbus.delivery
             WHERE position = ANY($1) ORDER BY position FOR UPDATE",
        )
        .bind(positions);
    let rows = link.rows(query).await?;
    rows.iter()
        .map(|row| {
            let mut columns = Columns::of(row);
            let position = columns.int()?;
            let (rank, unknown) = (columns.number()?, columns.take()?);
            let tenant = columns.name()?;
            let channel = columns.name_or_none()?;
            let address: Option<Vec<u8>> = columns.take_or_none()?;
            let address = address.and_then(|address| <[u8; 16]>::try_from(address).ok());
            let standing = Standing {
                rank,
                unknown,
                address: channel
                    .zip(address)
                    .map(|(channel, address)| (tenant, channel, AddressHash(address))),
            };
            Ok((position, standing))
        })
        .collect()
}

/// Moves the ladder.
async fn climb(link: &mut Link<'_>, tops: &HashMap<i64, (u8, String)>) -> Result<(), StoreError> {
    if tops.is_empty() {
        return Ok(());
    }
    let positions: Vec<i64> = tops.keys().copied().collect();
    let ranks: Vec<i16> = tops.values().map(|(rank, _)| i16::from(*rank)).collect();
    let words: Vec<&str> = tops.values().map(|(_, word)| word.as_str()).collect();
    let query = link
        .query(
            "UPDATE signalbus.delivery AS d SET receipt_rank = a.rank, receipt = a.word
             FROM unnest($1::bigint[], $2::smallint[], $3::text[]) AS a (position, rank, word)
             WHERE d.position = ANY (ARRAY[a.position])",
        )
        .bind(positions)
        .bind(ranks)
        .bind(words);
    link.run(query).await.map(drop)
}

/// What had an unknown outcome was sent after all (promise P4).
async fn resolve(link: &mut Link<'_>, now: Timestamp, positions: &[i64]) -> Result<(), StoreError> {
    if positions.is_empty() {
        return Ok(());
    }
    let query = link
        .query(
            "UPDATE signalbus.delivery SET state = $2, reason = $3, ended_at = $4
             WHERE position = ANY($1)",
        )
        .bind(positions)
        .bind(i16::try_from(end_code(EndState::Accepted)).unwrap_or_default())
        .bind(Reason::Receipt.as_str())
        .bind(micros(now));
    link.run(query).await?;
    rendering::forget(link, positions).await
}
