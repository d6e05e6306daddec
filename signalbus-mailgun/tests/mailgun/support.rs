use std::sync::Arc;

use signalbus::{
    Attachment, Clock, DeliveryId, EventId, TenantId, Timestamp,
    channel::{
        Address, Channel, Compose, Email, Parts,
        email::{EmailAddress, EmailMessage, EmailOptions},
    },
    provider::{Delivery, Found, Latch, Provider, Question, SendError, Sent},
};
use signalbus_http_client::HttpConfig;
use signalbus_mailgun::{Account, Mailgun, MailgunConfig};
use signalbus_testkit::{ManualClock, fakes::mailgun::FakeMailgun};

pub(crate) const DOMAIN: &str = "mg.acme.test";
pub(crate) const SENDING: &str = "sending-key";
pub(crate) const READING: &str = "reading-key";

/// A fake, a provider that sends through it, and the time of both.
pub(crate) struct Stage {
    pub(crate) fake: FakeMailgun,
    pub(crate) provider: Mailgun,
    pub(crate) clock: ManualClock,
    pub(crate) tenant: TenantId,
}

/// A delivery with all it borrows.
pub(crate) struct Parcel {
    pub(crate) id: DeliveryId,
    pub(crate) generation: u32,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) message: EmailMessage,
    pub(crate) latch: Latch,
    to: EmailAddress,
}

pub(crate) async fn stage(configure: impl FnOnce(MailgunConfig) -> MailgunConfig) -> Stage {
    let clock = ManualClock::default();
    let fake = FakeMailgun::start_with(Arc::new(clock.clone())).await;
    fake.domain(DOMAIN, SENDING, READING);
    let config = MailgunConfig::new(account(&fake))
        .http(HttpConfig::default().clock(Arc::new(clock.clone())));
    Stage {
        provider: Mailgun::new(configure(config)).unwrap(),
        fake,
        clock,
        tenant: TenantId::new("acme").unwrap(),
    }
}

pub(crate) fn account(fake: &FakeMailgun) -> Account {
    Account::new(DOMAIN, SENDING)
        .and_then(|account| account.base_url(&fake.url()))
        .unwrap()
        .reading_key(READING)
}

impl Stage {
    pub(crate) async fn send(&self, parcel: &Parcel) -> Result<Sent, SendError> {
        self.provider.send(parcel.delivery(&self.tenant)).await
    }

    /// Asks for a parcel that was tried now.
    pub(crate) async fn find(&self, parcel: &Parcel) -> Result<Found, SendError> {
        let now = self.clock.now();
        let lookup = self.provider.lookup().unwrap();
        lookup
            .find(&parcel.question(&self.tenant, (now, now)))
            .await
    }
}

impl Parcel {
    /// The simplest mail.
    pub(crate) fn new() -> Self {
        Self::with(&EmailOptions::new(), &[])
    }

    pub(crate) fn with(options: &EmailOptions, attachments: &[Attachment]) -> Self {
        Self::number(1, options, attachments)
    }

    pub(crate) fn number(number: u128, options: &EmailOptions, files: &[Attachment]) -> Self {
        let id: DeliveryId = uuid(number).parse().unwrap();
        let to = EmailAddress::parse("Ada@example.org").unwrap();
        let parts: Parts = [
            ("subject.txt", "Grüße, \"Ada\""),
            ("body.txt", "Dear Ada"),
            ("body.html", "<p>Dear Ada</p>"),
        ]
        .into_iter()
        .map(|(name, text)| (name, text.to_owned()))
        .collect();
        let message = Email::from("Acme, Inc. <hello@acme.test>")
            .unwrap()
            .compose(Compose {
                delivery: id,
                tenant: &TenantId::default(),
                accepted_at: Timestamp::constant(1_893_456_000, 0),
                to: &to,
                recipient: &signalbus::Recipient::new().name("Ada \"L\" Lovelace"),
                locale: "en",
                topic: &signalbus::Topic::new("a").unwrap(),
                category: None,
                data: &serde_json::Value::Null,
                parts: &parts,
                options,
                attachments: files,
            })
            .unwrap();
        Self {
            id,
            generation: 0,
            expires_at: None,
            message,
            latch: Latch::default(),
            to,
        }
    }

    pub(crate) fn delivery<'a>(&'a self, tenant: &'a TenantId) -> Delivery<'a, Email> {
        let event: EventId = uuid(0).parse().unwrap();
        let mut delivery =
            Delivery::new(self.id, event, tenant, &self.to, &self.message, &self.latch);
        delivery.generation = self.generation;
        delivery.expires_at = self.expires_at;
        delivery
    }

    pub(crate) fn question<'a>(
        &'a self,
        tenant: &'a TenantId,
        times: (Timestamp, Timestamp),
    ) -> Question<'a, Email> {
        let mut question = Question::new(self.id, tenant, &self.to, &self.message, times);
        question.generation = self.generation;
        question
    }
}

pub(crate) fn uuid(number: u128) -> String {
    format!("01998c5e-0000-7000-8000-{number:012x}")
}
