//! Lanes: leases with epochs, shared out evenly among the workers of all processes, on the time of
//! the database. A worker renews one row, its own; the row of a lane changes with its owner.

use std::{collections::HashMap, time::Duration};

use signalbus_core::{
    name::ChannelName,
    store::{Epoch, LaneHolding, LaneId, LaneLease, LaneRequest, Share, SpaceId, StoreError},
};
use uuid::Uuid;

use crate::{
    codec::{Columns, lane_column},
    database::{Link, now},
    error, order, receipts, siblings,
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
    /// What is to be done about each space that was asked for.
    shares: Vec<Sharing>,
    /// Whether other workers are there: they may have to be told of new work.
    pub(crate) has_company: bool,
    /// Whether nobody has looked for a while for what was left lying.
    pub(crate) sweep: bool,
}

/// A space, and the share of it that the worker should have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sharing {
    id: SpaceId,
    share: Share,
    /// How many lanes should be there, while some are missing.
    make: Option<u16>,
    /// How many lanes the worker should take.
    missing: usize,
}

impl Renewed {
    /// The spaces of which lanes have to be made or taken.
    pub(crate) fn to_do(&self) -> Vec<Sharing> {
        let all = self.shares.iter().copied();
        all.filter(|sharing| sharing.missing > 0 || sharing.make.is_some())
            .collect()
    }

    /// What the worker holds, with lanes that it took besides.
    pub(crate) fn holding(self, taken: Vec<LaneLease>) -> LaneHolding {
        let mut leases = self.leases;
        leases.extend(taken);
        leases.sort_by_key(|lease| lease.lane);
        let mut keeps = HashMap::new();
        for Sharing { id, share, .. } in self.shares {
            let held = leases.iter().filter(|lease| lease.lane.space() == id);
            keeps.insert(id, share.keeps(held.count(), true));
        }
        let surplus = leases.iter().filter(|lease| {
            let left = keeps.entry(lease.lane.space()).or_insert(0_usize);
            let too_many = *left == 0;
            *left = left.saturating_sub(1);
            too_many
        });
        LaneHolding {
            surplus: surplus.map(|lease| lease.lane).collect(),
            leases,
        }
    }
}

/// Gives lanes up.
pub(crate) async fn release(link: &mut Link<'_>, request: &LaneRequest) -> Result<(), StoreError> {
    let lanes: Vec<i64> = request.release.iter().copied().map(lane_column).collect();
    let query = link
        .query("UPDATE signalbus.lane SET worker = NULL WHERE worker = $1 AND lane = ANY($2)")
        .bind(*request.worker.as_uuid())
        .bind(lanes);
    link.run(query).await.map(drop)
}

