//! One key: what it gets, and when.

use std::time::Duration;

use signalbus_core::limit::{Ask, Limit};

use super::{
    Harness,
    harness::{HOUR, in_time, is_about},
};

/// After a rest the burst may be used.
pub async fn a_burst_is_there_at_once(h: Harness) {
    let ask = Ask::now(h.key(), h.hourly(3));
    for left in [2, 1, 0] {
        let slots = h.ask(ask.clone()).await;
        assert_eq!((slots.granted(), slots.left()), (1, left));
        assert_eq!(slots.wait(0), Duration::ZERO);
    }
    assert_eq!(h.ask(ask).await.granted(), 0);
}

/// Who comes too early hears when to come.
pub async fn what_is_more_is_told_when(h: Harness) {
    let ask = Ask::now(h.key(), h.hourly(2)).with_units(2);
    assert_eq!(h.ask(ask.clone()).await.granted(), 2);
    let slots = h.ask(ask).await;
    assert_eq!(slots.granted(), 0);
    assert!(is_about(slots.wait(0), 1), "{slots:?}");
    assert!(is_about(slots.full_in(), 2), "{slots:?}");
}

/// Asking in vain costs nothing.
pub async fn what_is_refused_is_not_taken(h: Harness) {
    let ask = Ask::now(h.key(), h.hourly(1));
    assert_eq!(h.ask(ask.clone()).await.granted(), 1);
    for _ in 0..5 {
        let slots = h.ask(ask.clone()).await;
        assert_eq!(slots.granted(), 0);
        assert!(is_about(slots.wait(0), 1), "{slots:?}");
    }
}

/// A look tells the same and takes nothing.
pub async fn a_look_takes_nothing(h: Harness) {
    let key = h.key();
    let look = Ask::look(key.clone(), h.hourly(2));
    for _ in 0..5 {
        let slots = h.ask(look.clone()).await;
        assert_eq!((slots.granted(), slots.left()), (0, 2));
        assert_eq!(slots.wait(0), Duration::ZERO);
    }
    let all = Ask::now(key, h.hourly(2)).with_units(2);
    assert_eq!(h.ask(all).await.granted(), 2);
    let slots = h.ask(look).await;
    assert_eq!((slots.granted(), slots.left()), (0, 0));
    assert!(is_about(slots.wait(0), 1), "{slots:?}");
}

/// Who waits gets the next slots, each another.
pub async fn a_slot_ahead_is_reserved(h: Harness) {
    let ask = Ask::now(h.key(), h.hourly(1)).with_patience(HOUR * 3);
    for hours in 0..4 {
        let slots = h.ask(ask.clone()).await;
        assert_eq!(slots.granted(), 1);
        assert!(is_about(slots.wait(0), hours), "{slots:?}");
    }
    let slots = h.ask(ask).await;
    assert_eq!(slots.granted(), 0);
    assert!(is_about(slots.wait(0), 4), "{slots:?}");
}

/// Of a larger ask, what is not too far ahead.
pub async fn what_fits_is_granted(h: Harness) {
    let key = h.key();
    let slots = h
        .ask(Ask::now(key.clone(), h.hourly(4)).with_units(10))
        .await;
    assert_eq!(slots.granted(), 4);
    assert!(is_about(slots.wait(4), 1), "{slots:?}");
    let more = Ask::now(key, h.hourly(4))
        .with_units(10)
        .with_patience(HOUR * 2);
    assert_eq!(h.ask(more).await.granted(), 2);
}

/// The units of one answer are as far apart as those of many.
pub async fn a_batch_is_spread(h: Harness) {
    let ask = Ask::now(h.key(), h.hourly(2))
        .with_units(5)
        .with_patience(HOUR * 10);
    let slots = h.ask(ask.clone()).await;
    assert_eq!(slots.granted(), 5);
    let waits = [0, 0, 1, 2, 3];
    for (unit, hours) in (0..).zip(waits) {
        assert!(is_about(slots.wait(unit), hours), "{unit} of {slots:?}");
    }
    let next = h.ask(ask.with_units(1)).await;
    assert!(is_about(next.wait(0), 4), "{next:?}");
}

/// What was used up comes back.
pub async fn time_brings_slots(h: Harness) {
    let ask = Ask::now(h.key(), Limit::per(1, Duration::from_millis(50)));
    assert_eq!(h.ask(ask.clone()).await.granted(), 1);
    in_time(async {
        while h.ask(ask.clone()).await.granted() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// The limit that an ask names is the one that it is answered by.
pub async fn another_limit_holds_at_once(h: Harness) {
    let key = h.key();
    assert_eq!(h.ask(Ask::now(key.clone(), h.hourly(1))).await.granted(), 1);
    assert_eq!(h.ask(Ask::now(key.clone(), h.hourly(1))).await.granted(), 0);
    // One hour is used up, and three may be.
    let more = Ask::now(key, h.hourly(3)).with_units(9);
    assert_eq!(h.ask(more).await.granted(), 2);
}
