//! P5: order per recipient, as the provider saw it.

use signalbus::{
    Class, Event, Order, Recipient, Signalbus,
    provider::Fault,
    store::{EndState, Reason},
};
use signalbus_testkit::provider::{Play, Request};

use crate::common::{
    MINUTE, S, World, ZERO, assert_ended, every, note, note_to, person, publish, subjects,
};

/// Publishes `1` to `count` for Ada, in this order.
async fn publish_row(bus: &Signalbus, count: usize, order: Order) -> Vec<signalbus::DeliveryId> {
    let mut ids = Vec::new();
    for number in 1..=count {
        let published = publish(bus, note(&number.to_string()).order(order)).await;
        ids.push(published.routes[0].delivery);
    }
    ids
}

/// The row of plays for the message with this subject, then success.
fn play(world: &World, subject: &'static str, failing: u32, play: Play) {
    world.email.when(
        move |delivery| delivery.message.subject == subject && delivery.attempt <= failing,
        play,
    );
}

fn at(requests: &[Request]) -> Vec<(String, u64)> {
    let seconds = requests.iter().map(|request| request.called.monotonic);
    subjects(requests)
        .into_iter()
        .zip(seconds.map(|at| at.as_secs()))
        .collect()
}

fn expected(row: &[(&str, u64)]) -> Vec<(String, u64)> {
    row.iter().map(|(n, at)| ((*n).to_owned(), *at)).collect()
}

