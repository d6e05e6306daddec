//! What workers ask for, write and are given.

use std::time::Duration;

use uuid::Uuid;

use crate::{
    clock::Timestamp,
    event::{Class, Order},
    id::{DeliveryId, EventId, WorkerId},
    name::{ChannelName, TenantId, Topic},
    store::{
        AttemptOutcome, AttemptRecord, Claim, ClassWindow, EndState, LaneId, LaneRequest,
        NewDelivery, NewEvent, Next, Ready, Reason, RecipientKey, Settle, Space, Window,
    },
};

pub(super) const NOW: Timestamp = Timestamp::constant(1_893_456_000, 0);
pub(super) const LEASE: Duration = Duration::from_secs(10);

/// After so many tries a delivery ends whatever happens.
const TRIES: u32 = 2;

/// Another try, or the end when there were enough.
pub(super) fn after(ready: &Ready, state: EndState, reason: Reason) -> Next {
    if ready.attempt + 1 < TRIES {
        Next::Retry(Duration::ZERO)
    } else {
        Next::End(state, reason)
    }
}

pub(super) fn request(
    worker: WorkerId,
    channels: &[ChannelName],
    release: Vec<LaneId>,
) -> LaneRequest {
    LaneRequest {
        worker,
        lease: LEASE,
        spaces: channels.iter().map(Space::send).collect(),
        release,
    }
}

/// The channels there are.
pub(super) fn channels(count: usize) -> Vec<ChannelName> {
    let names = ["one", "two"].into_iter().take(count);
    names.map(|name| ChannelName::new(name).unwrap()).collect()
}

pub(super) fn window(channels: &[ChannelName]) -> Window {
    let all = |class| ClassWindow {
        class,
        total: 100,
        after: None,
        skip: Vec::new(),
    };
    Window {
        classes: vec![all(Class::Standard)],
        per_group: 100,
        channels: channels.to_vec(),
    }
}

/// In the lane of this number.
fn key(number: u64) -> RecipientKey {
    RecipientKey((u128::from(number) << 64).to_be_bytes())
}

pub(super) fn event(number: u64, channel: ChannelName) -> NewEvent {
    let delivery = {
        let mut made = NewDelivery::new(
            DeliveryId::from_uuid(Uuid::from_u128(u128::from(number) + 1)),
            0,
            key(number),
        );
        made.channel = Some(channel);
        made.order_key = number;
        made.order = Order::Start;
        made.address = None;
        made.sender = None;
        made.category = None;
        made.send_at = None;
        made.expires_at = None;
        made.ended = None;
        made.detail = None;
        made
    };
    NewEvent {
        id: EventId::from_uuid(Uuid::from_u128(u128::from(number) + 1)),
        tenant: TenantId::new("acme").unwrap(),
        topic: Topic::new("user.signup").unwrap(),
        parent: None,
        class: Class::Standard,
        idempotency: None,
        content: bytes::Bytes::new(),
        recipients: Vec::new(),
        secret: None,
        attachments: Vec::new(),
        deliveries: vec![delivery],
    }
}

pub(super) fn claim_of(ready: &Ready) -> Claim {
    Claim::of(ready)
}

pub(super) fn settle(ready: &Ready, outcome: AttemptOutcome, next: Next) -> Settle {
    let record = AttemptRecord {
        generation: ready.generation,
        attempt: ready.attempt + 1,
        provider: None,
        started_at: NOW,
        took: Duration::ZERO,
        request_started: true,
        outcome,
        fault: None,
        code: None,
        detail: None,
        next: "".into(),
        retry_in: None,
    };
    let mut settle = Settle::new(ready, next, record);
    settle.suspicion = 0;
    settle
}