/// Renews the lease of the worker, also one that has lapsed: as long as nobody took a lane, its
/// epoch stays. One statement. `lanes` is how many each channel has.
pub(crate) async fn renew(
    link: &mut Link<'_>,
    lanes: u16,
    request: &LaneRequest,
) -> Result<Renewed, StoreError> {
    let spaces: Vec<i64> = request
        .spaces
        .iter()
        .map(|space| space.id().get().cast_signed())
        .collect();
    let query = link
        .query(concat!(
            "WITH t AS MATERIALIZED (SELECT ",
            now!(),
            " AS now),
             gone AS (
                 DELETE FROM signalbus.worker AS w USING t
                 WHERE w.until <= t.now AND w.worker <> $2),
             renewed AS (
                 INSERT INTO signalbus.worker AS w (worker, since, until, spaces)
                 SELECT $2, t.now, t.now + $3, $4 FROM t
                 ON CONFLICT (worker) DO UPDATE SET
                     since = excluded.since, until = excluded.until, spaces = excluded.spaces),
             others AS (
                 SELECT w.worker, s.space,
                        (SELECT count(*) FROM signalbus.lane AS l
                         WHERE l.worker = w.worker AND l.lane >> 16 = s.space) AS held
                 FROM t JOIN signalbus.worker AS w ON w.worker <> $2 AND w.until > t.now
                 CROSS JOIN LATERAL unnest(w.spaces) AS s (space)
                 WHERE s.space = ANY($4))
             SELECT ARRAY(SELECT lane FROM signalbus.lane WHERE worker = $2 ORDER BY lane),
                    ARRAY(SELECT epoch FROM signalbus.lane WHERE worker = $2 ORDER BY lane),
                    ARRAY(SELECT worker FROM others ORDER BY worker, space),
                    ARRAY(SELECT space FROM others ORDER BY worker, space),
                    ARRAY(SELECT held FROM others ORDER BY worker, space),
                    ARRAY(SELECT (SELECT count(*) FROM signalbus.lane AS l
                                  WHERE l.lane BETWEEN a.space << 16 AND (a.space << 16) + 65535)
                          FROM unnest($4) WITH ORDINALITY AS a (space, nth) ORDER BY a.nth),
                    EXISTS (SELECT 1 FROM signalbus.worker AS w
                            WHERE w.worker <> $2 AND w.until > t.now AND w.spaces <> '{}'),
                    m.swept_at > t.now OR m.swept_at <= t.now - $5
             FROM t CROSS JOIN signalbus.meta AS m"
        ))
        .bind(link.dialect.test_monotonic())
        .bind(*request.worker.as_uuid())
        .bind(micros(request.lease))
        .bind(spaces)
        .bind(micros(SWEEP));
    let rows = link.rows(query).await?;
    let row = rows
        .first()
        .ok_or_else(|| error::corrupt("the installation has no row in `meta`"))?;
    let mut columns = Columns::of(row);
    let (owned, epochs): (Vec<i64>, Vec<i64>) = (columns.take()?, columns.take()?);
    let (others, of, held): (Vec<Uuid>, Vec<i64>, Vec<i64>) =
        (columns.take()?, columns.take()?, columns.take()?);
    let counts: Vec<i64> = columns.take()?;
    let leases = leases(request, owned.into_iter().zip(epochs));
    let me = *request.worker.as_uuid();
    let shares = request.spaces.iter().zip(counts).map(|(space, found)| {
        let id = space.id();
        let mine = leases.iter().filter(|lease| lease.lane.space() == id);
        let mine = mine.count();
        let mut sharers = vec![(me, mine)];
        for ((other, of), held) in others.iter().zip(&of).zip(&held) {
            if of.cast_unsigned() == id.get() {
                sharers.push((*other, usize::try_from(*held).unwrap_or_default()));
            }
        }
        sharers.sort_unstable();
        let place = sharers.iter().position(|(worker, _)| *worker == me);
        let held: Vec<usize> = sharers.into_iter().map(|(_, held)| held).collect();
        let (found, wanted) = (
            usize::try_from(found).unwrap_or_default(),
            space.lanes(lanes),
        );
        let share = Share::of(found.max(usize::from(wanted)), &held, place);
        Sharing {
            id,
            share,
            make: (found < usize::from(wanted)).then_some(wanted),
            missing: share.missing(mine),
        }
    });
    Ok(Renewed {
        shares: shares.collect(),
        leases,
        has_company: columns.take()?,
        sweep: columns.take()?,
    })
}

/// Makes and takes what is missing of a space. A lock that nobody can share waits for what the last
/// owner is writing; a second statement then looks again, as somebody else may have been faster.
pub(crate) async fn take(
    link: &mut Link<'_>,
    request: &LaneRequest,
    sharing: Sharing,
) -> Result<Vec<LaneLease>, StoreError> {
    let space = sharing.id.get().cast_signed();
    if let Some(lanes) = sharing.make {
        let make = link
            .query(
                "INSERT INTO signalbus.lane (lane, epoch)
                 SELECT ($1 << 16) + number, 0
                 FROM generate_series(0::bigint, $2::bigint - 1) AS number
                 ON CONFLICT DO NOTHING",
            )
            .bind(space)
            .bind(i64::from(lanes));
        link.run(make).await?;
    }
    let lock = link
        .query(concat!(
            "WITH t AS MATERIALIZED (SELECT ",
            now!(),
            " AS now)
             SELECT l.lane FROM signalbus.lane AS l CROSS JOIN t
             WHERE l.lane BETWEEN $4 << 16 AND ($4 << 16) + 65535 AND ",
            may_be_taken!(),
            " ORDER BY l.lane LIMIT $3 FOR UPDATE OF l"
        ))
        .bind(link.dialect.test_monotonic())
        .bind(*request.worker.as_uuid())
        .bind(i64::try_from(sharing.missing).unwrap_or(i64::MAX))
        .bind(space);
    let rows = link.rows(lock).await?;
    let lanes = rows.iter().map(|row| Columns::of(row).take::<i64>());
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
        Ok::<(i64, i64), StoreError>((columns.take()?, columns.take()?))
    });
    let taken = taken.collect::<Result<Vec<_>, _>>()?;
    Ok(leases(request, taken.into_iter()))
}

