//! P4: terminal is final, except by a redrive; and a generation sends one message.

use signalbus::{
    DeliveryId, Signalbus, Templates, TenantId,
    channel::Email,
    provider::Fault,
    store::{
        DeliveryFilter, EndState, Entry, Reason, Redrive, RedriveContent, Redriven, Selection,
        State,
    },
};
use signalbus_testkit::provider::Play;

use crate::common::{
    MINUTE, S, World, ZERO, assert_ended, assert_waiting, delivery, every, history, note, note_to,
    person, seconds, send, send_now, subjects, tenant,
};

fn redrive(selection: Selection) -> Redrive {
    Redrive {
        tenant: TenantId::default(),
        selection,
        actor: "grace".to_owned(),
        content: RedriveContent::Fresh,
        spacing: ZERO,
        expires_at: None,
        limit: 100,
        dry_run: false,
    }
}

fn by_id(id: DeliveryId, generation: u32) -> Redrive {
    redrive(Selection::Ids(vec![(id, generation)]))
}

/// Deliveries to so many people, all dead.
async fn dead(world: &World, bus: &Signalbus, count: usize) -> Vec<DeliveryId> {
    world.email.default(Play::permanent(Fault::Recipient));
    let mut ids = Vec::new();
    for number in 0..count {
        ids.push(send_now(bus, note_to(person(number), &number.to_string())).await);
    }
    world.email.heal();
    ids
}

/// The templates, with this in front of the subject.
fn templates(word: &str) -> Templates {
    Templates::new()
        .part(
            "note",
            "en",
            "subject.txt",
            &format!("{word} {{{{ data.n }}}}"),
        )
        .and_then(|templates| templates.part("note", "en", "body.txt", "Hello"))
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_dead_delivery_gets_a_new_generation() {
    let world = World::new();
    let bus = world.start().await;
    let id = dead(&world, &bus, 1).await[0];
    let redriven = bus.redrive(by_id(id, 0)).await.unwrap();
    assert_eq!(redriven.started, [(id, 1)]);
    bus.idle().await;
    assert_ended(&bus, id, EndState::Accepted, Reason::Sent).await;
    let requests = world.email.requests();
    assert_eq!((requests[0].generation, requests[0].attempt), (0, 1));
    assert_eq!((requests[1].generation, requests[1].attempt), (1, 1));
    assert_ne!(requests[0].reference, requests[1].reference);
    let audit = Entry::Redriven {
        actor: "grace".to_owned(),
        ended: 0,
        began: 1,
    };
    assert_eq!(history(&bus, id).await[1], audit);
}

#[tokio::test(start_paused = true)]
async fn of_two_redrives_of_one_generation_one_wins() {
    let world = World::new();
    let bus = world.start().await;
    let id = dead(&world, &bus, 1).await[0];
    let (one, two) = tokio::join!(bus.redrive(by_id(id, 0)), bus.redrive(by_id(id, 0)));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.started.len() + two.started.len(), 1);
    assert_eq!(one.skipped.len() + two.skipped.len(), 1);
    bus.idle().await;
    world.email.books().assert_sent_once(id);
    let late = bus.redrive(by_id(id, 0)).await.unwrap();
    assert_eq!(late.skipped, [id]);
}

