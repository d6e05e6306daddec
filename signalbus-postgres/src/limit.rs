//! Limits that processes share, in a table of the same schema.

use async_trait::async_trait;
use signalbus_core::{
    limit::{Ask, LimitError, LimitErrorKind, Limiter, Slots, check_asks},
    store::{StoreError, StoreErrorKind},
};

use crate::{
    PostgresStore,
    codec::Columns,
    database::{Link, Mode, Use, now},
};

/// Limits that all processes share that use the same schema: `Arc::new(store.limiter())`.
///
/// A row for each key, read and written by one statement for each call, locked in the order of the keys.
/// Time is that of the database. The table is not logged, so that a call waits for no disk: after a
/// crash of the server, or a failover to a replica, it is empty, and each key may have one burst more.
/// Rows of keys that say nothing any more are dropped by and by.
#[derive(Debug, Clone)]
pub struct PostgresLimiter {
    store: PostgresStore,
}

impl PostgresStore {
    /// The limiter in this schema, on the connections of the application.
    #[must_use]
    pub fn limiter(&self) -> PostgresLimiter {
        PostgresLimiter {
            store: self.clone(),
        }
    }
}

#[async_trait]
impl Limiter for PostgresLimiter {
    async fn take(&self, asks: Vec<Ask>) -> Result<Vec<Slots>, LimitError> {
        check_asks(&asks)?;
        if asks.is_empty() {
            return Ok(Vec::new());
        }
        let database = self.store.database();
        let taken = database
            .call(Use::Application, Mode::Once, move |link| {
                let asks = asks.clone();
                Box::pin(async move { take(link, &asks).await })
            })
            .await;
        taken.map_err(of)
    }
}

/// How many rows that say nothing any more are dropped when a key is new.
const SWEPT: i64 = 20;

async fn take(link: &mut Link<'_>, asks: &[Ask]) -> Result<Vec<Slots>, StoreError> {
    // Two tries, as a key that was there may be dropped before it is made, and one more.
    for _ in 0..3 {
        let answers = answers(link, asks).await?;
        let slots: Vec<Slots> = asks
            .iter()
            .zip(&answers)
            .filter_map(|(ask, answer)| {
                answer.map(|(granted, first)| Slots::new(ask.limit, granted, first))
            })
            .collect();
        if slots.len() == asks.len() {
            return Ok(slots);
        }
        make(link, asks).await?;
    }
    Err(crate::error::unavailable(
        "the rows of limits are dropped as fast as they are made",
    ))
}

/// By the generic cell rate algorithm; nothing is written unless all keys have their row. The time is
/// read when the rows are locked: who waited for them is not answered of the past.
async fn answers(link: &mut Link<'_>, asks: &[Ask]) -> Result<Vec<Option<(u32, i64)>>, StoreError> {
    let keys: Vec<&str> = asks.iter().map(|ask| ask.key.as_str()).collect();
    let column = |of: &dyn Fn(&Ask) -> u128| -> Vec<i64> {
        let numbers = asks.iter().map(of);
        numbers
            .map(|number| i64::try_from(number).unwrap_or(i64::MAX))
            .collect()
    };
    let query = link
        .query(concat!(
            "WITH asked AS (
                 SELECT * FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
                     WITH ORDINALITY AS a (key, step, burst, units, patience, at)
             ), locked AS MATERIALIZED (
                 SELECT l.key, l.full_at FROM signalbus.level AS l
                 WHERE l.key = ANY($2::text[]) ORDER BY l.key FOR UPDATE
             ), timed AS MATERIALIZED (
                 SELECT l.key, l.full_at, ",
            now!(),
            " AS now FROM locked AS l
             ), found AS (
                 SELECT a.*, greatest(t.full_at, t.now) AS since,
                        greatest(t.full_at, t.now) - t.now - (a.burst - 1) * a.step AS first
                 FROM timed AS t JOIN asked AS a USING (key)
             ), answer AS MATERIALIZED (
                 SELECT *, CASE WHEN patience >= first
                     THEN least(units, (patience - first) / step + 1) ELSE 0 END AS granted
                 FROM found
             ), written AS (
                 UPDATE signalbus.level AS l SET full_at = n.since + n.granted * n.step
                 FROM answer AS n WHERE l.key = n.key AND n.granted > 0
                     AND (SELECT count(*) FROM answer) = cardinality($2::text[])
             )
             SELECT at, granted, first FROM answer"
        ))
        .bind(link.dialect.test_time())
        .bind(keys)
        .bind(column(&|ask| ask.limit.interval().as_micros()))
        .bind(column(&|ask| u128::from(ask.limit.burst())))
        .bind(column(&|ask| u128::from(ask.units)))
        .bind(column(&|ask| ask.patience.as_micros()));
    let mut answers = vec![None; asks.len()];
    for row in &link.rows(query).await? {
        let mut columns = Columns::of(row);
        let at: usize = columns.number()?;
        let answer = (columns.number()?, columns.int()?);
        if let Some(place) = answers.get_mut(at.saturating_sub(1)) {
            *place = Some(answer);
        }
    }
    Ok(answers)
}

/// Makes the rows that are missing, and drops some that say nothing any more.
async fn make(link: &mut Link<'_>, asks: &[Ask]) -> Result<(), StoreError> {
    let keys: Vec<&str> = asks.iter().map(|ask| ask.key.as_str()).collect();
    let sweep = link
        .query(concat!(
            "DELETE FROM signalbus.level WHERE key IN (
                 SELECT key FROM signalbus.level
                 WHERE full_at < ",
            now!(),
            " - 60000000 AND key <> ALL($2::text[])
                 ORDER BY key LIMIT $3 FOR UPDATE SKIP LOCKED)"
        ))
        .bind(link.dialect.test_time())
        .bind(keys.clone())
        .bind(SWEPT);
    link.run(sweep).await?;
    let make = link
        .query(concat!(
            "INSERT INTO signalbus.level (key, full_at)
             SELECT key, ",
            now!(),
            " FROM unnest($2::text[]) AS key ORDER BY key COLLATE \"C\"
             ON CONFLICT DO NOTHING"
        ))
        .bind(link.dialect.test_time())
        .bind(keys);
    link.run(make).await.map(drop)
}

fn of(error: StoreError) -> LimitError {
    let kind = match error.kind() {
        StoreErrorKind::Unavailable | StoreErrorKind::Ambiguous | StoreErrorKind::InUse => {
            LimitErrorKind::Unavailable
        }
        _ => LimitErrorKind::Invalid,
    };
    LimitError::new(kind, "taking slots: the database did not answer").with_source(error)
}
