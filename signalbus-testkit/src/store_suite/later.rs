//! What is put off: no retry, and what the engine wrote down for the next claim.

use std::time::Duration;

use signalbus_core::store::{Cancel, CancelTarget, EndState, Next, Reason, Why};

use super::{Harness, acme, result};

const MINUTE: Duration = Duration::from_secs(60);

/// It waits until the time that was said, and was not tried.
pub async fn what_was_put_off_waits_its_time(h: Harness) {
    let [ada] = h.given(h.event().to("ada")).await;
    let worker = h.worker().await;
    worker.puts_off(ada, h.after(MINUTE)).await;
    assert_eq!(h.delivery(ada).await.due, Some(h.after(MINUTE)));
    assert!(!worker.sees(ada).await);
    h.clock.advance(MINUTE);
    let ready = worker.ready(ada).await;
    assert_eq!((ready.attempt, ready.tries), (1, 0));
    assert!(!ready.is_retry(), "no send was begun");
    worker.claims(&ready).await;
}

/// Sends are counted apart from claims.
pub async fn only_sends_count_as_tries(h: Harness) {
    let [ada] = h.given(h.event().to("ada")).await;
    let worker = h.worker().await;
    worker.puts_off(ada, h.now()).await;
    worker.postpones(ada, Duration::ZERO).await;
    let ready = worker.ready(ada).await;
    assert_eq!((ready.attempt, ready.tries), (2, 1));
    assert!(ready.is_retry());
    assert_eq!(h.delivery(ada).await.tries, 1);
}

/// P4: what was called off meanwhile ends when it is put off.
pub async fn what_was_called_off_is_not_put_off(h: Harness) {
    let [ada] = h.given(h.event().to("ada")).await;
    let worker = h.worker().await;
    let ready = worker.ready(ada).await;
    worker.claims(&ready).await;
    let cancel = Cancel {
        target: CancelTarget::Delivery(ada),
        actor: "ops".to_owned(),
    };
    h.store().cancel(&acme(), cancel).await.unwrap();
    let (until, why) = (h.after(MINUTE), Why::Capped);
    worker
        .settles(result(&ready, Next::Later { until, why }))
        .await;
    assert_eq!(h.end(ada).await, (EndState::Cancelled, Reason::Cancelled));
}

/// What the engine writes down comes back with the next claim of the generation, until it writes
/// something else.
pub async fn a_memo_comes_back(h: Harness) {
    let [ada] = h.given(h.event().to("ada")).await;
    let worker = h.worker().await;
    for (memo, before) in [(Some("first"), None), (None, Some("first")), (None, None)] {
        let ready = worker.ready(ada).await;
        assert_eq!(ready.memo.as_deref(), before.map(str::as_bytes));
        worker.claims(&ready).await;
        let mut settle = result(&ready, Next::Retry(Duration::ZERO));
        settle.memo = memo.map(Into::into);
        worker.settles(settle).await;
    }
}

/// P8: a retry waits no longer than it was to, when the wall clock goes back; nor shorter.
pub async fn a_retry_waits_no_longer_when_the_clock_goes_back(h: Harness) {
    let [ada] = h.given(h.event().to("ada")).await;
    let worker = h.worker().await;
    worker.postpones(ada, MINUTE).await;
    h.clock.set(h.now() - Duration::from_hours(1));
    assert!(!worker.sees(ada).await);
    h.clock.advance(MINUTE - Duration::from_secs(1));
    assert!(!worker.sees(ada).await, "not before its time");
    h.clock.advance(Duration::from_secs(1));
    assert!(worker.sees(ada).await, "not an hour late");
}

/// What waits for a given time waits for it, wherever the wall clock goes.
pub async fn a_given_time_stays_so(h: Harness) {
    let at = h.after(MINUTE);
    let [ada] = h.given(h.event().to("ada").send_at(at)).await;
    let [bob] = h.given(h.event().to("bob")).await;
    let worker = h.worker().await;
    worker.puts_off(bob, at).await;
    h.clock.set(h.now() - Duration::from_hours(1));
    h.clock.advance(2 * MINUTE);
    assert!(!worker.sees(ada).await && !worker.sees(bob).await);
    h.clock.set(at);
    assert!(worker.sees(ada).await && worker.sees(bob).await);
}
