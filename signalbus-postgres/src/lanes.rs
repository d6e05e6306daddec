//! Lanes: leases with epochs, shared out evenly among the workers of all processes, on the time of
//! the database. A worker renews one row, its own; the row of a lane changes with its owner.

use std::time::Duration;

use signalbus_core::store::{Epoch, LaneHolding, LaneId, LaneLease, LaneRequest, StoreError};
use uuid::Uuid;

use crate::{
    codec::Columns,
    database::{Link, now},
    error, order, receipts,
};

/// A lane may be taken when nobody has it, or whoever has it did not renew in time. A renewal that
/// lies more than a lease in the future was written before the clock of the database was set back,
/// by a worker that did not renew since.
macro_rules! may_be_taken {
    () => {
        "(l.worker IS NULL OR (l.worker <> $2 AND NOT EXISTS (
             SELECT 1 FROM signalbus.worker AS w
             WHERE w.worker = l.worker AND w.until > t.now AND 2 * w.since - w.until <= t.now)))"
    };
}

/// What a renewal found.
pub(crate) struct Renewed {
    leases: Vec<LaneLease>,
    share: Share,
    take: bool,
    /// Whether nobody has looked for a while for what was left lying.
    pub(crate) sweep: bool,
}

impl Renewed {
    /// How many lanes the worker should take.
    pub(crate) fn missing(&self) -> usize {
        if self.take { self.share.missing() } else { 0 }
    }

    /// Whether other workers are there: they may have to be told of new work.
    pub(crate) fn has_company(&self) -> bool {
        self.share.company
    }

    /// What the worker holds, with lanes that it took besides.
    pub(crate) fn holding(self, taken: Vec<LaneLease>) -> LaneHolding {
        let mut leases = self.leases;
        leases.extend(taken);
        leases.sort_by_key(|lease| lease.lane);
        let keeps = match (self.take, self.share.others_are_short) {
            (false, _) => 0,
            (true, true) => self.share.target,
            (true, false) => leases.len(),
        };
        let surplus = leases.iter().skip(keeps).map(|lease| lease.lane).collect();
        LaneHolding { leases, surplus }
    }
}

/// Gives lanes up.
pub(crate) async fn release(link: &mut Link<'_>, request: &LaneRequest) -> Result<(), StoreError> {
    let lanes: Vec<i32> = request
        .release
        .iter()
        .map(|LaneId(lane)| i32::from(*lane))
        .collect();
    let query = link
        .query("UPDATE signalbus.lane SET worker = NULL WHERE worker = $1 AND lane = ANY($2)")
        .bind(*request.worker.as_uuid())
        .bind(lanes);
    link.run(query).await.map(drop)
}

/// Renews the lease of the worker, also one that has lapsed: as long as nobody took a lane, its
/// epoch stays. One statement.
pub(crate) async fn renew(
    link: &mut Link<'_>,
    request: &LaneRequest,
) -> Result<Renewed, StoreError> {
    let query = link
        .query(concat!(
            "WITH t AS MATERIALIZED (SELECT ",
            now!(),
            " AS now),
             gone AS (
                 DELETE FROM signalbus.worker AS w USING t
                 WHERE w.until <= t.now AND w.worker <> $2),
             renewed AS (
                 INSERT INTO signalbus.worker AS w (worker, since, until, wants)
                 SELECT $2, t.now, t.now + $3, $4 FROM t
                 ON CONFLICT (worker) DO UPDATE SET
                     since = excluded.since, until = excluded.until, wants = excluded.wants),
             others AS (
                 SELECT w.worker, count(l.lane) AS held
                 FROM t JOIN signalbus.worker AS w
                   ON w.worker <> $2 AND w.wants AND w.until > t.now
                 LEFT JOIN signalbus.lane AS l ON l.worker = w.worker
                 GROUP BY w.worker)
             SELECT ARRAY(SELECT lane FROM signalbus.lane WHERE worker = $2 ORDER BY lane),
                    ARRAY(SELECT epoch FROM signalbus.lane WHERE worker = $2 ORDER BY lane),
                    ARRAY(SELECT worker FROM others ORDER BY worker),
                    ARRAY(SELECT held FROM others ORDER BY worker),
                    (SELECT count(*) FROM signalbus.lane),
                    m.swept_at > t.now OR m.swept_at <= t.now - $5
             FROM t CROSS JOIN signalbus.meta AS m"
        ))
        .bind(link.dialect.test_monotonic())
        .bind(*request.worker.as_uuid())
        .bind(micros(request.lease))
        .bind(request.take)
        .bind(micros(SWEEP));
    let rows = link.rows(query).await?;
    let row = rows
        .first()
        .ok_or_else(|| error::corrupt("the installation has no row in `meta`"))?;
    let mut columns = Columns::of(row);
    let (lanes, epochs): (Vec<i32>, Vec<i64>) = (columns.take()?, columns.take()?);
    let (others, counts): (Vec<Uuid>, Vec<i64>) = (columns.take()?, columns.take()?);
    let all = columns.number()?;
    let leases = leases(request, lanes.into_iter().zip(epochs))?;
    let mut held: Vec<(Uuid, usize)> = others
        .into_iter()
        .zip(counts)
        .map(|(other, count)| (other, usize::try_from(count).unwrap_or_default()))
        .collect();
    let company = !held.is_empty();
    let me = *request.worker.as_uuid();
    if request.take {
        held.push((me, leases.len()));
        held.sort_unstable();
    }
    let place = held.iter().position(|(worker, _)| *worker == me);
    let held: Vec<usize> = held.into_iter().map(|(_, count)| count).collect();
    let mut share = Share::of(all, &held, place.unwrap_or_default());
    share.company = company;
    Ok(Renewed {
        leases,
        share,
        take: request.take,
        sweep: columns.take()?,
    })
}

