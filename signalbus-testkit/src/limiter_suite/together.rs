//! Several keys, and several that ask.

use std::time::Duration;

use signalbus_core::limit::{Ask, LimitErrorKind};

use super::{
    Harness,
    harness::{HOUR, in_time, is_about},
};

/// Each key has all of its limit.
pub async fn keys_do_not_take_from_each_other(h: Harness) {
    let (one, other) = (h.key(), h.key());
    for key in [&one, &other] {
        let ask = Ask::now(key.clone(), h.hourly(1));
        assert_eq!(h.ask(ask.clone()).await.granted(), 1);
        assert_eq!(h.ask(ask).await.granted(), 0);
    }
}

/// Whatever order the keys have.
pub async fn answers_come_in_the_order_of_asks(h: Harness) {
    let mut keys: Vec<_> = (0..4).map(|_| h.key()).collect();
    for _ in 0..2 {
        keys.reverse();
        let asks: Vec<Ask> = (1..)
            .zip(&keys)
            .map(|(burst, key)| Ask::now(key.clone(), h.hourly(burst)).with_units(9))
            .collect();
        // A look at some, and more of others.
        let looks = asks.iter().cloned().map(|ask| ask.with_units(0)).collect();
        let before: Vec<u32> = h
            .take(looks)
            .await
            .iter()
            .map(|slots| slots.left())
            .collect();
        let granted: Vec<u32> = h
            .take(asks)
            .await
            .iter()
            .map(|slots| slots.granted())
            .collect();
        assert_eq!(granted, before);
    }
}

/// The sum is what should have been asked for.
pub async fn a_key_twice_is_refused(h: Harness) {
    let ask = Ask::now(h.key(), h.hourly(2));
    let error = in_time(h.limiter.take(vec![ask.clone(), ask.clone()]))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), LimitErrorKind::Invalid);
    assert_eq!(h.ask(ask.with_units(2)).await.granted(), 2, "{error}");
}

/// Nothing is asked, nothing is answered.
pub async fn an_empty_batch_is_fine(h: Harness) {
    assert!(h.take(Vec::new()).await.is_empty());
}

/// However many ask at the same time.
pub async fn many_at_once_get_no_more(h: Harness) {
    let ask = Ask::now(h.key(), h.hourly(50)).with_units(7);
    let answers = together(&h, (0..20).map(|_| vec![ask.clone()]).collect()).await;
    let granted: u32 = answers.iter().flatten().map(|slots| slots.granted()).sum();
    assert_eq!(granted, 50);
    let slots = h.ask(ask.with_patience(Duration::ZERO)).await;
    assert!(is_about(slots.wait(0), 1), "{slots:?}");
}

/// Those that ask for the same keys in another order do not wait for each other for ever.
pub async fn batches_that_cross_are_answered(h: Harness) {
    let keys: Vec<_> = (0..6).map(|_| h.key()).collect();
    let batch = |round: usize| {
        let mut keys = keys.clone();
        keys.rotate_left(round % 6);
        if round % 2 == 1 {
            keys.reverse();
        }
        let ask = |key| Ask::now(key, h.hourly(1)).with_patience(HOUR * 20);
        keys.into_iter().map(ask).collect::<Vec<Ask>>()
    };
    let answers = together(&h, (0..12).map(batch).collect()).await;
    assert!(answers.iter().flatten().all(|slots| slots.granted() == 1));
    for key in keys {
        let slots = h.ask(Ask::look(key, h.hourly(1))).await;
        assert!(is_about(slots.wait(0), 12), "{slots:?}");
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "they are to run at the same time"
)]
async fn together(h: &Harness, batches: Vec<Vec<Ask>>) -> Vec<Vec<signalbus_core::limit::Slots>> {
    let tasks: Vec<_> = batches
        .into_iter()
        .map(|batch| {
            let h = h.clone();
            tokio::spawn(async move { h.take(batch).await })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(in_time(task).await.unwrap());
    }
    answers
}
