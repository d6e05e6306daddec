//! The ring of histories: emptied a month at a time, and never too early.

use std::{sync::Arc, time::Duration};

use signalbus::{
    event::Class,
    store::{EndState, NewEvent, Reason, Retention, Store},
};
use signalbus_testkit::ManualClock;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::{
    server,
    support::{event, ids, tenant},
};

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// An event that ended when it was accepted: its history has a line.
fn ended() -> NewEvent {
    let mut event = event(&ids(), "acme", Class::Bulk);
    event.deliveries[0].ended = Some((EndState::Dead, Reason::InvalidAddress));
    event
}

async fn lines(schema: &str) -> i64 {
    let mut host = PgConnection::connect(&server::url()).await.unwrap();
    let count = format!("SELECT count(*) FROM {schema}.history");
    sqlx::query_scalar(AssertSqlSafe(count))
        .fetch_one(&mut host)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_month_of_which_nothing_is_left_is_emptied() {
    let (schema, clock) = (server::schema(), ManualClock::default());
    let builder = server::builder(&schema).clock(Arc::new(clock.clone()));
    let store = builder.open().await.unwrap();
    let kept = ended();
    let id = kept.deliveries[0].id;
    store.accept(vec![ended(), kept], Vec::new()).await.unwrap();
    let at_once = Retention::new(Duration::ZERO);
    assert_eq!(store.purge(&at_once).await.unwrap(), 0);
    clock.advance(Duration::from_secs(1));
    assert_eq!(store.purge(&at_once.clone().limit(1)).await.unwrap(), 1);
    assert_eq!(lines(&schema).await, 2, "the month has another event");
    assert_eq!(store.history(&tenant("acme"), id).await.unwrap().len(), 1);

    for month in 0..30 {
        clock.advance(31 * DAY);
        let recent = ended();
        let id = recent.deliveries[0].id;
        store.accept(vec![recent], Vec::new()).await.unwrap();
        store.purge(&at_once).await.unwrap();
        assert!(lines(&schema).await <= 4, "in month {month}");
        let history = store.history(&tenant("acme"), id).await.unwrap();
        assert_eq!(history.len(), 1, "in month {month}");
    }
}
