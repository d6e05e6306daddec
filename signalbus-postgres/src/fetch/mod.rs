//! Reading work. One statement tells whether there is any, which is all that an idle worker asks;
//! no statement walks over work that it does not return.

mod due;
mod groups;

use signalbus_core::{
    clock::Timestamp,
    event::Class,
    store::{Fetched, Interrupted, LaneLease, MOST_INTERRUPTED, StoreError, Window},
};

pub(crate) use due::Turn;

use crate::{
    codec::{Columns, class_of, lane_column, time},
    database::{Link, now},
    error, order,
    rewind::{self, Latest},
    row,
};

/// What every statement of a fetch is limited to.
struct Scope {
    now: Timestamp,
    lanes: Vec<i64>,
    channels: Vec<String>,
}

/// What there is to do, without what it is.
struct Glance {
    scope: Scope,
    next_due: Option<Timestamp>,
    unplaced: bool,
    interrupted: bool,
    /// Classes and channels of which something is ready, in any lane.
    ready: Vec<(Class, String)>,
}

impl Glance {
    fn is_due(&self) -> bool {
        self.next_due.is_some_and(|due| due <= self.scope.now)
    }
}

/// Reads work; moves what has become due among the ready before.
pub(crate) async fn fetch(
    link: &mut Link<'_>,
    leases: &[LaneLease],
    window: &Window,
    (turn, latest): (&Turn, &Latest),
) -> Result<Fetched, StoreError> {
    let mut glance = look(link, leases, window).await?;
    if latest.went_back(glance.scope.now) {
        rewind::rewind(link, glance.scope.now).await?;
        glance = look(link, leases, window).await?;
    }
    if glance.unplaced || glance.is_due() {
        let scope = &glance.scope;
        if glance.unplaced {
            order::place(link, scope.now, &scope.lanes).await?;
        }
        if glance.is_due() {
            due::promote(link, scope, turn).await?;
        }
        glance = look(link, leases, window).await?;
    }
    fill(link, glance, window).await
}

async fn fill(link: &mut Link<'_>, glance: Glance, window: &Window) -> Result<Fetched, StoreError> {
    let scope = glance.scope;
    let mut fetched = Fetched {
        now: scope.now,
        ready: Vec::new(),
        interrupted: Vec::new(),
        resume: Vec::new(),
        next_due: glance.next_due,
    };
    for class in &window.classes {
        let is_there = |(of, channel): &(Class, String)| {
            *of == class.class && scope.channels.contains(channel)
        };
        if glance.ready.iter().any(is_there) {
            let last =
                groups::read(link, &scope, class, window.per_group, &mut fetched.ready).await?;
            let last = last.map(|group| (class.class, group));
            fetched.resume.extend(last);
        }
    }
    if glance.interrupted {
        fetched.interrupted = interrupted(link, &scope).await?;
    }
    Ok(fetched)
}

/// Steps from channel to channel by the index, and looks at the first row of each lane.
const GLANCE: &str = concat!(
    "WITH t AS MATERIALIZED (SELECT ",
    now!(),
    " AS now),
     owned AS MATERIALIZED (
         SELECT l.lane, l.epoch FROM unnest($2::bigint[], $3::bigint[]) AS a (lane, epoch)
         JOIN signalbus.lane AS l ON l.lane = a.lane AND l.epoch = a.epoch
         WHERE l.worker IS NOT NULL)
     SELECT t.now,
            ARRAY(SELECT lane FROM owned),
            (SELECT min(n.due) FROM owned AS o CROSS JOIN LATERAL (
                 SELECT d.due FROM signalbus.delivery AS d
                 WHERE d.state = 1 AND d.lane = o.lane ORDER BY d.due LIMIT 1) AS n),
            EXISTS (SELECT 1 FROM owned AS o
                    JOIN signalbus.delivery AS d ON d.state = 4 AND d.lane = o.lane),
            EXISTS (SELECT 1 FROM owned AS o
                    JOIN signalbus.delivery AS d
                      ON d.state = 2 AND d.lane = o.lane AND d.claim_epoch < o.epoch),
            ARRAY(SELECT c.class || ' ' || p.channel
                  FROM (VALUES (0::smallint), (1::smallint), (2::smallint)) AS c (class)
                  CROSS JOIN LATERAL (
                      WITH RECURSIVE present AS (
                          (SELECT d.channel FROM signalbus.delivery AS d
                           WHERE d.state = 0 AND d.class = c.class
                           ORDER BY d.channel LIMIT 1)
                          UNION ALL
                          SELECT n.channel FROM present AS p CROSS JOIN LATERAL (
                              SELECT d.channel FROM signalbus.delivery AS d
                              WHERE d.state = 0 AND d.class = c.class AND d.channel > p.channel
                              ORDER BY d.channel LIMIT 1) AS n)
                      SELECT channel FROM present) AS p)
     FROM t"
);

async fn look(
    link: &mut Link<'_>,
    leases: &[LaneLease],
    window: &Window,
) -> Result<Glance, StoreError> {
    let (lanes, epochs): (Vec<i64>, Vec<i64>) = leases
        .iter()
        .map(|lease| (lane_column(lease.lane), lease.epoch.0.cast_signed()))
        .unzip();
    let query = link
        .query(GLANCE)
        .bind(link.dialect.test_time())
        .bind(lanes)
        .bind(epochs);
    let rows = link.rows(query).await?;
    let row = rows.first().ok_or_else(|| error::corrupt("no time"))?;
    let mut columns = Columns::of(row);
    let now = columns.time()?;
    let lanes = columns.take()?;
    let next_due = columns.int_or_none()?.map(time).transpose()?;
    let (unplaced, interrupted) = (columns.take()?, columns.take()?);
    let present: Vec<String> = columns.take()?;
    let ready = present.iter().filter_map(|word| {
        let (class, channel) = word.split_once(' ')?;
        // A class of a newer version is left to a newer worker.
        Some((class_of(class.parse().ok()?).ok()?, channel.to_owned()))
    });
    let mut channels: Vec<String> = window
        .channels
        .iter()
        .map(|channel| channel.as_str().to_owned())
        .collect();
    channels.sort_unstable();
    channels.dedup();
    Ok(Glance {
        scope: Scope {
            now,
            lanes,
            channels,
        },
        next_due,
        unplaced,
        interrupted,
        ready: ready.collect(),
    })
}

async fn interrupted(link: &mut Link<'_>, scope: &Scope) -> Result<Vec<Interrupted>, StoreError> {
    let query = link
        .query(concat!(
            "SELECT d.claimed_at, d.alone, ",
            row::ready_columns!(),
            " FROM unnest($1::bigint[]) AS a (lane)
              JOIN signalbus.lane AS l ON l.lane = a.lane
              JOIN signalbus.delivery AS d
                ON d.state = 2 AND d.lane = l.lane AND d.claim_epoch < l.epoch
              WHERE d.channel = ANY($2)
              ORDER BY d.position LIMIT $3"
        ))
        .bind(&scope.lanes)
        .bind(&scope.channels)
        .bind(i64::from(MOST_INTERRUPTED));
    let rows = link.rows(query).await?;
    let read = |row| {
        let mut columns = Columns::of(row);
        Ok(Interrupted {
            claimed_at: columns.time()?,
            alone: columns.take()?,
            ready: row::ready(&mut columns)?,
        })
    };
    Ok(rows
        .iter()
        .filter_map(|row| row::readable(read(row)))
        .collect())
}
