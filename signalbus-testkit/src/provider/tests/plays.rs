use std::{panic::AssertUnwindSafe, time::Duration};

use signalbus_core::{
    clock::Timestamp,
    provider::{Capabilities, Fault, Found, Outcome, Provider, Question, SendError},
};

use super::*;
use crate::provider::{Ending, Play};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn without_a_script_everything_is_taken() {
    let scene = Scene::new();
    let (parcel, answer) = scene.ada().await;
    assert_eq!(answer.unwrap().id(), Some("scripted-1"));
    assert!(parcel.latch.is_set());
    let requests = scene.provider.requests();
    let [request] = requests.as_slice() else {
        panic!("one request, not {requests:?}");
    };
    assert_eq!(request.delivery, parcel.id);
    assert_eq!(request.event, parcel.event);
    assert_eq!(request.address, ADA);
    assert_eq!(request.reference, parcel.id.to_string());
    assert_eq!(request.message::<Sms>(), parcel.message);
    assert!(request.taken);
    let id = Some("scripted-1".to_owned());
    assert_eq!(request.ending, Ending::Accepted { id });
}

#[tokio::test]
async fn ids_are_given_as_the_script_says() {
    let scene = Scene::new();
    scene
        .provider
        .next([Play::accept_with_id("abc"), Play::accept_without_id()]);
    assert_eq!(scene.ada().await.1.unwrap().id(), Some("abc"));
    assert_eq!(scene.ada().await.1.unwrap().id(), None);
}

#[tokio::test]
async fn failures_are_answered_and_send_nothing() {
    let scene = Scene::new();
    let busy = || {
        SendError::retryable(Fault::Quota, "slow down")
            .with_code("429")
            .with_retry_after(SECOND)
    };
    scene
        .provider
        .next([Play::permanent(Fault::Recipient), Play::fail(busy)]);
    let error = scene.ada().await.1.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Permanent);
    assert_eq!(error.fault(), Fault::Recipient);
    let (parcel, answer) = scene.ada().await;
    let error = answer.unwrap_err();
    assert_eq!(error.code(), Some("429"));
    assert_eq!(error.retry_after(), Some(SECOND));
    assert!(parcel.latch.is_set(), "the request was made");
    assert!(scene.provider.sent().is_empty());
}

#[tokio::test]
async fn a_cut_after_the_start_sends_and_one_before_does_not() {
    let scene = Scene::new();
    scene
        .provider
        .next([Play::cut(), Play::cut().untaken(), Play::cut_before_start()]);
    for (started, taken, outcome) in [
        (true, true, Outcome::Unknown),
        (true, false, Outcome::Unknown),
        (false, false, Outcome::Retryable),
    ] {
        let (parcel, answer) = scene.ada().await;
        assert_eq!(answer.unwrap_err().outcome(), outcome);
        assert_eq!(parcel.latch.is_set(), started);
        let requests = scene.provider.books().requests_of(parcel.id);
        assert_eq!(requests[0].started.is_some(), started);
        assert_eq!(requests[0].taken, taken);
    }
}

#[tokio::test]
async fn panics_come_before_or_after_the_start() {
    let scene = Scene::new();
    scene
        .provider
        .next([Play::panic_before_start(), Play::panic_after_start()]);
    for started in [false, true] {
        let parcel = scene.parcel(ADA);
        let mut send = Box::pin(scene.send(&parcel));
        let caught = std::panic::catch_unwind(AssertUnwindSafe(|| poll(&mut send)));
        assert!(caught.is_err(), "it did not panic");
        assert_eq!(parcel.latch.is_set(), started);
        let requests = scene.provider.books().requests_of(parcel.id);
        assert_eq!(requests[0].ending, Ending::Panicked);
        assert_eq!(requests[0].taken, started);
    }
}

#[tokio::test]
async fn a_slow_answer_comes_when_the_clock_says() {
    let scene = Scene::new();
    scene.provider.next([
        Play::accept().after(SECOND),
        Play::accept().after(SECOND).before_start(),
    ]);
    for waits_first in [false, true] {
        let parcel = scene.parcel(ADA);
        let mut send = Box::pin(scene.send(&parcel));
        assert!(poll(&mut send).is_none());
        assert_eq!(parcel.latch.is_set(), !waits_first);
        assert_eq!(scene.provider.books().in_flight(), 1);
        scene.clock.advance(SECOND);
        assert!(poll(&mut send).unwrap().is_ok());
        let request = &scene.provider.books().requests_of(parcel.id)[0];
        let took = request.ended.unwrap().monotonic - request.called.monotonic;
        assert_eq!(took, SECOND);
    }
}

