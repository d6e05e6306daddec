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
use sqlx::SqliteConnection;

use crate::{
    batch::{self, Bytes},
    codec::{Columns, SENT_RANK, message_hash, micros, time},
    error, history, rendering, siblings,
    states::end_code,
    suppress::{self, of_all},
};

/// How long a receipt waits for its send to be settled.
const PARKED_FOR: Duration = Duration::from_hours(72);

/// Records receipts; applies those whose message is known.
pub(crate) async fn record(
    conn: &mut SqliteConnection,
    now: Timestamp,
    receipts: &[Receipt],
) -> Result<Vec<ReceiptEffect>, StoreError> {
    if receipts.is_empty() {
        return Ok(Vec::new());
    }
    forget_parked(conn, now).await?;
    let mut seen = HashSet::new();
    let new: Vec<&Receipt> = receipts
        .iter()
        .filter(|receipt| seen.insert(identity(receipt)))
        .collect();
    let mut stored = insert(conn, now, &new).await?;
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
    let advanced = apply(conn, now, matched, &[]).await?;
    for (place, advanced) in places.into_iter().zip(advanced) {
        if advanced {
            effects[place] = ReceiptEffect::Advanced;
        }
    }
    Ok(effects)
}

/// Applies what was parked for these deliveries.
pub(crate) async fn apply_parked(
    conn: &mut SqliteConnection,
    now: Timestamp,
    positions: &[i64],
) -> Result<(), StoreError> {
    let rows = sqlx::query(
        "SELECT r.receipt, d.position, r.kind, r.occurred_at, r.rank, r.body
         FROM json_each(?1) AS j
         CROSS JOIN signalbus_delivery AS d ON d.position = j.value
         CROSS JOIN signalbus_receipt AS r INDEXED BY signalbus_receipt_parked_message
           ON r.position IS NULL AND r.message_hash = d.message_hash
          AND r.message_id = d.message_id AND r.provider = d.provider
          AND r.tenant IN (d.tenant, '')
         WHERE r.recorded_at > ?2 AND EXISTS (
             SELECT 1 FROM signalbus_receipt INDEXED BY signalbus_receipt_parked_at
             WHERE position IS NULL)
         UNION ALL
         SELECT r.receipt, d.position, r.kind, r.occurred_at, r.rank, r.body
         FROM json_each(?1) AS j
         CROSS JOIN signalbus_delivery AS d ON d.position = j.value
         CROSS JOIN signalbus_receipt AS r INDEXED BY signalbus_receipt_parked_delivery
           ON r.position IS NULL AND r.delivery = d.id AND r.tenant IN (d.tenant, '')
         WHERE r.recorded_at > ?2 AND EXISTS (
             SELECT 1 FROM signalbus_receipt INDEXED BY signalbus_receipt_parked_at
             WHERE position IS NULL)
         ORDER BY 1",
    )
    .bind(batch::rows(positions)?)
    .bind(micros(parked_since(now)))
    .fetch_all(&mut *conn)
    .await
    .map_err(error::of)?;
    if rows.is_empty() {
        return Ok(());
    }
    let (mut numbers, mut matched) = (Vec::new(), Vec::new());
    for row in &rows {
        let mut columns = Columns::of(row);
        let (receipt, position): (i64, i64) = (columns.take()?, columns.take()?);
        numbers.push((receipt, position));
        matched.push(Matched {
            position,
            kind: ReceiptKind::from(columns.take::<String>()?),
            occurred_at: columns.take_or_none()?.map(time).transpose()?,
            rank: columns.number()?,
            body: Body::read(columns.take_or_none()?)?,
        });
    }
    sqlx::query(
        "UPDATE signalbus_receipt AS r SET position = j.value ->> 1
         FROM jsonb_each(?1) AS j WHERE r.receipt = j.value ->> 0",
    )
    .bind(batch::rows(&numbers)?)
    .execute(&mut *conn)
    .await
    .map_err(error::of)?;
    apply(conn, now, matched, positions).await.map(|_| ())
}

