//! What claims take from counters, and results give back.

use std::time::Duration;

use signalbus_core::store::{
    ClaimAnswer, CounterKey, EndState, Entry, Next, Reason, Refund, Retention, State, Take, Why,
};

use super::{Harness, claim, result, taken};

const SECOND: Duration = Duration::from_secs(1);

const DAY: CounterKey = CounterKey([1; 16]);
const MONTH: CounterKey = CounterKey([2; 16]);

/// Of three that take one each, two get it; the third waits for the next day, and is no retry.
pub async fn a_claim_that_finds_too_little_is_put_off(h: Harness) {
    let event = h.event().to("ada").to("bob").to("cid");
    let [ada, bob, cid] = h.given(event).await;
    let worker = h.worker().await;
    let until = h.after(60 * SECOND);
    let mut claims = Vec::new();
    for id in [ada, bob, cid] {
        let mut claim = claim(&worker.ready(id).await);
        claim.takes = vec![Take::new(DAY, 1, 2, until)];
        claims.push(claim);
    }
    let answers = worker.flush(claims.clone(), Vec::new()).await.claims;
    assert!(matches!(answers[0], ClaimAnswer::Claimed(_)), "{answers:?}");
    assert!(matches!(answers[1], ClaimAnswer::Claimed(_)), "{answers:?}");
    let ClaimAnswer::Later { until: told } = &answers[2] else {
        panic!("the counter had nothing left: {answers:?}");
    };
    assert_eq!(*told, until);
    let record = h.delivery(cid).await;
    assert_eq!((record.state, record.due), (State::Waiting, Some(until)));
    assert_eq!((record.attempt, record.tries), (1, 0));
    let why = Why::Capped;
    let history = h.history(cid).await;
    let last = history.last().map(|line| line.entry.clone());
    assert_eq!(last, Some(Entry::PutOff { until, why }));

    // The same claims again, after their answer was lost: nothing is taken twice.
    let answers = worker.flush(claims[..2].to_vec(), Vec::new()).await.claims;
    let all = answers
        .iter()
        .all(|one| matches!(one, ClaimAnswer::Claimed(_)));
    assert!(all, "{answers:?}");

    h.clock.advance(60 * SECOND);
    let ready = worker.ready(cid).await;
    assert!(!ready.is_retry());
    let mut again = claim(&ready);
    again.takes = vec![Take::new(DAY, 2, 2, h.after(60 * SECOND))];
    let answers = worker.flush(vec![again], Vec::new()).await.claims;
    assert!(
        matches!(answers[0], ClaimAnswer::Claimed(_)),
        "a new day: {answers:?}"
    );
}

/// Nothing is taken of one counter when another has too little.
pub async fn a_claim_takes_all_or_nothing(h: Harness) {
    let event = h.event().to("ada").to("bob").to("cid");
    let [ada, bob, cid] = h.given(event).await;
    let worker = h.worker().await;
    let (day, month) = (h.after(60 * SECOND), h.after(600 * SECOND));
    let takes = |month_limit, of_day| {
        vec![
            Take::new(DAY, of_day, 3, day),
            Take::new(MONTH, 1, month_limit, month),
        ]
    };
    for (id, month_limit, of_day, expected) in [
        (ada, 0, 3, Some(month)),
        (bob, 9, 3, None),
        (cid, 9, 1, Some(day)),
    ] {
        let mut claim = claim(&worker.ready(id).await);
        claim.takes = takes(month_limit, of_day);
        let answers = worker.flush(vec![claim], Vec::new()).await.claims;
        let told = match &answers[0] {
            ClaimAnswer::Later { until } => Some(*until),
            ClaimAnswer::Claimed(_) => None,
            other => panic!("{other:?}"),
        };
        assert_eq!(told, expected);
    }
}

/// What a result gives back, the next one may take; once, however often the result is written.
pub async fn a_result_gives_back_once(h: Harness) {
    let event = h.event().to("ada").to("bob").to("cid");
    let [ada, bob, cid] = h.given(event).await;
    let worker = h.worker().await;
    let until = h.after(600 * SECOND);
    let ready = worker.ready(ada).await;
    let mut first = claim(&ready);
    first.takes = vec![Take::new(DAY, 3, 3, until)];
    worker.flush(vec![first], Vec::new()).await;
    let mut settle = taken(&ready, "m-1");
    settle.refunds = vec![Refund::new(DAY, 1)];
    for _ in 0..2 {
        worker.settle(settle.clone()).await;
    }
    for (id, claimed) in [(bob, true), (cid, false)] {
        let mut claim = claim(&worker.ready(id).await);
        claim.takes = vec![Take::new(DAY, 1, 3, until)];
        let answers = worker.flush(vec![claim], Vec::new()).await.claims;
        let was = matches!(answers[0], ClaimAnswer::Claimed(_));
        assert_eq!(was, claimed, "{answers:?}");
    }
}

/// A refused claim takes nothing, and counters go when their time has passed.
pub async fn only_what_is_sent_is_taken(h: Harness) {
    let event = h.event().to("ada").expires_at(h.after(30 * SECOND));
    let [ada] = h.given(event).await;
    let [bob] = h.given(h.event().to("bob")).await;
    let worker = h.worker().await;
    let ready = [worker.ready(ada).await, worker.ready(bob).await];
    h.clock.advance(30 * SECOND);
    let until = h.after(60 * SECOND);
    let mut claims = ready.iter().map(claim).collect::<Vec<_>>();
    for claim in &mut claims {
        claim.takes = vec![Take::new(DAY, 1, 1, until)];
    }
    let answers = worker.flush(claims.clone(), Vec::new()).await.claims;
    assert!(matches!(answers[1], ClaimAnswer::Claimed(_)), "{answers:?}");
    assert_eq!(h.delivery(ada).await.state, State::Ended(EndState::Expired));
    let ended = Next::End(EndState::Dead, Reason::Refused);
    worker.settles(result(&ready[1], ended)).await;
    h.clock.advance(61 * SECOND);
    let retention = Retention::new(SECOND);
    assert_eq!(h.store().purge(&retention).await.unwrap(), 2);
}
