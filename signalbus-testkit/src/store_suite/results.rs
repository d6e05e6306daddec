//! Results: what became of a claimed delivery (P2, P3).

use std::time::Duration;

use signalbus_core::{
    provider::Outcome,
    store::{AttemptOutcome, EndState, Entry, Next, Position, Reason, SettleAnswer, State},
};

use super::{Harness, claim, provider, result, taken};

const MINUTE: Duration = Duration::from_secs(60);

/// P2: an accepted delivery has ended; who took it and the whole attempt are on record.
pub async fn an_accepted_delivery_has_ended(h: Harness) {
    let [ada] = h.given(h.event().to("ada")).await;
    let worker = h.worker().await;
    let ready = worker.ready(ada).await;
    worker.claims(&ready).await;
    h.clock.advance(Duration::from_secs(2));
    let mut settle = taken(&ready, "m-1");
    settle.record.detail = Some("250 2.0.0 Ok: queued as \"4ZQ\"".to_owned());
    let record = settle.record.clone();
    worker.settles(settle).await;
    let delivery = h.delivery(ada).await;
    assert_eq!(h.end(ada).await, (EndState::Accepted, Reason::Sent));
    assert_eq!(delivery.ended_at, Some(h.now()));
    assert_eq!(delivery.provider, Some(provider("fake")));
    assert_eq!(delivery.provider_message_id.as_deref(), Some("m-1"));
    let history = h.history(ada).await;
    assert_eq!(history.len(), 1);
    assert_eq!(history[0].at, h.now());
    assert_eq!(history[0].entry, Entry::Attempt(record));
    assert!(!worker.sees(ada).await);
}

/// P8: a retry waits its time, and what was learned goes with it.
pub async fn a_retry_waits_its_time(h: Harness) {
    let [ada] = h.given(h.event().to("ada")).await;
    let worker = h.worker().await;
    let ready = worker.ready(ada).await;
    worker.claims(&ready).await;
    h.clock.advance(Duration::from_secs(2));
    let mut settle = result(&ready, Next::Retry(MINUTE));
    (settle.failures, settle.suspicion) = (1, 2);
    worker.settles(settle).await;
    let due = h.after(MINUTE);
    assert_eq!(h.state(ada).await, State::Waiting);
    assert_eq!(h.delivery(ada).await.due, Some(due));
    h.clock.advance(MINUTE - Duration::from_millis(1));
    let early = worker.fetch().await;
    assert!(early.ready.is_empty());
    assert_eq!(early.next_due, Some(due));
    h.clock.advance(Duration::from_millis(1));
    let again = worker.ready(ada).await;
    assert_eq!((again.generation, again.attempt), (0, 1));
    assert_eq!((again.failures, again.suspicion), (1, 2));
    assert_eq!(again.since, due);
    assert!(again.is_retry());
}

/// P3: a result written again (its answer was lost) changes nothing.
pub async fn the_same_result_again_changes_nothing(h: Harness) {
    let [ada] = h.given(h.event().to("ada")).await;
    let worker = h.worker().await;
    let ready = worker.ready(ada).await;
    worker.claims(&ready).await;
    let settle = result(&ready, Next::Retry(MINUTE));
    worker.settles(settle.clone()).await;
    let before = h.delivery(ada).await;
    h.clock.advance(Duration::from_secs(1));
    assert_eq!(worker.settle(settle).await, SettleAnswer::Already);
    assert_eq!(h.delivery(ada).await.due, before.due);
    assert_eq!(h.history(ada).await.len(), 1);
}

/// P3: a whole flush written again gives the same answers in effect, and does nothing twice.
pub async fn a_flush_may_be_repeated(h: Harness) {
    let [ada, bob] = h.given(h.event().to("ada").to("bob")).await;
    let worker = h.worker().await;
    let (first, second) = (worker.ready(ada).await, worker.ready(bob).await);
    worker.claims(&first).await;
    let flush = || (vec![claim(&second)], vec![taken(&first, "m-1")]);
    for answer in [SettleAnswer::Applied, SettleAnswer::Already] {
        let (claims, settles) = flush();
        let flushed = worker.flush(claims, settles).await;
        assert_eq!(flushed.settles, [answer]);
        assert!(matches!(
            flushed.claims.as_slice(),
            [signalbus_core::store::ClaimAnswer::Claimed(_)]
        ));
    }
    assert_eq!(h.history(ada).await.len(), 1);
    assert_eq!(h.delivery(bob).await.attempt, 1);
}

