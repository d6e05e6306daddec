//! P2: nobody on the suppression list is in any envelope, and nobody is in one twice.

use signalbus::{
    Idempotency, TenantId,
    channel::{
        Address as _, Email,
        email::{EmailAddress, EmailMessage, EmailOptions, Mailbox},
    },
    provider::Fault,
    store::{EndState, Reason},
};
use signalbus_testkit::provider::Play;

use crate::common::{
    Call, Fails, MINUTE, S, World, assert_ended, every, note_to, person, send, send_now,
};

fn mailbox(text: &str) -> Mailbox {
    text.parse().unwrap()
}

fn with_copies() -> signalbus::Event {
    let options = EmailOptions::new()
        .cc(mailbox("Bob <bob@example.org>"))
        .cc(mailbox("cid@example.org"))
        .cc(mailbox("Bob again <bob@EXAMPLE.org>"))
        .bcc(mailbox("dan@example.org"))
        .bcc(mailbox("cid@example.org"))
        .bcc(mailbox("person-1@example.org"));
    let mut event = note_to(person(1), "a");
    event.idempotency = Idempotency::None;
    let options = serde_json::to_value(options).unwrap();
    event.options.insert("email".to_owned(), options);
    event
}

fn envelope(message: &EmailMessage) -> Vec<String> {
    let all = message.recipients();
    all.map(|one| EmailAddress::as_str(one.address()).to_owned())
        .collect()
}

/// The envelope of each request.
fn envelopes(world: &World) -> Vec<Vec<String>> {
    let requests = world.email.requests();
    let messages = requests.iter().map(|request| request.message::<Email>());
    messages.map(|message| envelope(&message)).collect()
}

#[tokio::test(start_paused = true)]
async fn whoever_is_named_twice_gets_one_mail() {
    let world = World::new();
    let bus = world.start().await;
    send_now(&bus, with_copies()).await;
    let all = [
        "person-1@example.org",
        "bob@example.org",
        "cid@example.org",
        "dan@example.org",
    ];
    assert_eq!(envelopes(&world), [all]);
}

#[tokio::test(start_paused = true)]
async fn whoever_is_suppressed_gets_no_copy() {
    let world = World::new();
    let bus = world.start_with(world.mail().retry(every(10 * S))).await;
    let tenant = TenantId::default();
    bus.suppress(&tenant, "email", "bob@example.org", "complaint")
        .await
        .unwrap();
    world.email.default(Play::retryable(Fault::Recipient));
    let id = send(&bus, with_copies()).await;
    world.pass(S).await;
    // Between two tries, too.
    bus.suppress(&tenant, "email", "Dan@example.org", "unsubscribed")
        .await
        .unwrap();
    world.email.heal();
    world.pass(MINUTE).await;
    assert_ended(&bus, id, EndState::Accepted, Reason::Sent).await;
    assert_eq!(
        envelopes(&world),
        [
            vec!["person-1@example.org", "cid@example.org", "dan@example.org"],
            vec!["person-1@example.org", "cid@example.org"]
        ]
    );
    // The list of another tenant is another one.
    send_now(&bus, with_copies().tenant("other")).await;
    assert_eq!(envelopes(&world).last().unwrap().len(), 4);
}

/// Nobody knows who is on it: that is waited for.
#[tokio::test(start_paused = true)]
async fn without_the_list_no_copy_is_sent() {
    let (world, store) = World::with_test_store();
    let bus = world.start().await;
    store.fail(|call| (call == Call::Suppressed).then_some(Fails::Before));
    let id = send(&bus, with_copies()).await;
    let plain = send(&bus, note_to(person(2), "b")).await;
    world.pass(MINUTE).await;
    assert_eq!(world.email.books().requests_of(id).len(), 0);
    world.email.books().assert_sent_once(plain);
    store.heal();
    world.pass(MINUTE).await;
    world.email.books().assert_sent_once(id);
}
