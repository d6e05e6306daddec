//! P2: what is paused is held, told, and comes back.

use signalbus::{
    Topic,
    store::{DeliveryFilter, EndState, Paused, Reason, State},
};

use crate::common::{S, World, assert_ended, delivery, note, send, send_now};

fn notes() -> Paused {
    Paused::everything().topic(Topic::new("note").unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_topic_is_paused_and_goes_on() {
    let world = World::new();
    let bus = world.start().await;
    assert!(bus.pause(notes(), "ada", "wrong prices").await.unwrap());
    let held = send_now(&bus, note("held")).await;
    assert_eq!(delivery(&bus, held).await.state, State::Held);
    let told = bus.explain(&signalbus::TenantId::default(), held).await;
    let told = told.unwrap().unwrap().to_string();
    assert!(told.contains("held by a pause: wrong prices"), "{told}");
    assert!(told.contains("now held"), "{told}");
    // Another topic is not held.
    let mut code = note("free");
    code.topic = "code".to_owned();
    let free = send_now(&bus, code).await;
    assert_ended(&bus, free, EndState::Accepted, Reason::Sent).await;
    assert_eq!(bus.pauses().await.unwrap().len(), 1);

    assert_eq!(bus.resume(&notes()).await.unwrap(), Some(1));
    bus.idle().await;
    world.email.books().assert_sent_once(held);
    assert_eq!(bus.resume(&notes()).await.unwrap(), None, "it is over");
}

#[tokio::test(start_paused = true)]
async fn thousands_are_held_once_and_put_back_in_batches() {
    let world = World::new();
    let bus = world.start().await;
    bus.pause(notes(), "ada", "wrong prices").await.unwrap();
    let events = (0..2_500).map(|number| {
        let mut event = note(&format!("n-{number}"));
        event.to = vec![crate::common::person(number)];
        event
    });
    bus.publish_all(events.collect()).await.unwrap();
    bus.idle().await;
    let held = DeliveryFilter::new().state(State::Held);
    let count = async || {
        let tally = bus.tally(&held).await.unwrap();
        tally.iter().map(|one| one.count).sum::<u64>()
    };
    assert_eq!(count().await, 2_500, "none stays in the window");
    assert_eq!(bus.resume(&notes()).await.unwrap(), Some(2_500));
    world.pass(5 * S).await;
    bus.idle().await;
    assert_eq!(world.email.sent().len(), 2_500);
}

/// Whoever resumed died before all was put back: the engines see to it.
#[tokio::test(start_paused = true)]
async fn what_nobody_put_back_comes_back() {
    let world = World::new();
    let bus = world.start().await;
    bus.pause(notes(), "ada", "wrong prices").await.unwrap();
    let held = send(&bus, note("held")).await;
    world.pass(S).await;
    assert!(bus.store().resume(&notes()).await.unwrap());
    world.pass(30 * S).await;
    world.email.books().assert_sent_once(held);
}
