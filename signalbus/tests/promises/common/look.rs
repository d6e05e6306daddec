//! What became of a delivery, and what a provider saw.

use signalbus::{
    DeliveryId, Signalbus, TenantId,
    channel::Email,
    store::{AttemptRecord, DeliveryRecord, EndState, Entry, Reason, State},
};
use signalbus_testkit::provider::Request;

pub(crate) async fn delivery(bus: &Signalbus, id: DeliveryId) -> DeliveryRecord {
    let tenant = TenantId::default();
    bus.store().delivery(&tenant, id).await.unwrap().unwrap()
}

pub(crate) async fn history(bus: &Signalbus, id: DeliveryId) -> Vec<Entry> {
    let tenant = TenantId::default();
    let history = bus.store().history(&tenant, id).await.unwrap();
    history.into_iter().map(|line| line.entry).collect()
}

/// The tries in its history.
pub(crate) async fn attempts(bus: &Signalbus, id: DeliveryId) -> Vec<AttemptRecord> {
    let attempt = |entry| match entry {
        Entry::Attempt(record) => Some(record),
        _ => None,
    };
    history(bus, id)
        .await
        .into_iter()
        .filter_map(attempt)
        .collect()
}

pub(crate) async fn assert_ended(bus: &Signalbus, id: DeliveryId, state: EndState, reason: Reason) {
    let record = delivery(bus, id).await;
    assert_eq!(
        (record.state, record.reason),
        (State::Ended(state), Some(reason)),
        "{:?}",
        history(bus, id).await
    );
}

pub(crate) async fn assert_waiting(bus: &Signalbus, id: DeliveryId) {
    let state = delivery(bus, id).await.state;
    assert_eq!(state, State::Waiting, "{:?}", history(bus, id).await);
}

/// Why each of these ended.
pub(crate) async fn reasons(bus: &Signalbus, ids: &[DeliveryId]) -> Vec<Option<Reason>> {
    let mut reasons = Vec::new();
    for id in ids {
        reasons.push(delivery(bus, *id).await.reason);
    }
    reasons
}

/// When the calls came, in seconds since the start.
pub(crate) fn seconds(requests: &[Request]) -> Vec<u64> {
    let seconds = |request: &Request| request.called.monotonic.as_secs();
    requests.iter().map(seconds).collect()
}

pub(crate) fn subjects(requests: &[Request]) -> Vec<String> {
    let subject = |request: &Request| request.message::<Email>().subject;
    requests.iter().map(subject).collect()
}
