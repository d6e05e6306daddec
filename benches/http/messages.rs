//! A mail with both bodies and a text message, as the engine composes them.

use std::error::Error;

use serde_json::Value;
use signalbus::{
    DeliveryId, Recipient, TenantId, Timestamp, Topic,
    channel::{
        Address, Channel, Compose, Email, Parts, Sms,
        email::{EmailAddress, EmailMessage},
        sms::{PhoneNumber, SmsMessage},
    },
};

/// Twilio's answer, as long as it is.
pub(crate) const CREATED: &str = r#"{"account_sid":"AC00000000000000000000000000000001","api_version":"2010-04-01","body":"Your order is on its way.","date_created":"Tue, 01 Jan 2030 00:00:00 +0000","date_sent":null,"date_updated":"Tue, 01 Jan 2030 00:00:00 +0000","direction":"outbound-api","error_code":null,"error_message":null,"from":"+15005550006","messaging_service_sid":null,"num_media":"0","num_segments":"1","price":null,"price_unit":"USD","sid":"SM00000000000000000000000000000001","status":"queued","subresource_uris":{"media":"/2010-04-01/Accounts/AC00000000000000000000000000000001/Messages/SM00000000000000000000000000000001/Media.json"},"to":"+447700900123","uri":"/2010-04-01/Accounts/AC00000000000000000000000000000001/Messages/SM00000000000000000000000000000001.json"}"#;

pub(crate) fn mail() -> Result<(EmailAddress, EmailMessage), Box<dyn Error>> {
    let html = format!(
        "<html><body>{}</body></html>",
        "<p>Your order is on its way.</p>".repeat(100)
    );
    let parts = [
        ("subject.txt", "Your order is on its way".to_owned()),
        ("body.txt", "Your order is on its way.\n".repeat(40)),
        ("body.html", html),
    ];
    compose(
        Email::from("Acme <hello@acme.test>")?,
        "ada@example.org",
        parts,
    )
}

pub(crate) fn text() -> Result<(PhoneNumber, SmsMessage), Box<dyn Error>> {
    let parts = [("sms.txt", "Your order is on its way.".to_owned())];
    compose(Sms::new(), "+447700900123", parts)
}

fn compose<C: Channel<Options: Default>>(
    channel: C,
    to: &str,
    parts: impl IntoIterator<Item = (&'static str, String)>,
) -> Result<(C::Address, C::Message), Box<dyn Error>> {
    let to = C::Address::parse(to)?;
    let id: DeliveryId = "01998c5e-0000-7000-8000-000000000001".parse()?;
    let message = channel.compose(Compose {
        delivery: id,
        tenant: &TenantId::default(),
        accepted_at: Timestamp::constant(1_893_456_000, 0),
        to: &to,
        recipient: &Recipient::new().name("Ada Lovelace"),
        locale: "en",
        topic: &Topic::new("order.shipped")?,
        category: None,
        data: &Value::Null,
        parts: &parts.into_iter().collect::<Parts>(),
        options: &C::Options::default(),
        attachments: &[],
    })?;
    Ok((to, message))
}
