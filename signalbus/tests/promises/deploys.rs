//! Rolling deploys: what a worker does with what another version wrote, and with channels of
//! somebody else's.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};
use signalbus::Prepare as _;
use signalbus::{
    Builder, ChannelSetup, DeliveryId, Policy, Signalbus,
    channel::Email,
    provider::{Capabilities, Delivery, Fault, Outcome, Provider, SendError, Sent},
    store::{AttemptOutcome, EndState, NewEvent, Reason},
};

use crate::common::{
    MINUTE, Ping, S, World, assert_ended, assert_waiting, attempts, every, note, note_to, person,
    ping, policy, publish, send, send_now, sender, templates,
};

#[tokio::test(start_paused = true)]
async fn a_worker_leaves_a_channel_it_does_not_know_to_others() {
    let world = World::new();
    let publisher = world.engine(world.mail()).build().unwrap();
    let mut event = note("a");
    event.topic = "both".to_owned();
    let routes = publish(&publisher, event).await.routes;
    let (mail, text) = (routes[0].delivery, routes[1].delivery);

    let without_text = Signalbus::builder()
        .shared_store(Arc::clone(&world.store))
        .clock(world.clock.clone())
        .channel(sender(), world.email.clone())
        .templates(templates())
        .policy(Policy::new().on::<Email>("note"))
        .start()
        .await
        .unwrap();
    without_text.idle().await;
    world.pass(MINUTE).await;
    assert_ended(&publisher, mail, EndState::Accepted, Reason::Sent).await;
    assert_waiting(&publisher, text).await;
    assert_eq!(attempts(&publisher, text).await.len(), 0);
    without_text.shutdown().await;

    publisher.start();
    publisher.idle().await;
    assert_ended(&publisher, text, EndState::Accepted, Reason::Sent).await;
    world.sms.books().assert_sent_once(text);
    world.email.books().assert_sent_once(mail);
}

/// Stores an event as another version would have written it.
async fn store(bus: &Signalbus, number: usize, change: impl FnOnce(&mut Value)) -> DeliveryId {
    store_with(bus, number, |event| changed(&mut event.content, change)).await
}

/// The same of what is its recipient's own.
async fn store_own(bus: &Signalbus, number: usize, change: impl FnOnce(&mut Value)) -> DeliveryId {
    let own = |event: &mut NewEvent| changed(&mut event.recipients[0].content, change);
    store_with(bus, number, own).await
}

fn changed(blob: &mut Bytes, change: impl FnOnce(&mut Value)) {
    let mut content: Value = serde_json::from_slice(blob).unwrap();
    change(&mut content);
    *blob = Bytes::from(serde_json::to_vec(&content).unwrap());
}

async fn store_with(
    bus: &Signalbus,
    number: usize,
    change: impl FnOnce(&mut NewEvent),
) -> DeliveryId {
    let prepared = bus.prepare(note_to(person(number), &number.to_string()));
    let (mut event, published) = prepared.unwrap().into_parts();
    change(&mut event);
    bus.store().accept(vec![event], Vec::new()).await.unwrap();
    bus.wake().now();
    published.routes[0].delivery
}