#[tokio::test(start_paused = true)]
async fn first_sends_start_in_order_one_at_a_time() {
    for order in [Order::Start, Order::Strict, Order::StrictBlocking] {
        let world = World::new();
        let bus = world.start().await;
        world.email.default(Play::accept().after(2 * S));
        publish_row(&bus, 5, order).await;
        world.pass(MINUTE).await;
        assert_eq!(subjects(&world.email.sent()), ["1", "2", "3", "4", "5"]);
        assert_eq!(world.email.books().most_in_flight(), 1, "{order:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn start_order_goes_on_past_a_retry() {
    let world = World::new();
    let bus = world.start_with(world.mail().retry(every(10 * S))).await;
    play(&world, "1", 2, Play::retryable(Fault::Recipient));
    publish_row(&bus, 3, Order::Start).await;
    world.pass(MINUTE).await;
    assert_eq!(
        at(&world.email.requests()),
        expected(&[("1", 0), ("2", 0), ("3", 0), ("1", 10), ("1", 20)])
    );
}

/// Each message keeps the rule of its own order: 2 waits until 1 has ended, 3 does not.
#[tokio::test(start_paused = true)]
async fn orders_may_be_mixed_for_one_recipient() {
    for head in [Order::Start, Order::Strict] {
        let world = World::new();
        let bus = world.start_with(world.mail().retry(every(10 * S))).await;
        play(&world, "1", 2, Play::retryable(Fault::Recipient));
        for (subject, order) in [
            ("1", head),
            ("2", Order::Strict),
            ("3", Order::Start),
            ("4", Order::Unordered),
        ] {
            publish(&bus, note(subject).order(order)).await;
        }
        world.pass(MINUTE).await;
        let mut requests = at(&world.email.requests());
        requests.sort_by_key(|(subject, at)| (*at, subject.clone()));
        assert_eq!(
            requests,
            expected(&[
                ("1", 0),
                ("3", 0),
                ("4", 0),
                ("1", 10),
                ("1", 20),
                ("2", 20)
            ]),
            "behind {head:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn strict_order_waits_for_a_retry() {
    for order in [Order::Strict, Order::StrictBlocking] {
        let world = World::new();
        let bus = world.start_with(world.mail().retry(every(10 * S))).await;
        play(&world, "1", 2, Play::retryable(Fault::Recipient));
        publish_row(&bus, 3, order).await;
        world.pass(MINUTE).await;
        assert_eq!(
            at(&world.email.requests()),
            expected(&[("1", 0), ("1", 10), ("1", 20), ("2", 20), ("3", 20)])
        );
    }
}

#[tokio::test(start_paused = true)]
async fn strict_order_skips_what_is_dead() {
    let world = World::new();
    let bus = world.start().await;
    play(&world, "1", 1, Play::permanent(Fault::Recipient));
    let ids = publish_row(&bus, 3, Order::Strict).await;
    bus.idle().await;
    assert_ended(&bus, ids[0], EndState::Dead, Reason::Refused).await;
    assert_eq!(subjects(&world.email.sent()), ["2", "3"]);
}

#[tokio::test(start_paused = true)]
async fn blocking_order_waits_until_the_dead_one_is_redriven() {
    let world = World::new();
    let bus = world.start().await;
    play(&world, "1", 1, Play::permanent(Fault::Recipient));
    let ids = publish_row(&bus, 3, Order::StrictBlocking).await;
    world.pass(MINUTE).await;
    assert_eq!(subjects(&world.email.requests()), ["1"]);
    let other = publish(
        &bus,
        note_to(person(1), "other").order(Order::StrictBlocking),
    )
    .await;
    bus.idle().await;
    world
        .email
        .books()
        .assert_sent_once(other.routes[0].delivery);

    world.email.heal();
    bus.redrive(signalbus::store::Redrive {
        tenant: signalbus::TenantId::default(),
        selection: signalbus::store::Selection::Ids(vec![(ids[0], 0)]),
        actor: "grace".to_owned(),
        content: signalbus::store::RedriveContent::Fresh,
        spacing: ZERO,
        expires_at: None,
        limit: 1,
        dry_run: false,
    })
    .await
    .unwrap();
    world.pass(MINUTE).await;
    assert_eq!(subjects(&world.email.sent()), ["other", "1", "2", "3"]);
}

/// One at a time, also when it is the earlier one that comes back.
#[tokio::test(start_paused = true)]
async fn a_redriven_one_waits_for_a_later_one_that_is_in_flight() {
    let world = World::new();
    let bus = world.start().await;
    play(&world, "1", 1, Play::permanent(Fault::Recipient));
    play(&world, "2", 1, Play::accept().after(10 * S));
    let ids = publish_row(&bus, 3, Order::Strict).await;
    world.pass(S).await;
    assert_eq!(subjects(&world.email.requests()), ["1", "2"]);
    bus.redrive(signalbus::store::Redrive {
        tenant: signalbus::TenantId::default(),
        selection: signalbus::store::Selection::Ids(vec![(ids[0], 0)]),
        actor: "grace".to_owned(),
        content: signalbus::store::RedriveContent::Fresh,
        spacing: ZERO,
        expires_at: None,
        limit: 1,
        dry_run: false,
    })
    .await
    .unwrap();
    world.pass(MINUTE).await;
    // It was the first, and is so again, before the third.
    assert_eq!(
        at(&world.email.requests()),
        expected(&[("1", 0), ("2", 0), ("1", 10), ("3", 10)])
    );
}

#[tokio::test(start_paused = true)]
async fn a_dead_one_that_is_redriven_past_its_time_is_passed() {
    let world = World::new();
    let bus = world.start().await;
    world.email.default(Play::permanent(Fault::Recipient));
    let ids = publish_row(&bus, 2, Order::StrictBlocking).await;
    world.pass(MINUTE).await;
    world.email.heal();
    bus.redrive(signalbus::store::Redrive {
        tenant: signalbus::TenantId::default(),
        selection: signalbus::store::Selection::Ids(vec![(ids[0], 0)]),
        actor: "grace".to_owned(),
        content: signalbus::store::RedriveContent::Fresh,
        spacing: ZERO,
        expires_at: Some(world.at(world.now())),
        limit: 1,
        dry_run: false,
    })
    .await
    .unwrap();
    world.pass(MINUTE).await;
    assert_ended(&bus, ids[0], EndState::Expired, Reason::Expired).await;
    assert_eq!(subjects(&world.email.sent()), ["2"]);
}

#[tokio::test(start_paused = true)]
async fn a_strict_message_that_is_scheduled_holds_back_its_successors() {
    let world = World::new();
    let bus = world.start().await;
    let first = note("1").order(Order::Strict).send_at(world.at(MINUTE));
    publish(&bus, first).await;
    publish(&bus, note("2").order(Order::Strict)).await;
    publish(&bus, note("unstrict")).await;
    world.pass(2 * MINUTE).await;
    assert_eq!(
        at(&world.email.sent()),
        expected(&[("unstrict", 0), ("1", 60), ("2", 60)])
    );
}

#[tokio::test(start_paused = true)]
async fn without_order_many_are_in_flight() {
    let world = World::new();
    let bus = world.start().await;
    world.email.default(Play::accept().after(S));
    publish_row(&bus, 10, Order::Unordered).await;
    world.pass(10 * S).await;
    world.email.books().assert_sent_count(10);
    assert_eq!(world.email.books().most_in_flight(), 10);
}

#[tokio::test(start_paused = true)]
async fn recipients_do_not_wait_for_each_other() {
    let world = World::new();
    let bus = world.start().await;
    world.email.default(Play::accept().after(S));
    for number in 0..10 {
        publish(&bus, note_to(person(number), &number.to_string())).await;
    }
    world.pass(10 * S).await;
    assert_eq!(world.email.books().most_in_flight(), 10);
}

#[tokio::test(start_paused = true)]
async fn an_urgent_message_does_not_wait_for_a_newsletter_to_the_same_person() {
    let world = World::new();
    let bus = world.start().await;
    world.email.default(Play::accept().after(10 * S));
    publish(&bus, note("bulk").class(Class::Bulk)).await;
    publish(&bus, note("more").class(Class::Bulk)).await;
    world.pass(S).await;
    publish(&bus, note("urgent").class(Class::Urgent)).await;
    world.pass(MINUTE).await;
    assert_eq!(
        at(&world.email.requests()),
        expected(&[("bulk", 0), ("urgent", 1), ("more", 10)])
    );
}

#[tokio::test(start_paused = true)]
async fn a_person_keeps_their_order_when_the_address_changes() {
    let world = World::new();
    let bus = world.start().await;
    world.email.default(Play::accept().after(S));
    let grace = |address: &str| Recipient::new().id("grace").email(address);
    let row: Vec<Event> = vec![
        note_to(grace("old@example.org"), "1"),
        note_to(grace("new@example.org"), "2"),
        note_to(grace("old@example.org"), "3"),
    ];
    for event in row {
        publish(&bus, event).await;
    }
    world.pass(MINUTE).await;
    assert_eq!(subjects(&world.email.sent()), ["1", "2", "3"]);
    assert_eq!(world.email.books().most_in_flight(), 1);
}
