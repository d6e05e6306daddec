//! Lanes: leases with epochs, shared out evenly among the workers of this process. They run on
//! monotonic time, so that a jump of the wall clock ends none; whoever opens the file frees all.

use std::{collections::HashMap, time::Duration};

use signalbus_core::{
    id::WorkerId,
    name::ChannelName,
    store::{
        Epoch, LaneHolding, LaneId, LaneLease, LaneRequest, Share, Space, SpaceId, StoreError,
    },
};
use sqlx::SqliteConnection;

use crate::{
    batch,
    codec::{Columns, column},
    error,
    states::state,
};

/// Renews, releases and takes lanes for one worker; `lanes` is how many each channel has.
pub(crate) async fn hold(
    conn: &mut SqliteConnection,
    now: Duration,
    lanes: u16,
    request: &LaneRequest,
) -> Result<LaneHolding, StoreError> {
    let (now, until) = (micros(now), micros(now.saturating_add(request.lease)));
    release(conn, request).await?;
    renew(conn, request, until).await?;
    enlist(conn, now, request, until).await?;
    let mut keeps = HashMap::new();
    for space in &request.spaces {
        let kept = share_out(conn, now, request.worker, until, space, lanes).await?;
        keeps.insert(space.id(), kept);
    }
    let leases = held(conn, now, request.worker).await?;
    let surplus = leases.iter().filter(|lease| {
        let left = keeps.entry(lease.lane.space()).or_insert(0_usize);
        let too_many = *left == 0;
        *left = left.saturating_sub(1);
        too_many
    });
    Ok(LaneHolding {
        surplus: surplus.map(|lease| lease.lane).collect(),
        leases,
    })
}

async fn release(conn: &mut SqliteConnection, request: &LaneRequest) -> Result<(), StoreError> {
    if request.release.is_empty() {
        return Ok(());
    }
    let lanes: Vec<u64> = request.release.iter().map(|lane| lane.get()).collect();
    sqlx::query(
        "UPDATE signalbus_lane SET worker = NULL, until = 0
         WHERE worker = ?1 AND lane IN (SELECT value FROM json_each(?2))",
    )
    .bind(bytes(&request.worker))
    .bind(batch::rows(&lanes)?)
    .execute(conn)
    .await
    .map_err(error::of)?;
    Ok(())
}

/// Also what has lapsed: nobody took it, so its epoch stays.
async fn renew(
    conn: &mut SqliteConnection,
    request: &LaneRequest,
    until: i64,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE signalbus_lane SET until = ?2 WHERE worker = ?1")
        .bind(bytes(&request.worker))
        .bind(until)
        .execute(conn)
        .await
        .map_err(error::of)?;
    Ok(())
}

/// Keeps the list of workers that want lanes, and of what.
async fn enlist(
    conn: &mut SqliteConnection,
    now: i64,
    request: &LaneRequest,
    until: i64,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM signalbus_worker WHERE worker = ?1 OR until <= ?2")
        .bind(bytes(&request.worker))
        .bind(now)
        .execute(&mut *conn)
        .await
        .map_err(error::of)?;
    if !request.spaces.is_empty() {
        let spaces: Vec<u64> = request
            .spaces
            .iter()
            .map(|space| space.id().get())
            .collect();
        sqlx::query("INSERT INTO signalbus_worker (worker, until, spaces) VALUES (?1, ?2, ?3)")
            .bind(bytes(&request.worker))
            .bind(until)
            .bind(batch::rows(&spaces)?)
            .execute(conn)
            .await
            .map_err(error::of)?;
    }
    Ok(())
}

/// Takes what a worker should have of a space; says how many it may keep.
async fn share_out(
    conn: &mut SqliteConnection,
    now: i64,
    worker: WorkerId,
    until: i64,
    space: &Space,
    lanes: u16,
) -> Result<usize, StoreError> {
    let (held, place) = sharers(conn, now, worker, space.id()).await?;
    let lanes = made(conn, space, lanes).await?;
    let share = Share::of(lanes, &held, place);
    let mine = place.map_or(0, |place| held[place]);
    let missing = share.missing(mine);
    let taken = match missing {
        0 => 0,
        _ => take(conn, now, worker, until, space.id(), missing).await?,
    };
    Ok(share.keeps(mine + taken, true))
}

