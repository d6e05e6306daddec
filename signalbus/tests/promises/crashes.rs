//! What a crash may cost those that were not its cause.

use std::time::Duration;

use signalbus::{
    Class, DeliveryId, Event, Signalbus,
    provider::Capabilities,
    store::{EndState, Reason},
};
use signalbus_testkit::provider::{Play, Request};

use crate::common::{MINUTE, S, World, assert_ended, note_to, person, send};

const MS: Duration = Duration::from_millis(1);

/// Many at once.
async fn flood(bus: &Signalbus, events: impl Iterator<Item = Event>) -> Vec<DeliveryId> {
    let answers = bus.publish_all(events.collect()).await.unwrap();
    let of_event = |answer: Result<signalbus::Published, _>| answer.unwrap().routes[0].delivery;
    answers.into_iter().map(of_event).collect()
}

fn mails(count: usize) -> impl Iterator<Item = Event> {
    (0..count).map(|number| note_to(person(number), &format!("mail-{number}")))
}

/// With providers that take as many at once as they get.
fn wide() -> World {
    let mut world = World::new();
    world.email = world.email.with_capabilities(many());
    world.sms = world.sms.with_capabilities(many());
    world
}

fn many() -> Capabilities {
    Capabilities::default().with_concurrency(10_000)
}

/// A worker with this many sends in flight is killed; the world of who takes over, and when the
/// leases of the dead one are over.
async fn crash(world: &World, in_flight: usize) -> (World, Vec<DeliveryId>) {
    world.email.default(Play::hang());
    let one = world.start().await;
    let claimed = flood(&one, mails(in_flight)).await;
    world.pass_until(S).await;
    assert_eq!(world.email.books().in_flight(), in_flight);
    drop(one);
    world.pass_until(20 * S).await;
    let mut beside = world.beside();
    beside.email = beside.email.with_capabilities(many());
    beside.sms = beside.sms.with_capabilities(many());
    (beside, claimed)
}

fn late(requests: &[Request], from: Duration) -> Vec<Duration> {
    let after = |request: &Request| request.called.monotonic.saturating_sub(from);
    let mut late: Vec<Duration> = requests.iter().map(after).collect();
    late.sort_unstable();
    late
}

#[tokio::test(start_paused = true)]
async fn what_was_in_flight_in_a_crash_is_sent_in_no_time() {
    let world = wide();
    let (world, claimed) = crash(&world, 256).await;
    world.email.default(Play::accept().after(50 * MS));
    let from = world.now();
    let two = world.start().await;
    world.pass(20 * 50 * MS + 10 * MS).await;
    world.email.books().assert_sent_count(256);
    assert!(world.email.books().most_in_flight() > 1);
    let last = *late(&world.email.requests(), from).last().unwrap();
    assert!(
        last + 50 * MS <= 20 * 50 * MS,
        "the last began after {last:?}"
    );
    world.pass(MINUTE).await;
    for id in claimed {
        assert_ended(&two, id, EndState::Accepted, Reason::Sent).await;
    }
}

/// The suspects are mails, and the mails hang: text messages do not wait for them.
#[tokio::test(start_paused = true)]
async fn a_crash_costs_the_other_channels_nothing() {
    let urgent = |number: usize| {
        let to = signalbus::Recipient::new().sms(format!("+4477009{number:05}"));
        let mut event = Event::new("code", signalbus::Idempotency::None).to(to);
        event.class = Class::Urgent;
        event.data(serde_json::json!({ "n": "1234" }))
    };
    let mut of_both = Vec::new();
    for crashed in [0, 256] {
        let world = wide();
        let (world, _) = crash(&world, crashed).await;
        world.email.default(Play::hang());
        world.sms.default(Play::accept().after(50 * MS));
        let two = world.start().await;
        let mut lateness = Vec::new();
        for round in 0..100 {
            let from = world.now();
            flood(&two, (0..10).map(|number| urgent(10 * round + number))).await;
            world.pass(200 * MS).await;
            let requests = world.sms.requests();
            lateness.extend(late(&requests[10 * round..], from));
        }
        assert_eq!(lateness.len(), 1_000);
        lateness.sort_unstable();
        of_both.push([lateness[500], lateness[990]]);
    }
    // A millisecond is the least that the clock tells apart.
    for (without, with) in of_both[0].iter().zip(&of_both[1]) {
        assert!(*with <= (*without * 2).max(MS), "{of_both:?}");
    }
}

