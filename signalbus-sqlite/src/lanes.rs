//! Lanes: leases with epochs, shared out evenly among the workers of this process. They run on
//! monotonic time, so that a jump of the wall clock ends none; whoever opens the file frees all.

use std::time::Duration;

use signalbus_core::{
    id::WorkerId,
    store::{Epoch, LaneHolding, LaneId, LaneLease, LaneRequest, StoreError},
};
use sqlx::SqliteConnection;

use crate::{batch, codec::Columns, error};

/// Renews, releases and takes lanes for one worker.
pub(crate) async fn hold(
    conn: &mut SqliteConnection,
    now: Duration,
    request: &LaneRequest,
) -> Result<LaneHolding, StoreError> {
    let (now, until) = (micros(now), micros(now.saturating_add(request.lease)));
    release(conn, request).await?;
    renew(conn, request, until).await?;
    enlist(conn, now, request, until).await?;
    let share = share(conn, now, request.worker).await?;
    if request.take {
        take(conn, now, request.worker, until, share.missing()).await?;
    }
    let leases = held(conn, now, request.worker).await?;
    let keeps = match (request.take, share.others_are_short) {
        (false, _) => 0,
        (true, true) => share.target,
        (true, false) => leases.len(),
    };
    let surplus = leases.iter().skip(keeps).map(|lease| lease.lane).collect();
    Ok(LaneHolding { leases, surplus })
}

async fn release(conn: &mut SqliteConnection, request: &LaneRequest) -> Result<(), StoreError> {
    if request.release.is_empty() {
        return Ok(());
    }
    let lanes: Vec<u16> = request.release.iter().map(|LaneId(lane)| *lane).collect();
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

/// Keeps the list of workers that want lanes.
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
    if request.take {
        sqlx::query("INSERT INTO signalbus_worker (worker, until) VALUES (?1, ?2)")
            .bind(bytes(&request.worker))
            .bind(until)
            .execute(conn)
            .await
            .map_err(error::of)?;
    }
    Ok(())
}

/// How many lanes a worker should have.
#[derive(Debug, PartialEq, Eq)]
struct Share {
    held: usize,
    target: usize,
    others_are_short: bool,
}

impl Share {
    /// Shares out `lanes` evenly; what is left over stays with those that hold most, so that lanes
    /// move only when they must. `held` has one count for each worker, the asking one at `place`.
    fn of(lanes: usize, held: &[usize], place: usize) -> Self {
        let workers = held.len().max(1);
        let mine = held.get(place).copied().unwrap_or(0);
        let mut order: Vec<usize> = (0..held.len()).collect();
        order.sort_by_key(|index| std::cmp::Reverse(held[*index]));
        let target = |index: usize| {
            let rank = order
                .iter()
                .position(|other| *other == index)
                .unwrap_or_default();
            lanes / workers + usize::from(rank < lanes % workers)
        };
        Self {
            held: mine,
            target: target(place),
            others_are_short: (0..held.len())
                .any(|index| index != place && held[index] < target(index)),
        }
    }

    fn missing(&self) -> usize {
        self.target.saturating_sub(self.held)
    }
}

async fn share(
    conn: &mut SqliteConnection,
    now: i64,
    worker: WorkerId,
) -> Result<Share, StoreError> {
    let rows = sqlx::query(
        "SELECT w.worker = ?1, count(l.lane), (SELECT count(*) FROM signalbus_lane)
         FROM signalbus_worker AS w
         LEFT JOIN signalbus_lane AS l ON l.worker = w.worker AND l.until > ?2
         GROUP BY w.worker ORDER BY w.worker",
    )
    .bind(bytes(&worker))
    .bind(now)
    .fetch_all(conn)
    .await
    .map_err(error::of)?;
    let (mut held, mut place, mut lanes) = (Vec::new(), 0, 0);
    for row in &rows {
        let mut columns = Columns::of(row);
        if columns.take()? {
            place = held.len();
        }
        held.push(columns.number()?);
        lanes = columns.number()?;
    }
    Ok(Share::of(lanes, &held, place))
}

async fn take(
    conn: &mut SqliteConnection,
    now: i64,
    worker: WorkerId,
    until: i64,
    count: usize,
) -> Result<(), StoreError> {
    if count == 0 {
        return Ok(());
    }
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    sqlx::query(
        "UPDATE signalbus_lane SET worker = ?1, epoch = epoch + 1, until = ?2
         WHERE lane IN (SELECT lane FROM signalbus_lane
                        WHERE worker IS NULL OR (worker <> ?1 AND until <= ?3)
                        ORDER BY lane LIMIT ?4)",
    )
    .bind(bytes(&worker))
    .bind(until)
    .bind(now)
    .bind(count)
    .execute(conn)
    .await
    .map_err(error::of)?;
    Ok(())
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
                lane: LaneId(columns.number()?),
                epoch: Epoch(columns.number()?),
                remaining: Duration::from_micros(
                    u64::try_from(columns.take::<i64>()?.saturating_sub(now)).unwrap_or(0),
                ),
            })
        })
        .collect()
}

/// Those of `leases` whose epoch is still the current one, as `(lane, epoch)`.
pub(crate) async fn current(
    conn: &mut SqliteConnection,
    leases: &[LaneLease],
) -> Result<Vec<(u16, i64)>, StoreError> {
    let leases: Vec<(u16, u64)> = leases
        .iter()
        .map(|lease| (lease.lane.0, lease.epoch.0))
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
            Ok((columns.number()?, columns.take()?))
        })
        .collect()
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

fn bytes(worker: &WorkerId) -> Vec<u8> {
    worker.as_uuid().as_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_worker_gets_all() {
        let share = Share::of(4, &[0], 0);
        assert_eq!((share.missing(), share.others_are_short), (4, false));
    }

    #[test]
    fn a_newcomer_is_owed_its_share() {
        let share = Share::of(4, &[4, 0], 0);
        assert_eq!((share.target, share.others_are_short), (2, true));
    }

    #[test]
    fn nobody_goes_without_while_another_has_two() {
        let share = Share::of(4, &[2, 2, 0], 1);
        assert_eq!((share.target, share.others_are_short), (1, true));
        assert_eq!(Share::of(4, &[2, 2, 0], 2).missing(), 1);
    }

    #[test]
    fn an_even_division_moves_nothing() {
        for place in 0..3 {
            let share = Share::of(4, &[1, 2, 1], place);
            assert_eq!((share.missing(), share.others_are_short), (0, false));
        }
    }
}