/// How many lanes of a space each worker holds that lives and wants it, and which is the one that
/// asks.
async fn sharers(
    conn: &mut SqliteConnection,
    now: i64,
    worker: WorkerId,
    space: SpaceId,
) -> Result<(Vec<usize>, Option<usize>), StoreError> {
    let rows = sqlx::query(
        "SELECT w.worker = ?1,
                (SELECT count(*) FROM signalbus_lane AS l
                 WHERE l.worker = w.worker AND l.until > ?2 AND l.lane BETWEEN ?4 AND ?5)
         FROM signalbus_worker AS w
         WHERE ?3 IN (SELECT value FROM json_each(w.spaces))
         ORDER BY w.worker",
    )
    .bind(bytes(&worker))
    .bind(now)
    .bind(space.get().cast_signed())
    .bind(column(space.lane(0)))
    .bind(column(space.lane(u16::MAX)))
    .fetch_all(conn)
    .await
    .map_err(error::of)?;
    let (mut held, mut place) = (Vec::new(), None);
    for row in &rows {
        let mut columns = Columns::of(row);
        if columns.take()? {
            place = Some(held.len());
        }
        held.push(columns.number()?);
    }
    Ok((held, place))
}

/// Makes the lanes of a space that are missing; says how many it has.
async fn made(conn: &mut SqliteConnection, space: &Space, lanes: u16) -> Result<usize, StoreError> {
    let (id, wanted) = (space.id(), space.lanes(lanes));
    let count = "SELECT count(*) FROM signalbus_lane WHERE lane BETWEEN ?1 AND ?2";
    let count = sqlx::query_scalar(count)
        .bind(column(id.lane(0)))
        .bind(column(id.lane(u16::MAX)));
    let found: i64 = count.fetch_one(&mut *conn).await.map_err(error::of)?;
    let found = usize::try_from(found).unwrap_or_default();
    if found >= usize::from(wanted) {
        return Ok(found);
    }
    sqlx::query(
        "WITH RECURSIVE number (lane) AS (
             SELECT 0 UNION ALL SELECT lane + 1 FROM number WHERE lane + 1 < ?1)
         INSERT INTO signalbus_lane (lane, epoch, worker, until)
         SELECT ?2 + lane, 0, NULL, 0 FROM number WHERE true
         ON CONFLICT (lane) DO NOTHING",
    )
    .bind(i64::from(wanted))
    .bind(column(id.lane(0)))
    .execute(conn)
    .await
    .map_err(error::of)?;
    Ok(usize::from(wanted))
}

async fn take(
    conn: &mut SqliteConnection,
    now: i64,
    worker: WorkerId,
    until: i64,
    space: SpaceId,
    count: usize,
) -> Result<usize, StoreError> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let taken = sqlx::query(
        "UPDATE signalbus_lane SET worker = ?1, epoch = epoch + 1, until = ?2
         WHERE lane IN (SELECT lane FROM signalbus_lane
                        WHERE lane BETWEEN ?5 AND ?6
                          AND (worker IS NULL OR (worker <> ?1 AND until <= ?3))
                        ORDER BY lane LIMIT ?4)",
    )
    .bind(bytes(&worker))
    .bind(until)
    .bind(now)
    .bind(count)
    .bind(column(space.lane(0)))
    .bind(column(space.lane(u16::MAX)))
    .execute(conn)
    .await
    .map_err(error::of)?;
    Ok(usize::try_from(taken.rows_affected()).unwrap_or(usize::MAX))
}

