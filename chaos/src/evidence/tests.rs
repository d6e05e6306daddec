//! Each promise is found broken in a history that breaks it, and kept in the one beside it.

use std::{sync::Arc, time::Duration};

use signalbus::{SystemClock, entropy::Entropy, id::IdSource};

use super::*;

fn delivery() -> DeliveryId {
    IdSource::new(Arc::new(SystemClock::new()), Arc::new(Entropy::from_os())).delivery()
}

fn request(delivery: DeliveryId, attempt: u32) -> Request {
    Request {
        message: 0,
        delivery,
        attempt,
        at: Duration::ZERO,
    }
}

fn answered(delivery: DeliveryId, duplicate: bool) -> Publication {
    Publication::Answered {
        message: 0,
        delivery,
        duplicate,
    }
}

/// Message 0 was published, and sent in one attempt.
fn good() -> (Evidence, DeliveryId) {
    let id = delivery();
    let stored = Stored {
        state: State::Ended(EndState::Accepted),
        reason: Some(Reason::Sent),
        interrupted: HashSet::new(),
        accepted: HashSet::from([1]),
    };
    let evidence = Evidence {
        kills: Vec::new(),
        publications: vec![Publication::Invoked { message: 0 }, answered(id, false)],
        book: vec![request(id, 1)],
        store: HashMap::from([(id, stored)]),
    };
    (evidence, id)
}

/// A kill found attempt 1 open, and attempt 2 was accepted.
fn interrupted() -> (Evidence, DeliveryId) {
    let (mut evidence, id) = good();
    evidence.kills.push(Kill {
        at: Duration::ZERO,
        open: HashSet::from([(id, 1)]),
    });
    evidence.book.push(request(id, 2));
    let stored = evidence.store.get_mut(&id).unwrap();
    stored.interrupted = HashSet::from([1]);
    stored.accepted = HashSet::from([2]);
    (evidence, id)
}

#[track_caller]
fn breaks(evidence: &Evidence, promise: &str) {
    let violations = evidence.violations();
    assert!(
        violations.iter().any(|text| text.starts_with(promise)),
        "{violations:?}"
    );
}

#[test]
fn good_histories_pass() {
    assert_eq!(good().0.violations(), Vec::<String>::new());
    assert_eq!(interrupted().0.violations(), Vec::<String>::new());
    let (mut repeated, id) = good();
    repeated.publications.push(answered(id, true));
    assert_eq!(repeated.violations(), Vec::<String>::new());
    let (mut never_sent_before, _) = interrupted();
    never_sent_before.book.remove(0);
    assert_eq!(never_sent_before.violations(), Vec::<String>::new());
}

#[test]
fn a_lost_message_is_found() {
    let (mut evidence, _) = good();
    evidence.store.clear();
    evidence.book.clear();
    breaks(&evidence, "P1: message 0 was accepted and is lost");
}

#[test]
fn a_message_nobody_published_is_found() {
    let (mut evidence, _) = good();
    evidence.publications.clear();
    breaks(&evidence, "P1: message 0 was sent and never published");
}

#[test]
fn a_delivery_nobody_stored_is_found() {
    let (mut evidence, _) = good();
    evidence.store.clear();
    breaks(&evidence, "P1: delivery");
}

#[test]
fn a_key_accepted_twice_is_found() {
    let (mut evidence, id) = good();
    evidence.publications.push(answered(id, false));
    breaks(&evidence, "P7: message 0 was accepted twice");
    let (mut evidence, _) = good();
    evidence.book.push(request(delivery(), 1));
    breaks(&evidence, "P7: message 0 has several deliveries");
}

#[test]
fn a_delivery_that_never_ended_is_found() {
    let (mut evidence, id) = good();
    evidence.store.get_mut(&id).unwrap().state = State::Waiting;
    breaks(&evidence, "P2: ");
}

#[test]
fn a_send_that_never_was_is_found() {
    let (mut evidence, _) = good();
    evidence.book.clear();
    breaks(&evidence, "P2: ");
}

#[test]
fn poison_needs_three_crashes() {
    let (mut evidence, id) = interrupted();
    let stored = evidence.store.get_mut(&id).unwrap();
    stored.state = State::Ended(EndState::Dead);
    stored.reason = Some(Reason::Poison);
    stored.accepted.clear();
    breaks(&evidence, "P2: ");
}

#[test]
fn a_duplicate_without_an_open_claim_is_found() {
    let (mut evidence, _) = interrupted();
    evidence.kills.clear();
    breaks(&evidence, "P3: delivery");
}

#[test]
fn two_more_for_one_kill_are_found() {
    let (mut evidence, id) = interrupted();
    evidence.book.push(request(id, 2));
    breaks(&evidence, "P3: delivery");
}

#[test]
fn a_request_outside_the_history_is_found() {
    let (mut evidence, id) = interrupted();
    evidence.book[1] = request(id, 3);
    breaks(&evidence, "P3: attempt 3");
}

#[test]
fn an_open_claim_outside_the_history_is_found() {
    let (mut evidence, id) = good();
    evidence.kills.push(Kill {
        at: Duration::ZERO,
        open: HashSet::from([(id, 1)]),
    });
    breaks(&evidence, "P3: the history");
}
