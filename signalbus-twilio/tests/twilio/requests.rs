use std::{num::NonZeroU32, time::Duration};

use signalbus::{
    Clock, TenantId,
    channel::sms::{MediaUrl, SmsOptions},
    clock::later,
    provider::{Fault, Outcome, Provider},
};
use signalbus_testkit::fakes::twilio::Text;
use signalbus_twilio::{Pool, Pools, Sender};

use crate::support::{FROM, Parcel, pool, stage, stage_with, token, uuid};

async fn got(parcel: &Parcel) -> Text {
    let stage = stage(|config| config).await;
    stage.send(parcel).await.unwrap();
    stage.fake.texts().remove(0)
}

#[tokio::test]
async fn a_text_has_its_fields_and_no_others() {
    let mut parcel = Parcel::new();
    parcel.generation = 2;
    let text = got(&parcel).await;
    let callback = format!(
        "https://notify.acme.test/receipts/twilio/k3y?v=1&d=acme%2F{}.2#rc=5&rp=all",
        uuid(1)
    );
    let expected = [
        ("To", "+447700900123"),
        ("From", FROM),
        ("Body", "Your code is 117203"),
        ("StatusCallback", callback.as_str()),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(text.fields, expected);
}

#[tokio::test]
async fn a_messaging_service_picks_the_sender() {
    let service = format!("MG{}", "0".repeat(32));
    let stage = stage_with(token(), Pools::new().pool(pool(&[&service])), |c| c).await;
    stage.send(&Parcel::new()).await.unwrap();
    let text = stage.fake.texts().remove(0);
    assert_eq!(text.field("MessagingServiceSid"), Some(service.as_str()));
    assert_eq!(text.field("From"), None);
}

#[tokio::test]
async fn a_message_may_say_whom_it_is_from() {
    let options = SmsOptions::new().with_sender("ACME");
    let text = got(&Parcel::number(1, "+447700900123", "Hi", &options)).await;
    assert_eq!(text.field("From"), Some("ACME"));
}

#[tokio::test]
async fn media_go_along() {
    let urls = [
        "https://cdn.acme.test/a.png?t=1",
        "https://cdn.acme.test/b.png",
    ];
    let options = urls.iter().fold(SmsOptions::new(), |options, url| {
        options.with_media(MediaUrl::new(*url).unwrap())
    });
    let text = got(&Parcel::number(1, "+12025550123", "Look", &options)).await;
    assert_eq!(text.all("MediaUrl").collect::<Vec<_>>(), urls);
}

#[tokio::test]
async fn an_expiry_limits_how_long_twilio_tries() {
    let stage = stage(|config| config.smart_encoding(true)).await;
    let mut parcel = Parcel::new();
    for (seconds, validity) in [(90, Some("90")), (36_001, None)] {
        parcel.expires_at = Some(later(stage.clock.now(), Duration::from_secs(seconds)));
        stage.send(&parcel).await.unwrap();
        let text = stage.fake.texts().pop().unwrap();
        assert_eq!(text.field("ValidityPeriod"), validity);
        assert_eq!(text.field("SmartEncoded"), Some("true"));
        assert_eq!(text.field("SendAt"), None);
    }
}

#[tokio::test]
async fn the_sender_is_picked_by_tenant_and_country() {
    let other = TenantId::new("other").unwrap();
    let pools = Pools::new()
        .pool(pool(&[FROM]))
        .pool(pool(&["UK"]).prefix("+44"))
        .pool(pool(&["OTHER"]).tenant(other.clone()));
    let mut stage = stage_with(token(), pools, |config| config).await;
    let to = |number| Parcel::number(1, number, "Hi", &SmsOptions::new());
    stage.send(&to("+447700900123")).await.unwrap();
    stage.send(&to("+12025550123")).await.unwrap();
    stage.tenant = other;
    stage.send(&to("+447700900123")).await.unwrap();
    let senders: Vec<_> = stage
        .fake
        .texts()
        .iter()
        .map(|text| text.field("From").unwrap().to_owned())
        .collect();
    assert_eq!(senders, ["UK", FROM, "OTHER"]);
}

#[tokio::test]
async fn without_a_pool_for_it_nothing_is_sent() {
    let pools = Pools::new().pool(pool(&["UK"]).prefix("+44"));
    let stage = stage_with(token(), pools, |config| config).await;
    let parcel = Parcel::number(1, "+12025550123", "Hi", &SmsOptions::new());
    let error = stage.send(&parcel).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Permanent);
    assert_eq!(error.fault(), Fault::Message);
    assert_eq!(stage.fake.requests(), 0);
}

/// A recipient's texts come from one number, as long as that number is not overrun.
#[tokio::test]
async fn a_sender_that_is_overrun_hands_over() {
    let slow = NonZeroU32::new(1).unwrap();
    let senders = ["+15005550006", "+15005550010", "+15005550011"];
    let senders = senders.map(|sender| Sender::new(sender).unwrap().segments_a_second(slow));
    let pools = Pools::new().pool(Pool::new(senders));
    let stage = stage_with(token(), pools, |config| config).await;
    let rate = stage.provider.capabilities().rate.unwrap();
    assert_eq!((rate.burst, rate.interval), (3, Duration::from_secs(1) / 3));
    for _ in 0..3 {
        stage.send(&Parcel::new()).await.unwrap();
    }
    stage.clock.advance(Duration::from_secs(60));
    stage.send(&Parcel::new()).await.unwrap();
    let from: Vec<_> = stage
        .fake
        .texts()
        .iter()
        .map(|t| t.field("From").unwrap().to_owned())
        .collect();
    assert_eq!(from[0], from[3], "the recipient's own again");
    let different: std::collections::BTreeSet<_> = from[..3].iter().collect();
    assert_eq!(different.len(), 3);
}