#[tokio::test(start_paused = true)]
async fn what_ended_well_or_is_somebody_elses_is_skipped() {
    let world = World::new();
    let bus = world.start().await;
    let sent = send_now(&bus, note("a")).await;
    let foreign = dead(&world, &bus, 1).await[0];
    let mut theirs = by_id(foreign, 0);
    theirs.tenant = tenant("other");
    for (skipped, redrive) in [(sent, by_id(sent, 0)), (foreign, theirs)] {
        let redriven = bus.redrive(redrive).await.unwrap();
        assert_eq!(redriven.skipped, [skipped]);
        assert!(redriven.started.is_empty());
    }
    bus.idle().await;
    assert_eq!(world.email.requests().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn by_filter_in_batches_and_first_on_trial() {
    let world = World::new();
    let bus = world.start().await;
    let ids = dead(&world, &bus, 5).await;
    let filter = || Selection::Filter(DeliveryFilter::new().reason(Reason::Refused));
    let mut trial = redrive(filter());
    trial.dry_run = true;
    let Redriven { started, more, .. } = bus.redrive(trial).await.unwrap();
    assert_eq!((started.len(), more), (5, false));
    bus.idle().await;
    assert_eq!(world.email.requests().len(), 5, "nothing was sent on trial");

    let mut batch = redrive(filter());
    batch.limit = 3;
    let first = bus.redrive(batch.clone()).await.unwrap();
    assert_eq!((first.started.len(), first.more), (3, true));
    let second = bus.redrive(batch).await.unwrap();
    assert_eq!((second.started.len(), second.more), (2, false));
    bus.idle().await;
    for id in ids {
        world.email.books().assert_sent_once(id);
    }
}

#[tokio::test(start_paused = true)]
async fn at_a_rate() {
    let world = World::new();
    let bus = world.start().await;
    dead(&world, &bus, 4).await;
    let mut slow = redrive(Selection::Filter(DeliveryFilter::new().dead()));
    slow.spacing = 10 * S;
    bus.redrive(slow).await.unwrap();
    world.pass(MINUTE).await;
    assert_eq!(seconds(&world.email.sent()), [0, 10, 20, 30]);
}

#[tokio::test(start_paused = true)]
async fn expired_ones_with_a_new_end_of_life() {
    let world = World::new();
    let bus = world.start().await;
    let id = send_now(&bus, note("a").expires_at(world.at(ZERO))).await;
    assert_ended(&bus, id, EndState::Expired, Reason::Expired).await;
    let mut again = by_id(id, 0);
    again.expires_at = Some(world.at(MINUTE));
    bus.redrive(again).await.unwrap();
    bus.idle().await;
    assert_ended(&bus, id, EndState::Accepted, Reason::Sent).await;
}

#[tokio::test(start_paused = true)]
async fn a_redrive_renders_afresh_or_sends_what_was_frozen() {
    let world = World::new();
    let engine = |word| {
        let builder = world.engine(world.mail()).templates(templates(word));
        builder.templates_later()
    };
    let old = engine("old").start().await.unwrap();
    let ids = dead(&world, &old, 2).await;
    old.shutdown().await;
    let new = engine("new").start().await.unwrap();
    new.redrive(by_id(ids[0], 0)).await.unwrap();
    let mut frozen = by_id(ids[1], 0);
    frozen.content = RedriveContent::Frozen;
    new.redrive(frozen).await.unwrap();
    new.idle().await;
    let subject = |id| {
        let requests = world.email.books().requests_of(id);
        requests.last().unwrap().message::<Email>().subject
    };
    assert_eq!(subject(ids[0]), "new 0");
    assert_eq!(subject(ids[1]), "old 1");
}

#[tokio::test(start_paused = true)]
async fn a_deploy_between_two_tries_does_not_change_the_message() {
    let world = World::new();
    let engine = |templates| {
        let setup = world.mail().retry(every(10 * S));
        world.engine(setup).templates(templates).templates_later()
    };
    let old = engine(templates("old")).start().await.unwrap();
    world.email.default(Play::retryable(Fault::Recipient));
    let id = send_now(&old, note("a")).await;
    old.shutdown().await;
    // Not even a template that is gone stops what waits.
    let new = engine(Templates::new()).start().await.unwrap();
    world.pass(15 * S).await;
    world.email.heal();
    world.pass(15 * S).await;
    assert_ended(&new, id, EndState::Accepted, Reason::Sent).await;
    let requests = world.email.requests();
    assert_eq!(subjects(&requests), ["old a", "old a", "old a"]);
    assert!(
        requests
            .iter()
            .all(|request| request.json == requests[0].json)
    );
}

#[tokio::test(start_paused = true)]
async fn a_redrive_of_an_unknown_outcome_is_a_new_message() {
    let world = World::new();
    let policy = every(S).with_max_attempts(1);
    let bus = world.start_with(world.mail().retry(policy)).await;
    world.email.next([Play::cut()]);
    let id = send_now(&bus, note("a")).await;
    assert_eq!(
        delivery(&bus, id).await.state,
        State::Ended(EndState::OutcomeUnknown)
    );
    let mut frozen = by_id(id, 0);
    frozen.content = RedriveContent::Frozen;
    bus.redrive(frozen).await.unwrap();
    assert_waiting(&bus, id).await;
    bus.idle().await;
    assert_ended(&bus, id, EndState::Accepted, Reason::Sent).await;
    let sent = subjects(&world.email.sent());
    assert_eq!(sent, ["a", "a"]);
    let waiting = send(&bus, note("b").send_at(world.at(MINUTE))).await;
    let skipped = bus.redrive(by_id(waiting, 0)).await.unwrap().skipped;
    assert_eq!(skipped, [waiting], "it has not ended");
}
