//! What the shop tells its customers.

use serde::Serialize;
use signalbus::{Builder, Failure, Idempotency, Notification, Policy, Provider, Signalbus};
use signalbus::{Templates, channel::Email};

/// The order is ours: the customer gets a mail.
#[derive(Debug, Serialize)]
pub(crate) struct OrderPlaced<'a> {
    pub(crate) order: i64,
    pub(crate) item: &'a str,
    pub(crate) pieces: u32,
}

impl Notification for OrderPlaced<'_> {
    const TOPIC: &'static str = "order.placed";

    fn idempotency(&self) -> Idempotency {
        Idempotency::fields(["order"])
    }
}

/// Files in an application of any size: `Templates::dir("templates")`.
const TEMPLATES: [(&str, &str); 4] = [
    ("order.placed/en/subject.txt", "Your order {{ data.order }}"),
    (
        "order.placed/en/body.txt",
        "Hello {{ recipient.name }},\n\nwe pack {{ data.pieces }} × {{ data.item }} for you.\n",
    ),
    (
        "order.placed/de/subject.txt",
        "Ihre Bestellung {{ data.order }}",
    ),
    (
        "order.placed/de/body.txt",
        "Guten Tag {{ recipient.name }},\n\nwir packen {{ data.pieces }} × {{ data.item }}.\n",
    ),
];

/// All but the store and the clock, so that the tests send what the program sends.
pub(crate) fn builder(mail: impl Provider<Email>) -> Result<Builder, Failure> {
    Ok(Signalbus::builder()
        .channel(Email::from("The shop <orders@shop.example>")?, mail)
        .templates(Templates::embedded(&TEMPLATES)?)
        .policy(Policy::new().on::<Email>("order.*")))
}
