//! An engine that plans and sends nothing.

use std::sync::OnceLock;

use async_trait::async_trait;
use signalbus::{
    Channel, MemoryStore, Policy, Provider, Signalbus, Templates,
    channel::{
        Email, Sms,
        email::{EmailAddress, Mailbox},
    },
    provider::{Capabilities, Delivery, Fault, SendError, Sent},
};

/// Both channels for every topic, with a template for `user.signup`.
pub(crate) fn engine() -> &'static Signalbus {
    static ENGINE: OnceLock<Signalbus> = OnceLock::new();
    ENGINE.get_or_init(|| {
        Signalbus::builder()
            .store(MemoryStore::new())
            .channel(sender(), Nobody)
            .channel(Sms::new(), Nobody)
            .policy(Policy::new().on::<Email>("*").on::<Sms>("*"))
            .templates(templates())
            .build()
            .expect("an engine")
    })
}

pub(crate) fn sender() -> Email {
    let address: EmailAddress = "no-reply@acme.example".parse().expect("a good address");
    Email::from_mailbox(Mailbox::new(Some("ACME"), address).expect("a good name"))
}

fn templates() -> Templates {
    Templates::embedded(&[
        (
            "user.signup/en/subject.txt",
            "Welcome, {{ recipient.name }}",
        ),
        (
            "user.signup/en/body.txt",
            "{{ data.plan }} {{ recipient.data.team }}",
        ),
        ("user.signup/en/body.html", "<p>{{ data.plan }}</p>"),
        ("user.signup/en/sms.txt", "{{ data.plan }}"),
    ])
    .expect("good templates")
}

/// Is never asked to send.
#[derive(Debug)]
struct Nobody;

#[async_trait]
impl<C: Channel> Provider<C> for Nobody {
    fn name(&self) -> &str {
        "nobody"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    async fn send(&self, _: Delivery<'_, C>) -> Result<Sent, SendError> {
        Err(SendError::permanent(Fault::Configuration, "nobody sends"))
    }
}