/// Whether there is something for [`forget_parked`].
pub(crate) async fn any_to_forget(
    conn: &mut SqliteConnection,
    now: Timestamp,
) -> Result<bool, StoreError> {
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM signalbus_receipt WHERE position IS NULL AND recorded_at <= ?1)",
    )
    .bind(micros(parked_since(now)))
    .fetch_one(conn)
    .await
    .map_err(error::of)
}

/// Forgets what nobody will ask for any more.
pub(crate) async fn forget_parked(
    conn: &mut SqliteConnection,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM signalbus_receipt WHERE position IS NULL AND recorded_at <= ?1")
        .bind(micros(parked_since(now)))
        .execute(conn)
        .await
        .map_err(error::of)?;
    Ok(())
}

/// Forgets what is parked for these deliveries, and what their receipts said in words; `positions` is
/// a JSON array. Says how many were parked.
pub(crate) async fn forget_for(
    conn: &mut SqliteConnection,
    positions: &str,
) -> Result<u64, StoreError> {
    let gone = sqlx::query(
        "DELETE FROM signalbus_receipt WHERE receipt IN (
             SELECT r.receipt FROM json_each(?1) AS j
             CROSS JOIN signalbus_delivery AS d ON d.position = j.value
             CROSS JOIN signalbus_receipt AS r
               ON r.position IS NULL AND r.message_hash = d.message_hash
              AND r.message_id = d.message_id AND r.provider = d.provider
              AND r.tenant IN (d.tenant, '')
             UNION ALL
             SELECT r.receipt FROM json_each(?1) AS j
             CROSS JOIN signalbus_delivery AS d ON d.position = j.value
             CROSS JOIN signalbus_receipt AS r
               ON r.position IS NULL AND r.delivery = d.id AND r.tenant IN (d.tenant, ''))",
    )
    .bind(positions.to_owned())
    .execute(&mut *conn)
    .await
    .map_err(error::of)?;
    sqlx::query(
        "UPDATE signalbus_receipt SET body = NULL, message_id = NULL, message_hash = NULL
         WHERE position IN (SELECT value FROM json_each(?1))",
    )
    .bind(positions.to_owned())
    .execute(conn)
    .await
    .map_err(error::of)?;
    Ok(gone.rows_affected())
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
        receipt.id.clone(),
    )
}

