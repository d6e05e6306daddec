use std::sync::Arc;

use axum::Router;
use serde_json::{Value, json};
use signalbus::{
    DeliveryId, Event, Idempotency, Policy, Recipient, Signalbus, Store, Templates, TenantId,
    channel::{Email, Sms},
    store::DeliveryRecord,
};
use signalbus_http::{Endpoint, ReceiptIntake, ReceiptKey};
use signalbus_http_client::HttpConfig;
use signalbus_mailgun::{
    Account, Mailgun, MailgunConfig, MailgunReceipts, ReceiptsConfig, SigningKey,
};
use signalbus_testkit::fakes::{mailgun::FakeMailgun, twilio::FakeTwilio};
use signalbus_twilio::{AuthTokens, Twilio, TwilioConfig, TwilioReceipts};
use tokio::{net::TcpListener, task::JoinHandle};

pub(crate) const FROM: &str = "+15005550006";

/// The whole circle: an engine, both fakes, and the router that they call back to.
pub(crate) struct Circle {
    pub(crate) mailgun: FakeMailgun,
    pub(crate) twilio: FakeTwilio,
    pub(crate) signalbus: Signalbus,
    pub(crate) store: Arc<dyn Store>,
    /// `http://127.0.0.1:…`
    pub(crate) origin: String,
    pub(crate) mailgun_url: String,
    pub(crate) twilio_url: String,
    server: JoinHandle<()>,
}

impl Drop for Circle {
    fn drop(&mut self) {
        self.server.abort();
    }
}

pub(crate) fn key(letter: &str) -> ReceiptKey {
    ReceiptKey::new(letter.repeat(32)).unwrap()
}

pub(crate) fn mailgun_receipts() -> MailgunReceipts {
    let key = SigningKey::new(FakeMailgun::SIGNING_KEY);
    MailgunReceipts::new(ReceiptsConfig::new(key)).unwrap()
}

pub(crate) fn mail_endpoint(key: ReceiptKey) -> Endpoint {
    Endpoint::new::<Email>(mailgun_receipts(), key).unwrap()
}

pub(crate) fn text_endpoint(origin: &str, key: ReceiptKey) -> Endpoint {
    let config = signalbus_twilio::ReceiptsConfig::new(AuthTokens::new(FakeTwilio::TOKEN), origin);
    Endpoint::new::<Sms>(TwilioReceipts::new(config).unwrap(), key).unwrap()
}

/// Serves a router until the handle is aborted.
#[expect(clippy::disallowed_methods, reason = "the server runs beside the test")]
pub(crate) fn serve(listener: TcpListener, router: Router) -> JoinHandle<()> {
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() })
}

pub(crate) async fn circle(store: Arc<dyn Store>) -> Circle {
    circle_with(store, |_, intake| intake).await
}

pub(crate) async fn circle_with(
    store: Arc<dyn Store>,
    configure: impl FnOnce(&str, ReceiptIntake) -> ReceiptIntake,
) -> Circle {
    let (mailgun, twilio) = (FakeMailgun::start().await, FakeTwilio::start().await);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let intake = ReceiptIntake::new(Arc::clone(&store))
        .endpoint(mail_endpoint(key("m")))
        .endpoint(text_endpoint(&origin, key("t")));
    // As a host mounts it: below a path of its own.
    let router = Router::new().nest("/notify", configure(&origin, intake).router());
    let server = serve(listener, router);
    let mailgun_url = format!("{origin}/notify/receipts/mailgun/{}", "m".repeat(32));
    let twilio_url = format!("{origin}/notify/receipts/twilio/{}", "t".repeat(32));
    let account = Account::new("mg.acme.test", "key")
        .and_then(|account| account.base_url(&mailgun.url()))
        .unwrap();
    let mail = Mailgun::new(MailgunConfig::new(account).http(HttpConfig::default())).unwrap();
    let (account, token) = (FakeTwilio::ACCOUNT, FakeTwilio::TOKEN);
    let text = TwilioConfig::from_url(&format!("twilio://{account}:{token}@{FROM}"))
        .and_then(|config| config.base_url(&twilio.url()))
        .and_then(|config| config.status_callback(&twilio_url))
        .unwrap();
    let signalbus = Signalbus::builder()
        .shared_store(Arc::clone(&store))
        .channel(Email::from("Acme <hello@acme.test>").unwrap(), mail)
        .channel(Sms::new(), Twilio::new(text).unwrap())
        .templates(
            Templates::embedded(&[
                ("order/en/subject.txt", "Your order"),
                ("order/en/body.txt", "It is on its way."),
                ("order/en/sms.txt", "Your order is on its way."),
            ])
            .unwrap(),
        )
        .policy(Policy::new().on::<Email>("order").on::<Sms>("order"))
        .start()
        .await
        .unwrap();
    Circle {
        mailgun,
        twilio,
        signalbus,
        store,
        origin,
        mailgun_url,
        twilio_url,
        server,
    }
}

pub(crate) fn tenant(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

impl Circle {
    /// Publishes an event to somebody: a mail, or a text when the address begins with a plus.
    pub(crate) async fn publish(&self, to: &str) -> DeliveryId {
        self.publish_for("default", to).await
    }

    async fn publish_for(&self, tenant: &str, to: &str) -> DeliveryId {
        let recipient = if to.starts_with('+') {
            Recipient::new().sms(to)
        } else {
            Recipient::new().email(to)
        };
        let event = Event::new("order", Idempotency::None)
            .tenant(tenant)
            .to(recipient);
        let published = self.signalbus.publish(event).await.unwrap();
        let mut deliveries = published.routes.iter().map(|route| route.delivery);
        deliveries.next().unwrap()
    }

    /// Publishes, and waits until it is taken or has ended otherwise.
    pub(crate) async fn send(&self, tenant: &str, to: &str) -> DeliveryId {
        let id = self.publish_for(tenant, to).await;
        self.signalbus.idle().await;
        id
    }

    pub(crate) async fn delivery(&self, name: &str, id: DeliveryId) -> DeliveryRecord {
        self.store
            .delivery(&tenant(name), id)
            .await
            .unwrap()
            .unwrap()
    }

    /// Something happens to the last mail, and Mailgun says so.
    pub(crate) async fn mail_happens(&self, event: &str, more: &Value) -> u16 {
        let mail = self.mailgun.mails().pop().unwrap();
        let event = self.mailgun.happens(&mail, event, more);
        let answered = self.mailgun.webhook(&event).post(&self.mailgun_url).await;
        answered.unwrap().status
    }

    /// The last text has a status, and Twilio says so.
    pub(crate) async fn text_happens(&self, status: &str, code: Option<u32>) -> u16 {
        let text = self.twilio.texts().pop().unwrap();
        let callback = self.twilio.callback(&text, status, code).unwrap();
        callback.post().await.unwrap().status
    }
}

pub(crate) fn hard_bounce() -> Value {
    json!({ "severity": "permanent", "reason": "bounce",
        "delivery-status": { "code": 550, "enhanced-code": "5.1.1" } })
}
