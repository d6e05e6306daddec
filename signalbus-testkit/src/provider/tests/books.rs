use std::panic::AssertUnwindSafe;

use signalbus_core::provider::Fault;

use super::*;
use crate::provider::{Books, Play, RecordingProvider};

/// What an assertion says when it fails.
fn complaint(check: impl FnOnce()) -> String {
    let panic = std::panic::catch_unwind(AssertUnwindSafe(check)).unwrap_err();
    panic.downcast_ref::<String>().cloned().unwrap()
}

#[tokio::test]
async fn assertions_hold_or_show_the_calls() {
    let scene = Scene::new();
    let books: &Books = scene.provider.books();
    books.assert_nothing_sent();
    let nobody = scene.parcel(ADA).id;
    assert!(complaint(|| books.assert_sent_once(nobody)).ends_with("was never called"));

    scene.provider.next([Play::retryable(Fault::Quota)]);
    let (refused, _) = scene.ada().await;
    books.assert_not_sent(refused.id);
    let said = complaint(|| books.assert_sent_once(refused.id));
    assert!(said.contains("was sent 0 times, not 1"), "{said}");
    assert!(said.contains("failed: Retryable, fault of quota"), "{said}");
    assert!(!said.contains(ADA) && !said.contains("hello"), "{said}");

    scene.send(&refused).await.unwrap();
    books.assert_sent_once(refused.id);
    books.assert_sent_count(1);
    books.assert_no_duplicates();
    scene.send(&refused).await.unwrap();
    let said = complaint(|| books.assert_no_duplicates());
    assert!(said.contains("was sent 2 times"), "{said}");
    let said = complaint(|| books.assert_not_sent(refused.id));
    assert!(
        said.contains("accepted as scripted-3, message taken"),
        "{said}"
    );
    assert!(complaint(|| books.assert_nothing_sent()).contains("2 messages were sent, not 0"));
}

#[tokio::test]
async fn everything_in_the_books_is_in_order() {
    let scene = Scene::new();
    scene.provider.next([Play::stall(), Play::accept()]);
    let (one, two) = (scene.parcel(ADA), scene.parcel(BOB));
    let mut first = Box::pin(scene.send(&one));
    assert!(poll(&mut first).is_none());
    scene.send(&two).await.unwrap();
    scene.provider.release();
    first.await.unwrap();

    let requests = scene.provider.requests();
    let sequence = |index: usize| {
        let request = &requests[index];
        let ended = request.ended.unwrap().sequence;
        (request.called.sequence, ended)
    };
    let ((first_called, first_ended), (second_called, second_ended)) = (sequence(0), sequence(1));
    assert!(first_called < second_called);
    assert!(second_ended < first_ended);
    assert_eq!(scene.provider.books().most_in_flight(), 2);
    assert_eq!(scene.provider.books().in_flight(), 0);
}

#[tokio::test]
async fn messages_are_found_by_address() {
    let scene = Scene::new();
    scene.send(&scene.parcel(ADA)).await.unwrap();
    scene.send(&scene.parcel(BOB)).await.unwrap();
    let to_bob = scene.provider.books().sent_to(&number("+44 7700 900 002"));
    assert_eq!(to_bob.len(), 1);
    assert_eq!(to_bob[0].address, BOB);
}

#[tokio::test(start_paused = true)]
async fn a_test_can_wait_for_messages() {
    let scene = Scene::new();
    scene.provider.next([Play::stall()]);
    let parcel = scene.parcel(ADA);
    let books = scene.provider.books();
    let (answer, sent, ()) = tokio::join!(scene.send(&parcel), books.until_sent(1), async {
        let running = books.until(|requests| requests.len() == 1).await;
        assert!(running[0].is_pending());
        scene.provider.release();
    });
    assert!(answer.is_ok());
    assert_eq!(sent.len(), 1);
    assert!(!sent[0].is_pending());
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "waited 30s in vain; the provider was never called")]
async fn a_test_that_waits_in_vain_says_so() {
    let scene = Scene::new();
    scene.provider.books().until_sent(1).await;
}

#[tokio::test]
async fn clones_are_the_same_provider() {
    let scene = Scene::new();
    let clone = scene.provider.clone();
    clone.default(Play::permanent(Fault::Message));
    assert!(scene.ada().await.1.is_err());
    assert_eq!(clone.requests().len(), 1);
}

#[tokio::test]
async fn a_recording_provider_takes_everything() {
    let scene = Scene::new();
    let provider = RecordingProvider::<Sms>::with_clock(Arc::new(scene.clock.clone()));
    assert_eq!(provider.name(), "recording");
    let parcel = scene.parcel(ADA);
    let tenant = TenantId::default();
    let delivery = Delivery::new(
        parcel.id,
        parcel.event,
        &tenant,
        &parcel.to,
        &parcel.message,
        &parcel.latch,
    );
    let sent = provider.clone().send(delivery).await.unwrap();
    assert_eq!(sent.id(), Some("recording-1"));
    provider.books().assert_sent_once(parcel.id);
    assert_eq!(provider.sent()[0].called.wall, scene.clock.now());
}

#[tokio::test]
async fn debug_shows_neither_address_nor_content() {
    let scene = Scene::new();
    scene.provider.to(&number(ADA), [Play::accept()]);
    scene.ada().await.1.unwrap();
    let shown = format!("{:?} {:?}", scene.provider, scene.provider.books());
    assert!(
        !shown.contains("447700") && !shown.contains("hello"),
        "{shown}"
    );
}
