use std::sync::Arc;

use signalbus::{
    Recipient,
    channel::{Channel, Compose, Email, Parts, email::EmailOptions},
    clock::{SystemClock, Timestamp},
    entropy::Entropy,
    id::IdSource,
    name::{TenantId, Topic},
    provider::{Delivery, Latch, Provider, SendError, Sent},
};
use signalbus_smtp::{Security, SmtpConfig, SmtpProvider};
use signalbus_testkit::smtp::{ServerOptions, SmtpServer};

/// A mail that has not been sent.
pub(crate) struct Parcel {
    pub(crate) to: <Email as Channel>::Address,
    pub(crate) message: <Email as Channel>::Message,
    pub(crate) tenant: TenantId,
    pub(crate) latch: Latch,
    ids: IdSource,
}

impl Parcel {
    pub(crate) fn new() -> Self {
        Self::to("ada@example.org")
    }

    pub(crate) fn to(address: &str) -> Self {
        Self::with(address, &EmailOptions::new(), "Good to have you here.")
    }

    pub(crate) fn with(address: &str, options: &EmailOptions, text: &str) -> Self {
        let ids = IdSource::new(Arc::new(SystemClock::new()), Arc::new(Entropy::from_os()));
        let email = Email::from("Acme <hello@acme.test>").unwrap();
        let to: <Email as Channel>::Address = address.parse().unwrap();
        let tenant = TenantId::default();
        let parts = [("subject.txt", "Welcome"), ("body.txt", text)];
        let parts: Parts = parts
            .map(|(name, text)| (name, text.to_owned()))
            .into_iter()
            .collect();
        let message = email
            .compose(Compose {
                delivery: ids.delivery(),
                tenant: &tenant,
                accepted_at: Timestamp::constant(1_893_456_000, 0),
                to: &to,
                recipient: &Recipient::new().name("Ada"),
                locale: "en",
                topic: &Topic::new("user.signup").unwrap(),
                category: None,
                data: &serde_json::Value::Null,
                parts: &parts,
                options,
                attachments: &[],
            })
            .unwrap();
        Self {
            to,
            message,
            tenant,
            latch: Latch::default(),
            ids,
        }
    }

    /// The mail as it has to arrive: the last line ends too.
    pub(crate) fn wire(&self) -> Vec<u8> {
        let mut mail = signalbus_smtp::to_eml(&self.message).unwrap();
        if !mail.ends_with(b"\r\n") {
            mail.extend_from_slice(b"\r\n");
        }
        mail
    }

    pub(crate) async fn send(&self, provider: &SmtpProvider) -> Result<Sent, SendError> {
        let (id, event) = (self.ids.delivery(), self.ids.event());
        let delivery = Delivery::new(
            id,
            event,
            &self.tenant,
            &self.to,
            &self.message,
            &self.latch,
        );
        provider.send(delivery).await
    }
}

/// An account on this server, in plain text.
pub(crate) fn account(server: &SmtpServer) -> SmtpConfig {
    SmtpConfig::new("127.0.0.1")
        .with_security(Security::Plaintext)
        .with_port(server.port())
}

pub(crate) fn provider(config: SmtpConfig) -> SmtpProvider {
    SmtpProvider::new(config).unwrap()
}

pub(crate) async fn plain() -> (SmtpServer, SmtpProvider) {
    let server = SmtpServer::start(ServerOptions::new()).await;
    let provider = provider(account(&server));
    (server, provider)
}
