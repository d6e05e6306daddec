//! Whom a mail comes from, by tenant and by event, and how its recipient leaves its category.

use serde_json::json;
use signalbus::{
    ChannelSetup, Event, Idempotency, Recipient, Signalbus,
    channel::{
        Email,
        email::{EmailMessage, EmailOptions, SignedLinks},
    },
};

use crate::common::{World, ada, policy, publish, send_now, templates, tenant};

const LINK: &str = "https://acme.test/leave/";

fn links() -> SignedLinks {
    SignedLinks::new(LINK, [7; 32]).unwrap()
}

fn email() -> Email {
    let email = Email::from("Acme <hello@acme.test>").unwrap();
    let email = email.allow("@billing.acme.test").unwrap();
    let email = email.for_tenant(tenant("globex"), "Globex <post@globex.test>");
    let email = email.unwrap();
    let email = email.allow_for(tenant("globex"), "ceo@globex.test");
    email.unwrap().unsubscribe_links(links())
}

async fn start(world: &World) -> Signalbus {
    let templates = templates()
        .part("news", "en", "subject.txt", "{{ data.n }}")
        .and_then(|all| all.part("news", "en", "body.txt", "Leave: {{ unsubscribe_url }}"));
    let policy = policy().on::<Email>("news").category("news", "newsletter");
    let mail = ChannelSetup::new(email(), world.email.clone());
    let engine = world.engine(mail).templates(templates.unwrap());
    engine.policy(policy).start().await.unwrap()
}

fn event(of: &str, topic: &str, sender: Option<&str>) -> Event {
    let mut options = EmailOptions::default();
    options.from = sender.map(|sender| sender.parse().unwrap());
    let event = Event::new(topic, Idempotency::None).tenant(of).to(ada());
    let event = event.data(json!({ "n": "Hello" }));
    event.options::<Email>(&options).unwrap()
}

fn mails(world: &World) -> Vec<EmailMessage> {
    let sent = world.email.sent().into_iter();
    sent.map(|request| request.message::<Email>()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_mail_comes_from_its_tenant_or_from_whom_its_event_may_name() {
    let world = World::new();
    let bus = start(&world).await;
    let billing = "Bills <bills@billing.acme.test>";
    for (of, sender, expected) in [
        ("acme", None, "hello@acme.test"),
        ("acme", Some(billing), "bills@billing.acme.test"),
        ("globex", None, "post@globex.test"),
        ("globex", Some("ceo@globex.test"), "ceo@globex.test"),
        (
            "globex",
            Some("Other name <post@globex.test>"),
            "post@globex.test",
        ),
    ] {
        send_now(&bus, event(of, "note", sender)).await;
        let mail = mails(&world).pop().unwrap();
        assert_eq!(mail.from.address().spelled(), expected);
        let domain = mail.from.address().domain();
        assert!(mail.message_id.ends_with(&format!("@{domain}>")), "{of}");
    }
    for (of, sender) in [
        ("acme", "post@globex.test"),
        ("acme", "x@sub.billing.acme.test"),
        ("globex", billing),
        ("globex", "hello@acme.test"),
    ] {
        let refused = bus.publish(event(of, "note", Some(sender))).await;
        let error = refused.expect_err("it wrote in the name of others");
        let text = format!("{error:?}");
        assert!(text.contains("options.email"), "{text}");
        assert!(!text.contains(sender), "it shows no address: {text}");
    }
    assert_eq!(mails(&world).len(), 5);
}

#[tokio::test(start_paused = true)]
async fn each_recipient_leaves_the_category_by_a_link_of_their_own() {
    let world = World::new();
    let bus = start(&world).await;
    let bob = Recipient::new().email("bob@example.org");
    publish(&bus, event("acme", "news", None).to(bob)).await;
    send_now(&bus, event("acme", "note", None)).await;
    let mut leaving = Vec::new();
    for mail in mails(&world) {
        let Some(link) = &mail.unsubscribe else {
            assert_eq!(mail.text.as_deref(), Some("Hello"), "without a category");
            continue;
        };
        let shown = format!("Leave: {}", link.url());
        assert_eq!(mail.text, Some(shown));
        let token = link.url().strip_prefix(LINK).unwrap();
        let entry = links().read(token).expect("a link of ours");
        leaving.push((mail.to.address().spelled().to_owned(), entry));
    }
    leaving.sort_by(|one, other| one.0.cmp(&other.0));
    let [(_, ada), (_, bob)] = leaving.try_into().expect("one each");
    assert_ne!(ada.address, bob.address);

    bus.store().suppress(vec![bob]).await.unwrap();
    let again = Recipient::new().email("Bob@Example.org");
    publish(&bus, event("acme", "news", None).to(again.clone())).await;
    send_now(&bus, event("acme", "note", None).to(again)).await;
    let to = |mail: &EmailMessage| {
        (
            mail.to.address().spelled().to_owned(),
            mail.unsubscribe.is_some(),
        )
    };
    let mut to: Vec<_> = mails(&world).iter().skip(3).map(to).collect();
    to.sort();
    let expected = [
        ("Bob@example.org", false),
        ("ada@example.org", false),
        ("ada@example.org", true),
    ];
    assert_eq!(to, expected.map(|(to, news)| (to.to_owned(), news)));
}