fn leases(request: &LaneRequest, lanes: impl Iterator<Item = (i64, i64)>) -> Vec<LaneLease> {
    lanes
        .map(|(lane, epoch)| LaneLease {
            lane: LaneId::from_stored(lane.cast_unsigned()),
            epoch: Epoch(epoch.cast_unsigned()),
            remaining: request.lease,
        })
        .collect()
}

/// Counts what is ready, or was claimed, on channels that no living worker wants: up to 10,000 of
/// each class, so that a backlog nobody can send costs little.
pub(crate) async fn unserved(link: &mut Link<'_>) -> Result<Vec<(ChannelName, u64)>, StoreError> {
    let query = link
        .query(concat!(
            "WITH t AS MATERIALIZED (SELECT ",
            now!(),
            " AS now),
             present AS (
                 SELECT c.class, p.channel
                 FROM (VALUES (0::smallint), (1::smallint), (2::smallint)) AS c (class)
                 CROSS JOIN LATERAL (
                     WITH RECURSIVE present AS (
                         (SELECT d.channel FROM signalbus.delivery AS d
                          WHERE d.state = 0 AND d.class = c.class ORDER BY d.channel LIMIT 1)
                         UNION ALL
                         SELECT n.channel FROM present AS p CROSS JOIN LATERAL (
                             SELECT d.channel FROM signalbus.delivery AS d
                             WHERE d.state = 0 AND d.class = c.class AND d.channel > p.channel
                             ORDER BY d.channel LIMIT 1) AS n)
                     SELECT channel FROM present) AS p)
             SELECT p.channel, n.waiting, ARRAY(
                 SELECT DISTINCT s.space FROM t JOIN signalbus.worker AS w ON w.until > t.now
                 CROSS JOIN LATERAL unnest(w.spaces) AS s (space))
             FROM present AS p CROSS JOIN LATERAL (
                 SELECT count(*) AS waiting FROM (
                     SELECT 1 FROM signalbus.delivery AS d
                     WHERE d.state = 0 AND d.class = p.class AND d.channel = p.channel
                     LIMIT 10000) AS ready) AS n
             UNION ALL
             SELECT d.channel, count(*), ARRAY(
                 SELECT DISTINCT s.space FROM t JOIN signalbus.worker AS w ON w.until > t.now
                 CROSS JOIN LATERAL unnest(w.spaces) AS s (space))
             FROM signalbus.delivery AS d WHERE d.state = 2 GROUP BY d.channel"
        ))
        .bind(link.dialect.test_monotonic());
    let rows = link.rows(query).await?;
    let mut unserved: Vec<(ChannelName, u64)> = Vec::new();
    for row in &rows {
        let mut columns = Columns::of(row);
        let (channel, count): (ChannelName, u64) = (columns.name()?, columns.number()?);
        let wanted: Vec<i64> = columns.take()?;
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
    receipts::sweep(link, now).await?;
    siblings::sweep(link, now).await
}

fn micros(time: Duration) -> i64 {
    // Not so long that a time behind it could not be written.
    const MOST: i64 = i64::MAX / 8;
    i64::try_from(time.as_micros()).map_or(MOST, |time| time.min(MOST))
}