#[tokio::test(start_paused = true)]
async fn an_event_of_a_newer_version_waits_for_a_newer_worker() {
    let world = World::new();
    let bus = world.start().await;
    let newer = store(&bus, 1, |content| content["v"] = json!(2)).await;
    let other_shape = store(&bus, 2, |content| *content = json!({ "v": 3, "x": [] })).await;
    let newer_own = store_own(&bus, 4, |own| own["v"] = json!(2)).await;
    let other_own = store_own(&bus, 5, |own| *own = json!({ "v": 3, "x": [] })).await;
    let with_more = store(&bus, 3, |content| content["later"] = json!(true)).await;
    let other = send(&bus, note("other")).await;
    world.pass(10 * MINUTE).await;
    for id in [newer, other_shape, newer_own, other_own] {
        assert_waiting(&bus, id).await;
        world.email.books().assert_not_sent(id);
        let tries = attempts(&bus, id).await.len();
        assert!((5..=12).contains(&tries), "once a minute: {tries}");
    }
    for id in [with_more, other] {
        assert_ended(&bus, id, EndState::Accepted, Reason::Sent).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_damaged_is_dead_and_says_so() {
    let world = World::new();
    let bus = world.start().await;
    let damaged = [
        store(&bus, 1, |content| *content = json!("garbage")).await,
        store_own(&bus, 2, |own| *own = json!({ "v": 1 })).await,
        store_own(&bus, 3, |own| own["r"]["addresses"] = json!({})).await,
    ];
    bus.idle().await;
    for id in damaged {
        assert_ended(&bus, id, EndState::Dead, Reason::Unreadable).await;
        assert!(attempts(&bus, id).await[0].detail.is_some());
    }
    let unusable = |own: &mut Value| own["r"]["addresses"]["email"] = json!("x");
    let unusable = store_own(&bus, 4, unusable).await;
    bus.idle().await;
    assert_ended(&bus, unusable, EndState::Dead, Reason::InvalidAddress).await;
    assert_eq!(world.email.requests().len(), 0);
}

/// Fails for now, and remembers the texts.
#[derive(Debug, Default, Clone)]
struct Busy(Arc<std::sync::Mutex<Vec<String>>>);

impl Busy {
    fn texts(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

#[async_trait::async_trait]
impl<const V: u16> Provider<Ping<V>> for Busy {
    fn name(&self) -> &str {
        "busy"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default().reporting_start()
    }

    async fn send(&self, delivery: Delivery<'_, Ping<V>>) -> Result<Sent, SendError> {
        self.0.lock().unwrap().push(delivery.message.text.clone());
        Err(SendError::retryable(Fault::Recipient, "busy"))
    }
}

fn with_ping<const V: u16>(world: &World, busy: &Busy) -> Builder {
    world
        .engine(world.mail())
        .channel_setup(ChannelSetup::new(Ping::<V>, busy.clone()).retry(every(10 * S)))
        .policy(policy().on::<Ping<V>>("ping"))
}

#[tokio::test(start_paused = true)]
async fn a_message_kept_in_another_version_is_composed_afresh() {
    let world = World::new();
    let busy = Busy::default();
    let old = with_ping::<1>(&world, &busy).start().await.unwrap();
    send_now(&old, ping("hello")).await;
    old.shutdown().await;
    let new = with_ping::<2>(&world, &busy).start().await.unwrap();
    world.pass(15 * S).await;
    new.shutdown().await;
    assert_eq!(busy.texts(), ["hello", "hello again"]);
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_panics_costs_only_its_own_delivery() {
    let world = World::new();
    let busy = Busy::default();
    let bus = with_ping::<1>(&world, &busy).start().await.unwrap();
    let composed = send_now(&bus, ping("cannot be composed")).await;
    assert_ended(&bus, composed, EndState::Dead, Reason::RenderFailed).await;
    let kept = send(&bus, ping("cannot be kept")).await;
    let other = send_now(&bus, note("other")).await;
    world.email.books().assert_sent_once(other);
    world.pass(5 * MINUTE).await;
    assert_ended(&bus, kept, EndState::Dead, Reason::Poison).await;
    assert_eq!(busy.texts().len(), 3);
    let attempts = attempts(&bus, kept).await;
    assert_eq!(attempts.len(), 3);
    assert_eq!(
        attempts[0].outcome,
        AttemptOutcome::Failed(Outcome::Retryable)
    );
    for text in ["cannot", "as the test wants"] {
        let details = attempts
            .iter()
            .filter_map(|attempt| attempt.detail.as_ref());
        assert!(details.into_iter().all(|detail| !detail.contains(text)));
    }
    // All slots are free: a shutdown has nothing to wait for.
    let before = world.now();
    bus.shutdown().await;
    assert_eq!(world.now(), before);
}
