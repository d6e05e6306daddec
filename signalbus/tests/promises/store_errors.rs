//! A store that fails: nothing is lost, and nothing is sent twice without a cause.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use signalbus::{
    EngineOptions, Idempotency, Order, TenantId, Verdict,
    provider::Fault,
    store::{CancelTarget, EndState, Reason},
};
use signalbus_testkit::provider::Play;

use crate::common::{
    Call, Fails, MINUTE, S, TestStore, World, assert_ended, assert_waiting, every, note, note_to,
    person, send, send_now,
};

/// Every n-th call fails, in turn before and after its work.
fn every_nth(n: u32) -> impl FnMut(Call) -> Option<Fails> + Send {
    let mut calls = 0;
    move |_| {
        calls += 1;
        match calls % (2 * n) {
            0 => Some(Fails::After),
            rest if rest == n => Some(Fails::Before),
            _ => None,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_nth_call_fails() {
    for n in [2, 3, 5] {
        let (world, store) = World::with_test_store();
        let bus = world.start_with(world.mail().retry(every(S))).await;
        world.email.when(
            {
                let seen = Mutex::new(HashSet::new());
                move |delivery| {
                    delivery.message.subject.ends_with('7')
                        && seen.lock().unwrap().insert(delivery.id)
                }
            },
            Play::retryable(Fault::Recipient),
        );
        store.fail(every_nth(n));
        let mut ids = Vec::new();
        for number in 0..100 {
            let event = note_to(person(number % 10), &number.to_string());
            // What every publisher should do: try again with the same key.
            let published = loop {
                match bus.publish(event.clone()).await {
                    Ok(published) => break published,
                    Err(error) => assert!(error.is_transient(), "{error}"),
                }
            };
            assert_ne!(published.verdict, Verdict::Conflict);
            ids.push(published.routes[0].delivery);
            world.pass(10 * S / 1000).await;
        }
        world.pass(MINUTE).await;
        store.heal();
        for id in ids {
            assert_ended(&bus, id, EndState::Accepted, Reason::Sent).await;
            world.email.books().assert_sent_once(id);
        }
        assert_eq!(world.email.requests().len(), 110);
    }
}

#[tokio::test(start_paused = true)]
async fn a_publish_whose_answer_was_lost_is_a_duplicate() {
    let (world, store) = World::with_test_store();
    let bus = world.start().await;
    bus.idle().await;
    store.fail(|call| (call == Call::Accept).then_some(Fails::After));
    let error = bus.publish(note("a")).await.unwrap_err();
    assert!(error.is_transient());
    store.heal();
    let again = bus.publish(note("a")).await.unwrap();
    assert_eq!(again.verdict, Verdict::Duplicate);
    world.pass(S).await;
    world
        .email
        .books()
        .assert_sent_once(again.routes[0].delivery);
}

#[tokio::test(start_paused = true)]
async fn without_a_key_a_repeat_is_another_message() {
    let (world, store) = World::with_test_store();
    let bus = world.start().await;
    let event = || {
        let mut event = note("a");
        event.idempotency = Idempotency::None;
        event
    };
    store.fail(|call| (call == Call::Accept).then_some(Fails::After));
    bus.publish(event()).await.unwrap_err();
    store.heal();
    send_now(&bus, event()).await;
    world.pass(S).await;
    world.email.books().assert_sent_count(2);
}

/// The next flush is written and its answer lost, and no other is taken until the store heals.
pub(crate) fn lose_an_answer(store: &TestStore) {
    let mut flushes = 0;
    store.fail(move |call| {
        flushes += u32::from(call == Call::Flush);
        match (call, flushes) {
            (Call::Flush, 1) => Some(Fails::After),
            (Call::Flush, _) => Some(Fails::Before),
            _ => None,
        }
    });
}

#[tokio::test(start_paused = true)]
async fn what_happens_while_the_answer_to_a_claim_is_lost_counts() {
    let (world, store) = World::with_test_store();
    let bus = world.engine(world.mail()).build().unwrap();
    lose_an_answer(&store);
    let late = send(&bus, note_to(person(1), "a").expires_at(world.at(5 * S))).await;
    let unwanted = send(&bus, note_to(person(2), "b")).await;
    let called_off = send(&bus, note_to(person(3), "c")).await;
    let fine = send(&bus, note_to(person(4), "d")).await;
    bus.start();
    world.pass(S).await;
    let tenant = TenantId::default();
    let listed = bus.suppress(&tenant, "email", "person-2@example.org", "manual");
    listed.await.unwrap();
    let target = CancelTarget::Delivery(called_off);
    bus.cancel(&tenant, target, "test").await.unwrap();
    world.pass(9 * S).await;
    store.heal();
    world.pass(MINUTE).await;
    assert_ended(&bus, late, EndState::Expired, Reason::Expired).await;
    assert_ended(&bus, unwanted, EndState::Suppressed, Reason::Suppressed).await;
    assert_ended(&bus, called_off, EndState::Cancelled, Reason::Cancelled).await;
    assert_ended(&bus, fine, EndState::Accepted, Reason::Sent).await;
    world.email.books().assert_sent_count(1);
}

/// Counts the calls that fail until a moment, and how many there were.
async fn outage(world: &World, store: &TestStore, call: Call) -> u32 {
    let count = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&count);
    store.fail(move |made| {
        (made == call).then(|| {
            counter.fetch_add(1, Ordering::SeqCst);
            Fails::Before
        })
    });
    world.pass(MINUTE).await;
    store.heal();
    count.load(Ordering::SeqCst)
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_each_call_is_survived_without_spinning() {
    for call in [Call::Fetch, Call::Flush, Call::HoldLanes] {
        let (world, store) = World::with_test_store();
        let bus = world.start_with(world.mail().retry(every(10 * S))).await;
        world.email.next([Play::retryable(Fault::Recipient)]);
        let retried = send_now(&bus, note_to(person(1), "a")).await;
        let fresh = send(&bus, note_to(person(2), "b")).await;
        let failures = outage(&world, &store, call).await;
        assert!(
            (10..400).contains(&failures),
            "{call:?}: {failures} in a minute"
        );
        world.pass(MINUTE).await;
        for id in [retried, fresh] {
            assert_ended(&bus, id, EndState::Accepted, Reason::Sent).await;
            world.email.books().assert_sent_once(id);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_good_lease_nothing_is_sent() {
    let (world, store) = World::with_test_store();
    let bus = world.start().await;
    bus.idle().await;
    store.fail(|call| (call == Call::HoldLanes).then_some(Fails::Before));
    world.pass(14 * S).await;
    let id = send(&bus, note("a")).await;
    world.pass(MINUTE).await;
    assert_eq!(
        world.email.requests().len(),
        0,
        "another may own the lane by now"
    );
    store.heal();
    world.pass(S).await;
    world.email.books().assert_sent_once(id);
    let attempts = crate::common::attempts(&bus, id).await;
    assert_eq!(
        attempts.len(),
        1,
        "it was not claimed in vain: {attempts:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_claimed_holds_up_nothing_else() {
    let (world, store) = World::with_test_store();
    let bus = world.engine(world.mail()).build().unwrap();
    let mut ids = Vec::new();
    for number in 0..20 {
        ids.push(send(&bus, note_to(person(number), &number.to_string())).await);
    }
    let damaged = [ids.remove(12), ids.remove(3)];
    store.cannot_claim(&damaged);
    bus.start();
    world.pass(MINUTE / 2).await;
    for id in &ids {
        world.email.books().assert_sent_once(*id);
    }
    // Once with the others, and once alone.
    let failed = || damaged.map(|id| store.failed_over(id));
    assert!(failed().iter().all(|failed| *failed <= 3), "{:?}", failed());
    world.email.books().assert_sent_count(18);
    for id in damaged {
        assert_waiting(&bus, id).await;
    }
    // It is done with all it can do now.
    bus.idle().await;
    let before = failed();
    world.pass(9 * MINUTE).await;
    for (failed, before) in failed().into_iter().zip(before) {
        let tries = failed - before;
        assert!((9..=20).contains(&tries), "{tries} in nine minutes");
    }
    store.cannot_claim(&[]);
    world.pass(2 * MINUTE).await;
    for id in ids.into_iter().chain(damaged) {
        assert_ended(&bus, id, EndState::Accepted, Reason::Sent).await;
        world.email.books().assert_sent_once(id);
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_claimed_gives_its_slot_back_and_keeps_its_place() {
    let (world, store) = World::with_test_store();
    let options = EngineOptions::default().with_slots(2);
    let engine = world.engine(world.mail()).options(options);
    let bus = engine.build().unwrap();
    let strict = |key: &str| note_to(person(1), key).order(Order::Strict);
    let mut damaged = vec![send(&bus, strict("first")).await];
    let second = send(&bus, strict("second")).await;
    for number in 2..6 {
        damaged.push(send(&bus, note_to(person(number), &number.to_string())).await);
    }
    let mut others = Vec::new();
    for number in 6..12 {
        others.push(send(&bus, note_to(person(number), &number.to_string())).await);
    }
    store.cannot_claim(&damaged);
    bus.start();
    world.pass(3 * MINUTE).await;
    for id in &others {
        world.email.books().assert_sent_once(*id);
    }
    world.email.books().assert_sent_count(others.len());

    store.cannot_claim(&[]);
    world.pass(2 * MINUTE).await;
    world.email.books().assert_sent_count(12);
    let requests = world.email.requests();
    let at = |id| requests.iter().position(|request| request.delivery == id);
    assert!(at(damaged[0]).unwrap() < at(second).unwrap());
}

/// Nothing is in a provider's hands: what could be waited for is only the store.
#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_in_time_whatever_the_store_does() {
    for (what, stands) in [("is away", Fails::Before), ("is silent", Fails::Silent)] {
        for from in [Call::HoldLanes, Call::Fetch, Call::Flush] {
            let (world, store) = World::with_test_store();
            let options = EngineOptions::default().with_drain(30 * S);
            let bus = world
                .engine(world.mail())
                .options(options)
                .start()
                .await
                .unwrap();
            send_now(&bus, note("before")).await;
            store.fail(move |call| (call == from || call == Call::Flush).then_some(stands));
            send(&bus, note("a")).await;
            world.pass(MINUTE).await;
            let begun = world.now();
            bus.shutdown().await;
            let took = world.now() - begun;
            assert!(took <= 15 * S, "the store {what} from {from:?}: {took:?}");
        }
    }
}

/// What a provider has in hand is waited for as long as the drain lasts; then the store has a few seconds to come back.
#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_sends_also_while_the_store_is_away() {
    for (back_at, written) in [(22 * S, true), (40 * S, false)] {
        let (world, store) = World::with_test_store();
        let bus = world.start_with(world.mail()).await;
        world.email.next([Play::accept().after(20 * S)]);
        let id = send(&bus, note("a")).await;
        world.pass(S).await;
        store.fail(|call| (call != Call::Accept).then_some(Fails::Before));
        let coming_back = async {
            world.pass(back_at - S).await;
            store.fail(|_| None);
        };
        let leaving = async {
            bus.shutdown().await;
            world.now()
        };
        let ((), left) = tokio::join!(coming_back, leaving);
        assert!(left >= 20 * S && left <= 29 * S, "{left:?}");
        if written {
            assert_ended(&bus, id, EndState::Accepted, Reason::Sent).await;
        }
        bus.start();
        world.pass(MINUTE).await;
        assert_ended(&bus, id, EndState::Accepted, Reason::Sent).await;
        world
            .email
            .books()
            .assert_sent_times(id, if written { 1 } else { 2 });
    }
}

/// A claim that the store cannot write now, while it writes others: what was published later waits for it.
#[tokio::test(start_paused = true)]
async fn what_cannot_be_claimed_now_keeps_its_place() {
    let (world, store) = World::with_test_store();
    let options = EngineOptions::default().with_writers(1);
    let engine = world.engine(world.mail()).options(options);
    let bus = engine.build().unwrap();
    let first = send(&bus, note_to(person(1), "first")).await;
    let later = [
        send(&bus, note_to(person(1), "second")).await,
        send(&bus, note_to(person(1), "third")).await,
    ];
    let other = send(&bus, note_to(person(2), "other")).await;
    let is_first = move |flush: &signalbus::store::Flush| {
        let found = flush.claims.iter().any(|claim| claim.id == first);
        found.then_some(Fails::Before)
    };
    store.fail_flush(is_first);
    bus.start();
    world.pass(MINUTE).await;
    world.email.books().assert_sent_once(other);
    for id in later {
        world.email.books().assert_not_sent(id);
    }
    store.fail_flush(|_| None);
    world.pass(MINUTE).await;
    let requests = world.email.requests();
    let of_them = requests.iter().map(|request| request.delivery);
    let sent: Vec<_> = of_them.filter(|id| *id != other).collect();
    assert_eq!(sent, [first, later[0], later[1]]);
}