#[tokio::test]
async fn a_stalled_answer_comes_when_it_is_released() {
    let scene = Scene::new();
    scene.provider.default(Play::stall());
    scene.provider.release();
    let (one, two) = (scene.parcel(ADA), scene.parcel(BOB));
    let mut first = Box::pin(scene.send(&one));
    let mut second = Box::pin(scene.send(&two));
    assert!(poll(&mut first).is_none(), "an earlier release is no help");
    assert!(poll(&mut second).is_none());
    assert_eq!(scene.provider.books().in_flight(), 2);
    scene.provider.release();
    assert!(poll(&mut first).unwrap().is_ok());
    assert!(poll(&mut second).unwrap().is_ok());
}

#[tokio::test]
async fn a_call_that_is_dropped_may_have_sent() {
    let scene = Scene::new();
    scene
        .provider
        .next([Play::hang(), Play::hang().before_start()]);
    for taken in [true, false] {
        let parcel = scene.parcel(ADA);
        assert!(poll(&mut Box::pin(scene.send(&parcel))).is_none());
        let request = &scene.provider.books().requests_of(parcel.id)[0];
        assert_eq!(request.ending, Ending::Dropped);
        assert_eq!(request.taken, taken);
        assert_eq!(parcel.latch.is_set(), taken);
    }
}

#[tokio::test]
async fn repeats_are_recognised_within_the_window() {
    let mut scene = Scene::new();
    let capabilities = Capabilities::default().with_dedup_window(60 * SECOND);
    scene.provider = scene.provider.with_capabilities(capabilities);
    scene.provider.next([Play::cut()]);
    let (mut parcel, answer) = scene.ada().await;
    assert_eq!(answer.unwrap_err().outcome(), Outcome::Unknown);

    scene.clock.advance(60 * SECOND);
    assert!(scene.send(&parcel).await.is_ok());
    scene.provider.books().assert_sent_once(parcel.id);
    assert!(scene.provider.requests()[1].repeat);

    scene.clock.advance(SECOND);
    assert!(scene.send(&parcel).await.is_ok());
    scene.provider.books().assert_sent_times(parcel.id, 2);

    parcel.generation = 1;
    assert!(scene.send(&parcel).await.is_ok());
    scene.provider.books().assert_sent_times(parcel.id, 3);
}

#[tokio::test]
async fn a_repeat_is_given_the_first_id() {
    let mut scene = Scene::new();
    let capabilities = Capabilities::default().with_dedup_window(SECOND);
    scene.provider = scene.provider.with_capabilities(capabilities);
    let (parcel, first) = scene.ada().await;
    assert_eq!(scene.send(&parcel).await.unwrap(), first.unwrap());
}

fn question<'a>(parcel: &'a Parcel, tenant: &'a TenantId) -> Question<'a, Sms> {
    let times = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
    Question::new(parcel.id, tenant, &parcel.to, &parcel.message, times)
}

#[tokio::test]
async fn a_lookup_is_as_unclear_as_it_is_told_to_be() {
    let mut scene = Scene::new();
    scene.provider = scene.provider.with_lookup();
    scene.provider.unclear([Some(SECOND), None]);
    let (parcel, sent) = scene.ada().await;
    let (tenant, sent) = (TenantId::default(), sent.unwrap());
    let lookup = scene.provider.lookup().unwrap();
    for expected in [
        Found::Unclear {
            ask_again: Some(SECOND),
        },
        Found::Unclear { ask_again: None },
        Found::Sent(sent),
    ] {
        let found = lookup.find(&question(&parcel, &tenant)).await.unwrap();
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn a_lookup_tells_the_truth() {
    let mut scene = Scene::new();
    assert!(scene.provider.lookup().is_none());
    scene.provider = scene.provider.with_lookup();
    scene.provider.next([
        Play::cut(),
        Play::cut().untaken(),
        Play::accept_with_id("abc"),
    ]);
    let tenant = TenantId::default();
    let mut found = Vec::new();
    for _ in 0..3 {
        let (parcel, _) = scene.ada().await;
        let lookup = scene.provider.lookup().unwrap();
        found.push(lookup.find(&question(&parcel, &tenant)).await.unwrap());
    }
    assert_eq!(
        found,
        [
            Found::Sent(Sent::new()),
            Found::NotSent,
            Found::Sent(Sent::with_id("abc")),
        ]
    );
}