/// Stores receipts that are new; gives the position of the delivery of each, if it is known.
async fn insert(
    conn: &mut SqliteConnection,
    now: Timestamp,
    receipts: &[&Receipt],
) -> Result<HashMap<Identity, Option<i64>>, StoreError> {
    let mut ids = Bytes::default();
    let rows: Vec<_> = receipts
        .iter()
        .map(|receipt| {
            let (delivery, message) = match &receipt.target {
                ReceiptTarget::Delivery(id) => (Some(ids.add(id.as_uuid().as_bytes()).0), None),
                ReceiptTarget::Message(id) => (None, Some(id.as_str())),
                _ => {
                    return Err(error::unsupported(
                        "this version of signalbus-sqlite does not know the target of a receipt",
                    ));
                }
            };
            Ok((
                of_all(receipt.tenant.as_ref()),
                &receipt.provider,
                &receipt.id,
                &receipt.kind,
                receipt.occurred_at.map(micros),
                delivery,
                message,
                message.map(message_hash),
                receipt.rank,
                Body::of(receipt).written()?,
            ))
        })
        .collect::<Result<_, StoreError>>()?;
    let rows = sqlx::query(
        "INSERT INTO signalbus_receipt (tenant, provider, id, kind, occurred_at, recorded_at,
             delivery, message_id, message_hash, rank, body, position)
         SELECT r.*, coalesce(
             (SELECT d.position FROM signalbus_delivery AS d
              WHERE d.id = r.delivery AND r.tenant IN (d.tenant, '')),
             (SELECT d.position FROM signalbus_delivery AS d
              WHERE d.message_hash = r.message_hash AND d.message_id = r.message_id
                AND d.provider = r.provider AND r.tenant IN (d.tenant, '')
              ORDER BY d.position DESC LIMIT 1))
         FROM (SELECT value ->> 0 AS tenant, value ->> 1 AS provider, value ->> 2, value ->> 3,
                      value ->> 4, ?3, substr(?2, value ->> 5, 16) AS delivery,
                      value ->> 6 AS message_id, value ->> 7 AS message_hash, value ->> 8,
                      value ->> 9
               FROM jsonb_each(?1)) AS r
         WHERE true
         ON CONFLICT (tenant, provider, id) DO NOTHING
         RETURNING tenant, provider, id, position",
    )
    .bind(batch::rows::<(_, _, _, _, _, _, _, _, _, _)>(&rows)?)
    .bind(ids.into_vec())
    .bind(micros(now))
    .fetch_all(conn)
    .await
    .map_err(error::of)?;
    rows.iter()
        .map(|row| {
            let mut columns = Columns::of(row);
            let identity = (columns.take()?, columns.take()?, columns.take()?);
            Ok((identity, columns.take_or_none()?))
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
            code: receipt.code.clone(),
            detail: receipt.detail.clone(),
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
    conn: &mut SqliteConnection,
    now: Timestamp,
    receipts: Vec<Matched>,
    settled: &[i64],
) -> Result<Vec<bool>, StoreError> {
    if receipts.is_empty() {
        return Ok(Vec::new());
    }
    let mut standings = standings(conn, &receipts).await?;
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
            let word = receipt.kind.as_str().to_owned();
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
    climb(conn, &tops).await?;
    let suppressions: Vec<&Suppression> = suppressions.iter().collect();
    suppress::suppress(conn, now, &suppressions).await?;
    resolve(conn, now, &resolved).await?;
    history::append(conn, now, &entries).await?;
    siblings::decide(conn, now, tops.into_keys().collect(), settled).await?;
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

async fn standings(
    conn: &mut SqliteConnection,
    receipts: &[Matched],
) -> Result<HashMap<i64, Standing>, StoreError> {
    let positions: Vec<i64> = receipts.iter().map(|receipt| receipt.position).collect();
    let rows = sqlx::query(
        "SELECT position, receipt_rank, state = ?2, tenant, channel, address
         FROM signalbus_delivery
         WHERE position IN (SELECT value FROM json_each(?1))",
    )
    .bind(batch::rows(&positions)?)
    .bind(end_code(EndState::OutcomeUnknown))
    .fetch_all(conn)
    .await
    .map_err(error::of)?;
    rows.iter()
        .map(|row| {
            let mut columns = Columns::of(row);
            let standing = |columns: &mut Columns<'_>| {
                let (rank, unknown) = (columns.number()?, columns.take()?);
                let tenant = columns.name()?;
                let channel = columns.name_or_none()?;
                let address: Option<Vec<u8>> = columns.take_or_none()?;
                let address = address.and_then(|address| <[u8; 16]>::try_from(address).ok());
                Ok::<_, StoreError>(Standing {
                    rank,
                    unknown,
                    address: channel
                        .zip(address)
                        .map(|(channel, address)| (tenant, channel, AddressHash(address))),
                })
            };
            Ok((columns.take()?, standing(&mut columns)?))
        })
        .collect()
}

/// Moves the ladder.
async fn climb(
    conn: &mut SqliteConnection,
    tops: &HashMap<i64, (u8, String)>,
) -> Result<(), StoreError> {
    let rows: Vec<_> = tops
        .iter()
        .map(|(position, (rank, word))| (position, rank, word))
        .collect();
    sqlx::query(
        "UPDATE signalbus_delivery AS d SET receipt_rank = j.value ->> 1, receipt = j.value ->> 2
         FROM jsonb_each(?1) AS j WHERE d.position = j.value ->> 0",
    )
    .bind(batch::rows(&rows)?)
    .execute(conn)
    .await
    .map_err(error::of)?;
    Ok(())
}

/// What had an unknown outcome was sent after all (promise P4).
async fn resolve(
    conn: &mut SqliteConnection,
    now: Timestamp,
    positions: &[i64],
) -> Result<(), StoreError> {
    if positions.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE signalbus_delivery SET state = ?2, reason = ?3, ended_at = ?4
         WHERE position IN (SELECT value FROM json_each(?1))",
    )
    .bind(batch::rows(positions)?)
    .bind(end_code(EndState::Accepted))
    .bind(Reason::Receipt.as_str())
    .bind(micros(now))
    .execute(&mut *conn)
    .await
    .map_err(error::of)?;
    rendering::forget(conn, positions).await
}