/// P4: without its claim, or for another attempt, a result changes nothing.
pub async fn a_result_names_exactly_what_it_means(h: Harness) {
    let [ada, bob] = h.given(h.event().to("ada").to("bob")).await;
    let worker = h.worker().await;
    let (ready, other) = (worker.ready(ada).await, worker.ready(bob).await);
    let right = taken(&ready, "m-1");
    assert_eq!(worker.settle(right.clone()).await, SettleAnswer::Already);
    worker.claims(&ready).await;
    let mut wrong = vec![right.clone(); 5];
    wrong[0].attempt = 2;
    wrong[1].generation = 1;
    wrong[2].id = h.unknown_delivery();
    wrong[3].position = Position(i64::MAX);
    wrong[4].position = other.position;
    for settle in wrong {
        assert_eq!(worker.settle(settle).await, SettleAnswer::Already);
    }
    assert_eq!(h.state(ada).await, State::Sending);
    assert_eq!(h.history(ada).await, []);
    worker.settles(right).await;
}

/// P4: what has ended stays so.
pub async fn an_end_is_final(h: Harness) {
    let [ada] = h.given(h.event().to("ada")).await;
    let worker = h.worker().await;
    let ready = worker.ready(ada).await;
    worker.claims(&ready).await;
    let end = Next::End(EndState::Dead, Reason::Refused);
    worker.settles(result(&ready, end)).await;
    let mut late = taken(&ready, "m-1");
    assert_eq!(worker.settle(late.clone()).await, SettleAnswer::Already);
    late.attempt = 2;
    assert_eq!(worker.settle(late).await, SettleAnswer::Already);
    assert_eq!(h.end(ada).await, (EndState::Dead, Reason::Refused));
    assert_eq!(h.history(ada).await.len(), 1);
}

/// P2: every way to end can be written and is told back.
pub async fn every_end_can_be_written(h: Harness) {
    let worker = h.worker().await;
    for state in EndState::ALL {
        let reason = Reason::Other(format!("because-{}", state.as_str()));
        let id = h
            .ended(&worker, state.as_str(), state, reason.clone())
            .await;
        assert_eq!(h.end(id).await, (state, reason));
        assert!(!worker.sees(id).await);
    }
}

/// P2: the history keeps every attempt, oldest first, down to the unknown outcome.
pub async fn the_history_has_every_attempt(h: Harness) {
    let [ada] = h.given(h.event().to("ada")).await;
    let worker = h.worker().await;
    worker.postpones(ada, MINUTE).await;
    h.clock.advance(MINUTE);
    worker.postpones(ada, MINUTE).await;
    h.clock.advance(MINUTE);
    let ready = worker.ready(ada).await;
    worker.claims(&ready).await;
    let end = Next::End(EndState::OutcomeUnknown, Reason::NoAnswer);
    worker.settles(result(&ready, end)).await;
    let attempts: Vec<_> = h
        .history(ada)
        .await
        .into_iter()
        .map(|line| match line.entry {
            Entry::Attempt(record) => (record.attempt, record.outcome, record.retry_in),
            other => panic!("{other:?} is no attempt"),
        })
        .collect();
    let failed = AttemptOutcome::Failed;
    assert_eq!(
        attempts,
        [
            (1, failed(Outcome::Retryable), Some(MINUTE)),
            (2, failed(Outcome::Retryable), Some(MINUTE)),
            (3, failed(Outcome::Unknown), None),
        ]
    );
}

/// A generation sends one rendering: it is kept from try to try.
pub async fn a_rendering_is_kept_for_the_next_try(h: Harness) {
    let [ada] = h.given(h.event().to("ada")).await;
    let worker = h.worker().await;
    let ready = worker.ready(ada).await;
    worker.claims(&ready).await;
    let mut settle = result(&ready, Next::Retry(Duration::ZERO));
    settle.rendering = Some(vec![1, 0, 255].into());
    worker.settles(settle).await;
    for _ in 0..2 {
        let ready = worker.ready(ada).await;
        let claimed = worker.claims(&ready).await;
        assert_eq!(claimed.rendering.as_deref(), Some(&[1, 0, 255][..]));
        worker
            .settles(result(&ready, Next::Retry(Duration::ZERO)))
            .await;
    }
}
