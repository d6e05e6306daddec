//! Secrets that end with their event, and persons who are found and forgotten.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use serde_json::json;
use signalbus::{
    Attachment, ChannelSetup, Class, DeliveryId, EngineOptions, Event, Provider, Recipient,
    Signalbus, Templates, TenantId, Verdict, Who,
    channel::Email,
    provider::{Capabilities, Delivery, Fault, SendError, Sent},
    store::{
        AddressHash, EndState, Erased, PageToken, Reason, RecipientKey, Redrive, RedriveContent,
        Selection,
    },
};
use signalbus_testkit::provider::{Play, ScriptedProvider};

use crate::common::{
    MINUTE, S, World, ZERO, ada, assert_ended, attempts, every, note, note_to, person, publish,
    send, send_now, sender, subjects,
};

/// The subject is the secret.
fn telling() -> Templates {
    Templates::new()
        .part(
            "note",
            "en",
            "subject.txt",
            "{{ secret.code }} {{ data.n }}",
        )
        .and_then(|templates| templates.part("note", "en", "body.txt", "Hello"))
        .unwrap()
}

async fn telling_engine(world: &World) -> Signalbus {
    let mail = world.mail().retry(every(S));
    let engine = world.engine(mail).templates(telling()).templates_later();
    engine.start().await.unwrap()
}

fn code(key: &str) -> Event {
    note(key).secret(json!({ "code": "314159" }))
}

