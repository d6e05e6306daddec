//! What the tests have in common: events, and a worker that drains a store.

use std::{path::PathBuf, sync::Arc, time::Duration};

use signalbus::{
    clock::{SystemClock, Timestamp},
    entropy::Entropy,
    event::{Class, Order},
    id::{DeliveryId, IdSource},
    name::{ChannelName, ProviderName, TenantId, Topic},
    store::{
        AttemptOutcome, AttemptRecord, Claim, ClaimAnswer, ClassWindow, EndState, Fetched,
        Fingerprint, Flush, IdempotencyRecord, LaneLease, LaneRequest, NewDelivery, NewEvent, Next,
        Ready, Reason, RecipientKey, Settle, Space, Store, Window,
    },
};
use tempfile::TempDir;

/// A directory that is gone after the test, and a database in it.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.0.path().join("notifications.db")
    }
}

pub(crate) fn ids() -> IdSource {
    IdSource::new(Arc::new(SystemClock::new()), Arc::new(Entropy::from_os()))
}

pub(crate) fn tenant(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

pub(crate) fn email() -> ChannelName {
    ChannelName::new("email").unwrap()
}

/// An event with one delivery.
pub(crate) fn event(ids: &IdSource, of: &str, class: Class) -> NewEvent {
    let tenant = tenant(of);
    NewEvent {
        id: ids.event(),
        tenant: tenant.clone(),
        topic: Topic::new("test.happened").unwrap(),
        parent: None,
        class,
        idempotency: None,
        content: b"content".to_vec().into(),
        recipients: Vec::new(),
        secret: None,
        attachments: Vec::new(),
        deliveries: vec![{
            let mut made = NewDelivery::new(ids.delivery(), 0, RecipientKey::of(&tenant, "ada"));
            made.channel = Some(email());
            made.order_key = 1;
            made.order = Order::Unordered;
            made.address = None;
            made.sender = None;
            made.category = None;
            made.send_at = None;
            made.expires_at = None;
            made.ended = None;
            made.detail = None;
            made
        }],
    }
}

pub(crate) fn keyed(mut event: NewEvent, key: &str) -> NewEvent {
    event.idempotency = Some(IdempotencyRecord {
        key: key.to_owned(),
        fingerprint: Fingerprint([1; 32]),
    });
    event
}

pub(crate) fn ordered(mut event: NewEvent, order: Order) -> NewEvent {
    event.deliveries[0].order = order;
    event
}

pub(crate) async fn hold(store: &dyn Store, ids: &IdSource) -> Vec<LaneLease> {
    store
        .hold_lanes(LaneRequest {
            worker: ids.worker(),
            lease: Duration::from_secs(15),
            spaces: vec![Space::send(&ChannelName::new("email").unwrap())],
            release: Vec::new(),
        })
        .await
        .unwrap()
        .leases
}

pub(crate) fn window(total: u32, per_group: u32) -> Window {
    Window {
        classes: Class::ALL
            .into_iter()
            .map(|class| ClassWindow {
                class,
                total,
                after: None,
                skip: Vec::new(),
            })
            .collect(),
        per_group,
        channels: vec![email()],
    }
}

pub(crate) async fn fetch(store: &dyn Store, lanes: &[LaneLease]) -> Fetched {
    store.fetch(lanes, window(1_000, 100)).await.unwrap()
}

pub(crate) fn claim(ready: &Ready) -> Claim {
    Claim::of(ready)
}

pub(crate) fn settle(ready: &Ready, next: Next) -> Settle {
    let outcome = match &next {
        Next::End(EndState::Accepted, _) => AttemptOutcome::Accepted {
            id: Some(format!("message-{}", ready.id)),
        },
        _ => AttemptOutcome::Interrupted,
    };
    let record = AttemptRecord {
        generation: ready.generation,
        attempt: ready.attempt + 1,
        provider: Some(ProviderName::new("test").unwrap()),
        started_at: Timestamp::UNIX_EPOCH,
        took: Duration::from_millis(3),
        request_started: true,
        outcome,
        fault: None,
        code: None,
        detail: None,
        next: "test".into(),
        retry_in: None,
    };
    let mut settle = Settle::new(ready, next, record);
    settle.failures = 1;
    settle.suspicion = 0;
    settle
}

pub(crate) fn sent() -> Next {
    Next::End(EndState::Accepted, Reason::Sent)
}

pub(crate) async fn claim_all(store: &dyn Store, lanes: &[LaneLease], ready: &[Ready]) -> usize {
    let flush = Flush {
        claims: ready.iter().map(claim).collect(),
        settles: Vec::new(),
    };
    let answer = store.flush(lanes, &flush).await.unwrap();
    answer
        .claims
        .iter()
        .filter(|answer| matches!(answer, ClaimAnswer::Claimed(_)))
        .count()
}

pub(crate) async fn settle_all(
    store: &dyn Store,
    lanes: &[LaneLease],
    ready: &[Ready],
    next: Next,
) -> Vec<signalbus::store::SettleAnswer> {
    let flush = Flush {
        claims: Vec::new(),
        settles: ready
            .iter()
            .map(|ready| settle(ready, next.clone()))
            .collect(),
    };
    store.flush(lanes, &flush).await.unwrap().settles
}

/// The ids of what may be sent now.
pub(crate) async fn sendable(store: &dyn Store, lanes: &[LaneLease]) -> Vec<DeliveryId> {
    fetch(store, lanes)
        .await
        .ready
        .iter()
        .map(|ready| ready.id)
        .collect()
}
