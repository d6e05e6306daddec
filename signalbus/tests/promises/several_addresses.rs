//! A recipient with several addresses on one channel.

use signalbus::{
    Event, Idempotency, Recipient,
    channel::{Address as _, sms::PhoneNumber},
    provider::{Fault, SendError},
    store::{EndState, Reason},
};
use signalbus_testkit::provider::Play;

use crate::common::{MINUTE, World, assert_ended, publish};

const PHONE: &str = "+447700900123";
const TABLET: &str = "+447700900124";

fn code(to: Recipient) -> Event {
    Event::new("code", Idempotency::key("1"))
        .to(to)
        .data(serde_json::json!({ "n": "1" }))
}

#[tokio::test(start_paused = true)]
async fn each_address_gets_the_message_once_and_is_tried_again_by_itself() {
    let world = World::new();
    let bus = world.start().await;
    world.sms.to(
        &PhoneNumber::parse(TABLET).unwrap(),
        [Play::fail(|| SendError::retryable(Fault::Provider, "busy"))],
    );
    let ada = Recipient::new()
        .id("ada")
        .sms(PHONE)
        .sms(TABLET)
        .sms("+44 7700 900 123")
        .sms("no number");
    let published = publish(&bus, code(ada)).await;
    let deliveries: Vec<_> = published.routes.iter().map(|one| one.delivery).collect();
    assert_eq!(deliveries.len(), 3, "two spellings of one number are one");
    world.pass(MINUTE).await;
    let to = |delivery| -> Vec<String> {
        let of = world.sms.books().requests_of(delivery).into_iter();
        of.map(|request| request.address).collect()
    };
    assert_eq!(to(deliveries[0]), [PHONE]);
    assert_eq!(to(deliveries[1]), [TABLET, TABLET]);
    assert_eq!(to(deliveries[2]), [""; 0]);
    assert_ended(&bus, deliveries[1], EndState::Accepted, Reason::Sent).await;
    assert_ended(&bus, deliveries[2], EndState::Dead, Reason::InvalidAddress).await;
}

#[tokio::test(start_paused = true)]
async fn in_json_they_are_a_string_or_an_array() {
    let read = |addresses: &str| -> Recipient {
        serde_json::from_str(&format!(r#"{{"addresses":{{"sms":{addresses}}}}}"#)).unwrap()
    };
    assert_eq!(read(r#""+447700900123""#), Recipient::new().sms(PHONE));
    let both = Recipient::new().sms(PHONE).sms(TABLET);
    assert_eq!(read(r#"["+447700900123","+447700900124"]"#), both);
    let again = serde_json::to_string(&both).unwrap();
    assert_eq!(serde_json::from_str::<Recipient>(&again).unwrap(), both);
    assert_eq!(read("[]").addresses["sms"].iter().count(), 0);
}
