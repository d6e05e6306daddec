//! Publishes at the same time share commits, and nothing else.

use futures::future::join_all;
use signalbus::{
    event::Class,
    store::{Acceptance, Store, StoreErrorKind},
};

use crate::support::{count, event, ids, keyed, store};

#[tokio::test]
async fn one_bad_event_does_not_fail_the_others() {
    let (store, ids) = (store().await, ids());
    let calls = (0..50).map(|number| {
        let mut event = event(&ids, "acme", Class::Standard);
        if number % 10 == 3 {
            event.deliveries[0].channel = None;
        }
        store.accept(vec![event], Vec::new())
    });
    let mut bad = 0;
    for answer in join_all(calls).await {
        match answer {
            Ok(answers) => assert!(matches!(answers[..], [Acceptance::Accepted])),
            Err(error) => {
                assert_eq!(error.kind(), StoreErrorKind::Invalid);
                bad += 1;
            }
        }
    }
    assert_eq!(bad, 5);
    assert_eq!(count(&store).await, 45);
}

#[tokio::test]
async fn of_two_with_one_key_one_is_a_duplicate() {
    let (store, ids) = (store().await, ids());
    let calls = (0..40).map(|number| {
        let event = keyed(
            event(&ids, "acme", Class::Standard),
            &(number / 2).to_string(),
        );
        store.accept(vec![event], Vec::new())
    });
    let answers: Vec<Acceptance> = join_all(calls)
        .await
        .into_iter()
        .flat_map(Result::unwrap)
        .collect();
    for pair in answers.chunks(2) {
        assert!(
            matches!(
                pair,
                [Acceptance::Accepted, Acceptance::Duplicate(_)]
                    | [Acceptance::Duplicate(_), Acceptance::Accepted]
            ),
            "{pair:?}"
        );
    }
    assert_eq!(count(&store).await, 20);
}

/// As many commits as calls would show that nothing is joined.
#[tokio::test]
async fn calls_that_wait_share_a_commit() {
    let (store, ids) = (store().await, ids());
    let calls = (0..200).map(|_| store.accept(vec![event(&ids, "acme", Class::Bulk)], Vec::new()));
    for answer in join_all(calls).await {
        answer.unwrap();
    }
    let records = store
        .list(
            &signalbus::store::DeliveryFilter::new(),
            signalbus::store::PageToken::first(500),
        )
        .await
        .unwrap();
    let mut times: Vec<_> = records
        .items
        .iter()
        .map(|record| record.accepted_at)
        .collect();
    times.dedup();
    assert!(times.len() <= 20, "{} commits for 200 calls", times.len());
}