fn again(id: DeliveryId, content: RedriveContent) -> Redrive {
    Redrive {
        tenant: TenantId::default(),
        selection: Selection::Ids(vec![(id, 0)]),
        actor: "grace".to_owned(),
        content,
        spacing: ZERO,
        expires_at: None,
        limit: 1,
        dry_run: false,
    }
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_in_the_message_and_in_no_answer() {
    let world = World::new();
    let bus = telling_engine(&world).await;
    world
        .email
        .next([Play::retryable(Fault::Provider), Play::accept()]);
    let published = publish(&bus, code("a")).await;
    let id = published.routes[0].delivery;
    let details = bus.event(&TenantId::default(), published.event).await;
    let details = details.unwrap().unwrap();
    assert_eq!(details.data, Some(json!({ "n": "a" })));
    let acme = TenantId::default();
    let raw = bus.store().event(&acme, published.event).await;
    let raw = raw.unwrap().unwrap();
    for told in [
        raw.event.content.as_ref(),
        raw.recipients[0].content.as_deref().unwrap(),
    ] {
        let told = String::from_utf8_lossy(told);
        assert!(!told.contains("314159"), "{told}");
    }
    bus.idle_within(MINUTE).await;
    assert_ended(&bus, id, EndState::Accepted, Reason::Sent).await;
    assert_eq!(subjects(&world.email.requests()), ["314159 a"; 2]);
    let explained = bus
        .explain(&TenantId::default(), id)
        .await
        .unwrap()
        .unwrap();
    assert!(!explained.to_string().contains("314159"), "{explained}");
    assert!(!format!("{:?} {details:?} {raw:?}", code("a")).contains("314159"));
}

#[tokio::test(start_paused = true)]
async fn what_is_redriven_afresh_after_its_end_says_that_the_secret_is_gone() {
    let world = World::new();
    let bus = telling_engine(&world).await;
    world.email.default(Play::permanent(Fault::Recipient));
    let fresh = send_now(&bus, code("a")).await;
    let frozen = send_now(&bus, code("b")).await;
    world.email.heal();
    let sent = world.email.requests().len();
    bus.redrive(again(fresh, RedriveContent::Fresh))
        .await
        .unwrap();
    bus.idle().await;
    assert_ended(&bus, fresh, EndState::Dead, Reason::SecretGone).await;
    let last = attempts(&bus, fresh).await.pop().unwrap();
    assert!(last.detail.unwrap().contains("publish a new event"));
    assert_eq!(world.email.requests().len(), sent);

    bus.redrive(again(frozen, RedriveContent::Frozen))
        .await
        .unwrap();
    bus.idle().await;
    assert_ended(&bus, frozen, EndState::Accepted, Reason::Sent).await;
    let last = world.email.requests().pop().unwrap();
    assert_eq!(last.message::<Email>().subject, "314159 b");
}

/// It is no part of what a repeat is compared by: what is kept of that could be tried out.
#[tokio::test(start_paused = true)]
async fn a_repeat_with_another_secret_is_a_repeat() {
    let world = World::new();
    let bus = telling_engine(&world).await;
    let id = send_now(&bus, code("a")).await;
    let other = note("a").secret(json!({ "code": "271828" }));
    let repeat = bus.publish(other).await.unwrap();
    assert_eq!(repeat.verdict, Verdict::Duplicate);
    bus.idle().await;
    assert_eq!(subjects(&world.email.requests()), ["314159 a"]);
    assert_ended(&bus, id, EndState::Accepted, Reason::Sent).await;
}

#[tokio::test(start_paused = true)]
async fn an_event_is_read_back_as_it_was_published() {
    let world = World::new();
    let bus = world.start().await;
    let file = Attachment::new("a.pdf", "application/pdf", vec![1, 2, 3]);
    let event = note_to(ada().name("Ada").data(json!({ "plan": "free" })), "a");
    let event = event
        .to(person(1))
        .locale("de")
        .class(Class::Urgent)
        .attach(file);
    let to = event.to.clone();
    let id = publish(&bus, event).await.event;
    let details = bus.event(&TenantId::default(), id).await.unwrap().unwrap();
    assert_eq!(details.topic.as_str(), "note");
    assert_eq!(details.class, Class::Urgent);
    assert_eq!(details.locale.as_deref(), Some("de"));
    assert_eq!(details.data, Some(json!({ "n": "a" })));
    let read: Vec<Recipient> = details
        .recipients
        .iter()
        .filter_map(|r| r.recipient.clone())
        .collect();
    assert_eq!(read, to);
    let tenant = TenantId::default();
    let keys: Vec<RecipientKey> = details.recipients.iter().map(|r| r.key).collect();
    let address = AddressHash::of(&"email".parse().unwrap(), "person-1@example.org");
    let expected = [
        RecipientKey::of(&tenant, "ada"),
        RecipientKey::of_address(&tenant, address),
    ];
    assert_eq!(keys, expected);
    assert_eq!(details.deliveries.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_was_sent_to_somebody_is_found_by_id_and_by_address() {
    let world = World::new();
    let bus = world.start().await;
    let acme = TenantId::default();
    let mut both = note("a");
    both.topic = "both".to_owned();
    let first = publish(&bus, both).await;
    let moved = Recipient::new().id("ada").email("lovelace@example.org");
    let second = send(&bus, note_to(moved, "b")).await;
    let nameless = Recipient::new().email("Ada@EXAMPLE.org");
    let third = send(&bus, note_to(nameless, "c")).await;
    send(&bus, note_to(person(1), "d")).await;
    let found = async |who| {
        let mut ids = Vec::new();
        let mut page = Some(PageToken::first(1));
        while let Some(token) = page {
            // As it travels through somebody's pages.
            let token: PageToken = token.to_string().parse().unwrap();
            let answer = bus.sent_to(&acme, who, token).await.unwrap();
            ids.extend(answer.items.iter().map(|delivery| delivery.id));
            page = answer.next;
        }
        ids
    };
    let routes: Vec<_> = first.routes.iter().map(|route| route.delivery).collect();
    let by_id = found(Who::Id("ada")).await;
    assert_eq!(by_id, [routes.as_slice(), &[second]].concat());
    let at_home = found(Who::Address {
        channel: "email",
        address: "ada@example.org",
    })
    .await;
    let mail = routes[0];
    assert!(at_home.contains(&mail));
    assert_eq!(at_home.last(), Some(&third));
    assert_eq!(at_home.len(), 2);
    let nobody = bus.sent_to(
        &acme,
        Who::Address {
            channel: "fax",
            address: "1",
        },
        PageToken::first(1),
    );
    assert!(nobody.await.unwrap_err().to_string().contains("fax"));
}

#[tokio::test(start_paused = true)]
async fn a_person_who_is_erased_is_not_written_to_and_nothing_tells_who_it_was() {
    let world = World::new();
    let bus = world.start().await;
    let acme = TenantId::default();
    let sent = send_now(&bus, note("a")).await;
    let later = publish(&bus, note("b").send_at(world.at(5 * MINUTE))).await;
    let shared = note("c").to(person(1)).send_at(world.at(5 * MINUTE));
    let shared = publish(&bus, shared).await;
    let who = [
        Who::Id("ada"),
        Who::Address {
            channel: "email",
            address: "ada@example.org",
        },
    ];
    let erased = bus.erase(&acme, &who, "grace").await.unwrap();
    assert_eq!(
        (erased.recipients, erased.events, erased.cancelled),
        (3, 2, 2)
    );
    assert_eq!(
        bus.erase(&acme, &who, "grace").await.unwrap(),
        Erased::default()
    );
    world.pass(10 * MINUTE).await;
    bus.idle().await;
    let ended = later.routes[0].delivery;
    assert_ended(&bus, ended, EndState::Cancelled, Reason::Erased).await;
    assert_ended(&bus, sent, EndState::Accepted, Reason::Sent).await;
    let requests = world.email.requests();
    let to: Vec<&str> = requests
        .iter()
        .map(|request| request.address.as_str())
        .collect();
    assert_eq!(to, ["ada@example.org", "person-1@example.org"]);
    let explained = bus
        .explain(&acme, ended)
        .await
        .unwrap()
        .unwrap()
        .to_string();
    assert!(
        explained.contains("the recipient was erased by grace"),
        "{explained}"
    );
    assert!(!explained.contains("ada@"), "{explained}");
    for event in [later.event, shared.event] {
        let details = bus.event(&acme, event).await.unwrap().unwrap();
        assert_eq!(details.recipients[0].recipient, None);
    }
    let details = bus.event(&acme, later.event).await.unwrap().unwrap();
    assert_eq!(details.data, None);
}

/// What had ended badly before can be redriven, and says then why it cannot be sent.
#[tokio::test(start_paused = true)]
async fn what_is_redriven_of_an_erased_person_is_dead_and_says_so() {
    let world = World::new();
    let bus = world.start().await;
    world.email.default(Play::permanent(Fault::Recipient));
    let alone = send_now(&bus, note("a")).await;
    let with_bob = send_now(&bus, note("b").to(person(1))).await;
    world.email.heal();
    let sent = world.email.requests().len();
    bus.erase(&TenantId::default(), &[Who::Id("ada")], "grace")
        .await
        .unwrap();
    for id in [alone, with_bob] {
        bus.redrive(again(id, RedriveContent::Frozen))
            .await
            .unwrap();
        bus.idle().await;
        assert_ended(&bus, id, EndState::Dead, Reason::Erased).await;
    }
    assert_eq!(world.email.requests().len(), sent);
}

type Filed = Vec<(DeliveryId, Vec<Attachment>)>;

/// Remembers the files of each call.
#[derive(Debug, Clone)]
struct Filing {
    inner: ScriptedProvider<Email>,
    filed: Arc<Mutex<Filed>>,
}

#[async_trait]
impl Provider<Email> for Filing {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn send(&self, delivery: Delivery<'_, Email>) -> Result<Sent, SendError> {
        let files = delivery.message.attachments.clone();
        self.filed.lock().unwrap().push((delivery.id, files));
        self.inner.send(delivery).await
    }
}

#[tokio::test(start_paused = true)]
async fn files_are_sent_as_they_were_published_and_no_more_at_once_than_fit() {
    let world = World::new();
    let provider = Filing {
        inner: world.email.clone(),
        filed: Arc::default(),
    };
    let mail = ChannelSetup::new(sender(), provider.clone()).retry(every(S));
    // Less than one of them: each goes alone.
    let options = EngineOptions::default().with_files(10);
    let bus = world.engine(mail).options(options).start().await.unwrap();
    world.email.next([Play::retryable(Fault::Provider)]);
    world.email.default(Play::accept().after(S));
    let mut expected = BTreeMap::new();
    for number in 0..5_u8 {
        let name = format!("{number}.pdf");
        let file = Attachment::new(name, "application/pdf", vec![number; 100]);
        let event = note_to(person(usize::from(number)), &number.to_string());
        expected.insert(send(&bus, event.attach(file.clone())).await, vec![file]);
    }
    expected.insert(send(&bus, note("plain")).await, Vec::new());
    bus.idle_within(MINUTE).await;
    let filed = provider.filed.lock().unwrap().clone();
    assert_eq!(filed.len(), 7, "one was tried twice");
    for (id, files) in &filed {
        assert_eq!(files, &expected[id]);
    }
    let mut requests = world.email.requests();
    requests.retain(|request| !expected[&request.delivery].is_empty());
    requests.sort_by_key(|request| request.called.sequence);
    for pair in requests.windows(2) {
        let ended = pair[0].ended.unwrap().sequence;
        assert!(ended < pair[1].called.sequence, "two at once");
    }
    for id in expected.keys() {
        assert_ended(&bus, *id, EndState::Accepted, Reason::Sent).await;
    }
}
