//! P6: nobody is slowed beyond their share by another's work.

use serde_json::json;
use signalbus::{
    Class, EngineOptions, Event, Idempotency, Order, Policy, Recipient, Signalbus, Templates,
    channel::{Email, Sms},
    provider::{Capabilities, Fault, SendError},
    store::{EndState, Reason},
};
use signalbus_testkit::provider::{Play, Request};

use crate::common::{
    MINUTE, S, World, assert_ended, note, note_to, person, publish, send, send_now,
};

/// So many mails to different people.
async fn flood(bus: &Signalbus, count: usize, change: impl Fn(Event) -> Event) {
    let events = (0..count).map(|number| {
        let event = note_to(person(number), "flood");
        change(Event {
            idempotency: Idempotency::None,
            ..event
        })
    });
    let answers = bus.publish_all(events.collect()).await.unwrap();
    assert!(answers.iter().all(Result::is_ok));
}

/// A world whose mail provider takes ten mails a second.
fn slow() -> World {
    let mut world = World::new();
    let capabilities = Capabilities::default().reporting_start();
    world.email = world
        .email
        .with_capabilities(capabilities.with_concurrency(10));
    world.email.default(Play::accept().after(S));
    world
}

fn calls_before(requests: &[Request], wanted: impl Fn(&Request) -> bool) -> Vec<usize> {
    let indices = requests.iter().enumerate();
    indices
        .filter(|(_, request)| wanted(request))
        .map(|(index, _)| index)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn an_urgent_message_overtakes_a_backlog_of_newsletters() {
    let world = slow();
    let bus = world.start().await;
    flood(&bus, 5_000, |event| event.class(Class::Bulk)).await;
    world.pass(5 * S).await;
    let before = world.email.requests().len();
    assert!((50..=60).contains(&before), "{before}");
    let urgent = send(&bus, note("urgent").class(Class::Urgent)).await;
    world.pass(2 * S).await;
    world.email.books().assert_sent_once(urgent);
    let requests = world.email.requests();
    let place = calls_before(&requests, |request| request.delivery == urgent)[0];
    assert!(place <= before + 10, "it took the first free slot");
}

#[tokio::test(start_paused = true)]
async fn newsletters_go_on_beside_urgent_messages() {
    let world = slow();
    let bus = world.start().await;
    flood(&bus, 2_000, |event| event.class(Class::Urgent)).await;
    flood(&bus, 100, |event| event.class(Class::Bulk).tenant("bulk")).await;
    world.pass(30 * S).await;
    let requests = world.email.requests();
    let bulk = calls_before(&requests, |request| request.tenant.as_str() == "bulk").len();
    let share = requests.len() / 17;
    assert!(bulk.abs_diff(share) <= 1, "{bulk} of {}", requests.len());
}

#[tokio::test(start_paused = true)]
async fn ten_of_one_tenant_among_five_thousand_of_another() {
    let world = slow();
    let bus = world.start().await;
    flood(&bus, 5_000, |event| event.tenant("a")).await;
    world.pass(3 * S).await;
    let before = world.email.requests().len();
    flood(&bus, 10, |event| event.tenant("b")).await;
    world.pass(5 * S).await;
    let requests = world.email.requests();
    let of_b = calls_before(&requests, |request| request.tenant.as_str() == "b");
    assert_eq!(of_b.len(), 10);
    assert!(
        *of_b.last().unwrap() <= before + 10 + 20,
        "{before} {of_b:?}"
    );
}

/// More tenants than fit in hand, each with more than its share: whoever comes last by name is not served last.
#[tokio::test(start_paused = true)]
async fn the_tail_of_many_tenants_is_served_with_the_others() {
    const TENANTS: usize = 30;
    const EACH: usize = 40;
    let world = slow();
    let options = EngineOptions::default().with_in_hand(32);
    let bus = world.engine(world.mail()).options(options).build().unwrap();
    for tenant in 0..TENANTS {
        // To one person of each, so that it is one group of the store: eight of one are read at once.
        flood(&bus, EACH, |event| Event {
            to: vec![person(0)],
            order: Order::Unordered,
            tenant: Some(format!("tenant-{tenant:02}")),
            ..event
        })
        .await;
    }
    bus.start();
    world.pass(2 * MINUTE).await;
    let requests = world.email.requests();
    assert_eq!(requests.len(), TENANTS * EACH);
    let mut first = std::collections::BTreeMap::new();
    for (place, request) in requests.iter().enumerate() {
        first.entry(request.tenant.clone()).or_insert(place);
    }
    assert_eq!(first.len(), TENANTS);
    // One round through all of them is a fifth of the work; with the first groups always first, the last tenant comes
    // when most of it is done.
    let last = first.values().max().unwrap();
    assert!(*last <= TENANTS * EACH / 3, "{last}: {first:?}");
}

#[tokio::test(start_paused = true)]
async fn a_tenant_with_a_weight_gets_more() {
    let world = slow();
    let bus = world
        .engine(world.mail())
        .tenant_weight(crate::common::tenant("a"), 3)
        .start()
        .await
        .unwrap();
    for name in ["a", "b"] {
        flood(&bus, 400, |event| event.tenant(name)).await;
    }
    world.pass(20 * S).await;
    let requests = world.email.requests();
    let of_a = calls_before(&requests, |request| request.tenant.as_str() == "a").len();
    let of_b = requests.len() - of_a;
    assert!(of_a.abs_diff(3 * of_b) <= 12, "{of_a} to {of_b}");
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_is_down_holds_up_no_other() {
    let world = World::new();
    let options = EngineOptions::default().with_in_hand(64);
    let bus = world
        .engine(world.mail())
        .options(options)
        .start()
        .await
        .unwrap();
    world.email.default(Play::fail(|| {
        SendError::retryable(Fault::Provider, "down").with_retry_after(60 * MINUTE)
    }));
    for number in 0..20 {
        let name = format!("tenant-{number}");
        flood(&bus, 10, |event| event.tenant(name.clone())).await;
    }
    world.pass(5 * S).await;
    let code = Event::new("code", Idempotency::None)
        .to(Recipient::new().sms("+447700900123"))
        .data(json!({ "n": "123456" }));
    let id = send(&bus, code).await;
    world.pass(S).await;
    world.sms.books().assert_sent_once(id);
}

#[tokio::test(start_paused = true)]
async fn suspects_leave_room_for_the_rest() {
    let world = World::new();
    let bus = world.start().await;
    world.email.when(
        |delivery| delivery.message.subject == "poison",
        Play::panic_before_start().after(S),
    );
    for number in 0..100 {
        let poison = Event {
            idempotency: Idempotency::None,
            ..note_to(person(number), "poison")
        };
        send(&bus, poison).await;
    }
    // All of them have panicked, and are tried one by one.
    world.pass(10 * S).await;
    let asked = world.now();
    let id = send(&bus, note("urgent").class(Class::Urgent)).await;
    world.pass(MINUTE).await;
    let requests = world.email.books().requests_of(id);
    let waited = requests[0].called.monotonic - asked;
    assert!(waited <= 2 * S, "behind one suspect at most: {waited:?}");
}

#[tokio::test(start_paused = true)]
async fn an_endless_template_costs_only_its_own_delivery() {
    let world = World::new();
    let templates = Templates::new()
        .part("loop", "en", "subject.txt", "x")
        .and_then(|templates| {
            let text = "{% for a in range(99999) %}{% for b in range(99999) %}{{ a * b }}{% endfor %}{% endfor %}";
            templates.part("loop", "en", "body.txt", text)
        })
        .and_then(|templates| templates.part("note", "en", "subject.txt", "{{ data.n }}"))
        .and_then(|templates| templates.part("note", "en", "body.txt", "x"))
        .unwrap();
    let bus = world
        .engine(world.mail())
        .templates(templates)
        .templates_later()
        .policy(Policy::new().on::<Email>("*").on::<Sms>("never"))
        .start()
        .await
        .unwrap();
    let endless = Event::new("loop", Idempotency::None).to(person(0));
    let dead = send(&bus, endless).await;
    let mut others = Vec::new();
    for number in 1..50 {
        others.push(send(&bus, note_to(person(number), &number.to_string())).await);
    }
    bus.idle().await;
    assert_ended(&bus, dead, EndState::Dead, Reason::RenderFailed).await;
    for id in others {
        world.email.books().assert_sent_once(id);
    }
}

#[tokio::test(start_paused = true)]
async fn a_tenant_sees_nothing_of_another() {
    let world = World::new();
    let bus = world.start().await;
    let published = publish(&bus, note("a").tenant("a")).await;
    bus.idle().await;
    let id = published.routes[0].delivery;
    let (a, b) = (crate::common::tenant("a"), crate::common::tenant("b"));
    assert!(bus.explain(&a, id).await.unwrap().is_some());
    assert!(bus.explain(&b, id).await.unwrap().is_none());
    assert!(bus.event(&b, published.event).await.unwrap().is_none());
    // The same key is another key.
    let theirs = send_now(&bus, note("a").tenant("b")).await;
    assert_ne!(theirs, id);
}