/// Takes up to `count` lanes. A lock that nobody can share waits for what the last owner is
/// writing; a second statement then looks again, as somebody else may have been faster.
pub(crate) async fn take(
    link: &mut Link<'_>,
    request: &LaneRequest,
    count: usize,
) -> Result<Vec<LaneLease>, StoreError> {
    let lock = link
        .query(concat!(
            "WITH t AS MATERIALIZED (SELECT ",
            now!(),
            " AS now)
             SELECT l.lane FROM signalbus.lane AS l CROSS JOIN t
             WHERE ",
            may_be_taken!(),
            " ORDER BY l.lane LIMIT $3 FOR UPDATE OF l"
        ))
        .bind(link.dialect.test_monotonic())
        .bind(*request.worker.as_uuid())
        .bind(i64::try_from(count).unwrap_or(i64::MAX));
    let rows = link.rows(lock).await?;
    let lanes = rows.iter().map(|row| Columns::of(row).take::<i32>());
    let lanes = lanes.collect::<Result<Vec<_>, _>>()?;
    let take = link
        .query(concat!(
            "WITH t AS MATERIALIZED (SELECT ",
            now!(),
            " AS now)
             UPDATE signalbus.lane AS l SET worker = $2, epoch = epoch + 1
             FROM t WHERE l.lane = ANY($3) AND ",
            may_be_taken!(),
            " RETURNING l.lane, l.epoch"
        ))
        .bind(link.dialect.test_monotonic())
        .bind(*request.worker.as_uuid())
        .bind(lanes);
    let rows = link.rows(take).await?;
    let taken = rows.iter().map(|row| {
        let mut columns = Columns::of(row);
        Ok::<(i32, i64), StoreError>((columns.take()?, columns.take()?))
    });
    let taken = taken.collect::<Result<Vec<_>, _>>()?;
    leases(request, taken.into_iter())
}

fn leases(
    request: &LaneRequest,
    lanes: impl Iterator<Item = (i32, i64)>,
) -> Result<Vec<LaneLease>, StoreError> {
    lanes
        .map(|(lane, epoch)| {
            let lane = u16::try_from(lane).map_err(|_| error::corrupt("a lane is not known"))?;
            Ok(LaneLease {
                lane: LaneId(lane),
                epoch: Epoch(epoch.cast_unsigned()),
                remaining: request.lease,
            })
        })
        .collect()
}

/// How often somebody looks for what was left lying.
const SWEEP: Duration = Duration::from_secs(30);

/// Looks for what two transactions that ran at the same time may have left lying: one of all
/// workers does.
pub(crate) async fn sweep(link: &mut Link<'_>) -> Result<(), StoreError> {
    let turn = link
        .query(concat!(
            "WITH t AS MATERIALIZED (SELECT ",
            now!(),
            " AS now)
             UPDATE signalbus.meta AS m SET swept_at = t.now FROM t
             WHERE m.swept_at > t.now OR m.swept_at <= t.now - $2"
        ))
        .bind(link.dialect.test_monotonic())
        .bind(micros(SWEEP));
    if link.run(turn).await? == 0 {
        return Ok(());
    }
    order::sweep(link).await?;
    let now = link.now().await?;
    receipts::sweep(link, now).await
}

/// How many lanes a worker should have.
#[derive(Debug, PartialEq, Eq)]
struct Share {
    held: usize,
    target: usize,
    others_are_short: bool,
    company: bool,
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
            company: false,
        }
    }

    fn missing(&self) -> usize {
        self.target.saturating_sub(self.held)
    }
}

fn micros(time: Duration) -> i64 {
    // Not so long that a time behind it could not be written.
    const MOST: i64 = i64::MAX / 8;
    i64::try_from(time.as_micros()).map_or(MOST, |time| time.min(MOST))
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
