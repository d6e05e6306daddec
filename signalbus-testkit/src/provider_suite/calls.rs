//! Calls, in every number and however they end.

use std::{
    collections::BTreeSet,
    future::poll_fn,
    pin::{Pin, pin},
    task::Poll,
};

use signalbus_core::{Channel, provider::Found};

use super::{Parcel, Subject};

/// The sample is taken.
pub async fn a_sample_is_taken<C: Channel>(s: Subject<C>) {
    s.send_sample().await;
}

/// The same delivery may come again: after a lost answer, a crash, a redrive.
pub async fn a_delivery_may_come_again<C: Channel>(s: Subject<C>) {
    let mut parcel = s.parcel();
    for (generation, attempt) in [(0, 1), (0, 2), (1, 1)] {
        parcel.generation = generation;
        parcel.attempt = attempt;
        if let Err(error) = s.send(&parcel).await {
            panic!("generation {generation}, attempt {attempt}: {error}; {error:?}");
        }
    }
}

/// As many calls as the capabilities allow run at once, and ids are told apart.
pub async fn calls_run_at_once<C: Channel>(s: Subject<C>) {
    let count = s.provider.capabilities().concurrency.min(8);
    let parcels: Vec<Parcel<C>> = (0..count).map(|_| s.parcel()).collect();
    let mut calls: Vec<_> = parcels
        .iter()
        .map(|parcel| Box::pin(s.send(parcel)))
        .collect();
    let mut answers = Vec::new();
    poll_fn(|context| {
        calls.retain_mut(|call| match call.as_mut().poll(context) {
            Poll::Ready(answer) => {
                answers.push(answer);
                false
            }
            Poll::Pending => true,
        });
        if calls.is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    let mut ids = BTreeSet::new();
    for answer in answers {
        let sent = answer.unwrap_or_else(|error| panic!("{error}; {error:?}"));
        if let Some(id) = sent.id() {
            assert!(ids.insert(id.to_owned()), "two messages have the same id");
        }
    }
}

/// A call may be dropped at any await: the next one works.
pub async fn a_call_may_be_dropped_anywhere<C: Channel>(s: Subject<C>) {
    const MOST: usize = 200;
    for polls in 0..MOST {
        let parcel = s.parcel();
        let over = dropped_after(polls, pin!(s.send(&parcel))).await;
        s.send_sample().await;
        if over {
            return;
        }
    }
}

/// Polls whenever it is woken, up to so many times; whether it came to an end.
async fn dropped_after<F: Future>(polls: usize, mut call: Pin<&mut F>) -> bool {
    let mut left = polls;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        call.as_mut().poll(context).map(|_| true)
    })
    .await
}

/// Within the window the same reference is one message: the second answer is the first.
pub async fn a_repeat_is_recognised<C: Channel>(s: Subject<C>) {
    let parcel = s.parcel();
    let first = s.send(&parcel).await.unwrap();
    let second = s.send(&parcel).await.unwrap();
    assert_eq!(first, second, "the repeat has an answer of its own");
    let other = s.send_sample().await;
    assert!(
        first.id().is_none() || other != first,
        "another message is taken for a repeat"
    );
}

/// A message that was sent is found by its reference.
pub async fn what_was_sent_is_found<C: Channel>(s: Subject<C>) {
    let parcel = s.parcel();
    let sent = s.send(&parcel).await.unwrap();
    let lookup = s.provider.lookup().expect("a lookup");
    match lookup.find(&parcel.question()).await {
        Ok(Found::Sent(found)) => assert_eq!(found.id(), sent.id()),
        Ok(other) => panic!("not found: {other:?}"),
        Err(error) => panic!("{error}; {error:?}"),
    }
}

/// A message that was not sent is not found, though others were: the provider may be unable to tell.
pub async fn what_was_not_sent_is_not_found<C: Channel>(s: Subject<C>) {
    s.send_sample().await;
    let lookup = s.provider.lookup().expect("a lookup");
    let mut parcel = s.parcel();
    for generation in [0, 1] {
        parcel.generation = generation;
        match lookup.find(&parcel.question()).await {
            Ok(found) => assert!(
                matches!(found, Found::NotSent | Found::Unclear { .. }),
                "{found:?}, and neither NotSent nor Unclear"
            ),
            Err(error) => panic!("{error}; {error:?}"),
        }
    }
}