/// One that kills the process each time costs those that were in flight with it one more try, or two: it is
/// found because in the end each suspect is alone.
#[tokio::test(start_paused = true)]
async fn who_kills_the_process_is_found_among_many() {
    let world = wide();
    world.email.when(
        |delivery| delivery.message.subject == "mail-40",
        Play::hang(),
    );
    world.email.default(Play::accept().after(50 * MS));
    let mut bus = world.start().await;
    let ids = flood(&bus, mails(64)).await;
    let culprit = ids[40];
    let mut crashes = 0;
    loop {
        world.pass(10 * MS).await;
        if world.email.books().in_flight() > 0
            && world
                .email
                .books()
                .requests_of(culprit)
                .iter()
                .any(Request::is_pending)
        {
            // It is what crashes, in the middle of its send.
            drop(bus);
            crashes += 1;
            world.pass(20 * S).await;
            bus = world.start().await;
        }
        if world.now() > 10 * MINUTE {
            break;
        }
    }
    assert_ended(&bus, culprit, EndState::Dead, Reason::Poison).await;
    assert_eq!(crashes, 4, "in company, in company, alone, alone");
    for id in ids.into_iter().filter(|id| *id != culprit) {
        assert_ended(&bus, id, EndState::Accepted, Reason::Sent).await;
        assert!(world.email.books().requests_of(id).len() <= 3);
    }
}

/// Bulk mails that hang do not take the slots of everybody.
#[tokio::test(start_paused = true)]
async fn what_hangs_leaves_slots_to_others() {
    let mut times = Vec::new();
    for hanging in [0, 1_000] {
        let world = wide();
        world.email.default(Play::stall().after(3 * S));
        world.sms.default(Play::accept().after(50 * MS));
        let bus = world.start().await;
        let bulk = mails(hanging).map(|mut event| {
            event.class = Class::Bulk;
            event
        });
        flood(&bus, bulk).await;
        world.pass(S).await;
        let from = world.now();
        let codes = (0..60).map(|number| {
            let to = signalbus::Recipient::new().sms(format!("+4477009{number:05}"));
            let mut event = Event::new("code", signalbus::Idempotency::None).to(to);
            event.class = Class::Urgent;
            event.data(serde_json::json!({ "n": "1234" }))
        });
        let codes = flood(&bus, codes).await;
        world.pass(10 * S).await;
        for id in codes {
            assert_ended(&bus, id, EndState::Accepted, Reason::Sent).await;
        }
        times.push(*late(&world.sms.requests(), from).last().unwrap() + 50 * MS);
    }
    assert!(times[1] <= times[0] * 2, "{times:?}");
}

/// Nothing of it is sent again and again because its result cannot be written.
#[tokio::test(start_paused = true)]
async fn a_result_that_cannot_be_written_whole_is_written_bare() {
    let (world, store) = World::with_test_store();
    world
        .email
        .next([Play::permanent(signalbus::provider::Fault::Recipient)]);
    store.fail_flush(|flush| {
        let texts = flush
            .settles
            .iter()
            .any(|settle| settle.record.detail.is_some());
        texts.then_some(crate::common::Fails::ForGood)
    });
    let bus = world.start().await;
    let refused = send(&bus, note_to(person(1), "refused")).await;
    let other = send(&bus, note_to(person(2), "other")).await;
    world.pass(S).await;
    assert_ended(&bus, refused, EndState::Dead, Reason::Refused).await;
    assert_ended(&bus, other, EndState::Accepted, Reason::Sent).await;
    drop(bus);
    let bus = world.start().await;
    world.pass(MINUTE).await;
    world.email.books().assert_no_duplicates();
    assert!(bus.health().is_well(), "{}", bus.health());
}