async fn held(
    conn: &mut SqliteConnection,
    now: i64,
    worker: WorkerId,
) -> Result<Vec<LaneLease>, StoreError> {
    let rows = sqlx::query(
        "SELECT lane, epoch, until FROM signalbus_lane WHERE worker = ?1 ORDER BY lane",
    )
    .bind(bytes(&worker))
    .fetch_all(conn)
    .await
    .map_err(error::of)?;
    rows.iter()
        .map(|row| {
            let mut columns = Columns::of(row);
            Ok(LaneLease {
                lane: columns.lane()?,
                epoch: Epoch(columns.number()?),
                remaining: Duration::from_micros(
                    u64::try_from(columns.take::<i64>()?.saturating_sub(now)).unwrap_or(0),
                ),
            })
        })
        .collect()
}

/// Counts what is ready, or was claimed, on channels that no living worker wants: up to 10,000 of
/// each class, so that a backlog nobody can send costs little.
pub(crate) async fn unserved(
    conn: &mut SqliteConnection,
    now: Duration,
) -> Result<Vec<(ChannelName, u64)>, StoreError> {
    let rows = sqlx::query(concat!(
        "WITH RECURSIVE present (class, channel) AS (
             SELECT c.value, (SELECT min(channel)
                              FROM signalbus_delivery INDEXED BY signalbus_delivery_ready
                              WHERE state = ",
        state!(ready),
        " AND class = c.value)
             FROM json_each('[0,1,2]') AS c
             UNION ALL
             SELECT p.class, (SELECT min(channel)
                              FROM signalbus_delivery INDEXED BY signalbus_delivery_ready
                              WHERE state = ",
        state!(ready),
        " AND class = p.class AND channel > p.channel)
             FROM present AS p WHERE p.channel IS NOT NULL)
         SELECT p.channel, sum((
             SELECT count(*) FROM (
                 SELECT 1 FROM signalbus_delivery INDEXED BY signalbus_delivery_ready
                 WHERE state = ",
        state!(ready),
        " AND class = p.class AND channel = p.channel LIMIT 10000))) AS waiting
         FROM present AS p WHERE p.channel IS NOT NULL
         GROUP BY p.channel
         UNION ALL
         SELECT channel, count(*) FROM signalbus_delivery INDEXED BY signalbus_delivery_sending
         WHERE state = ",
        state!(sending),
        " GROUP BY channel"
    ))
    .fetch_all(&mut *conn)
    .await
    .map_err(error::of)?;
    let wanted: Vec<i64> = sqlx::query_scalar(
        "SELECT DISTINCT j.value FROM signalbus_worker AS w, json_each(w.spaces) AS j
         WHERE w.until > ?1",
    )
    .bind(micros(now))
    .fetch_all(conn)
    .await
    .map_err(error::of)?;
    let mut unserved: Vec<(ChannelName, u64)> = Vec::new();
    for row in &rows {
        let mut columns = Columns::of(row);
        let (channel, count): (ChannelName, u64) = (columns.name()?, columns.number()?);
        if wanted.contains(&SpaceId::send(&channel).get().cast_signed()) {
            continue;
        }
        match unserved.iter_mut().find(|(of, _)| *of == channel) {
            Some((_, all)) => *all += count,
            None => unserved.push((channel, count)),
        }
    }
    Ok(unserved)
}

/// Those of `leases` whose epoch is still the current one, as `(lane, epoch)`.
pub(crate) async fn current(
    conn: &mut SqliteConnection,
    leases: &[LaneLease],
) -> Result<Vec<(LaneId, i64)>, StoreError> {
    let leases: Vec<(u64, u64)> = leases
        .iter()
        .map(|lease| (lease.lane.get(), lease.epoch.0))
        .collect();
    let rows = sqlx::query(
        "SELECT l.lane, l.epoch
         FROM jsonb_each(?1) AS j
         CROSS JOIN signalbus_lane AS l
           ON l.lane = j.value ->> 0 AND l.epoch = j.value ->> 1 AND l.worker IS NOT NULL",
    )
    .bind(batch::rows(&leases)?)
    .fetch_all(conn)
    .await
    .map_err(error::of)?;
    rows.iter()
        .map(|row| {
            let mut columns = Columns::of(row);
            Ok((columns.lane()?, columns.take()?))
        })
        .collect()
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

fn bytes(worker: &WorkerId) -> Vec<u8> {
    worker.as_uuid().as_bytes().to_vec()
}
