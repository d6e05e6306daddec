//! One store, an engine that sends, and a server that is called back.

use std::{env, fs, path::PathBuf, process, sync::Arc};

use signalbus::http::{Endpoint, ReceiptIntake, ReceiptKey};
use signalbus::mailgun::{Mailgun, MailgunReceipts};
use signalbus::sqlite::SqliteStore;
use signalbus::twilio::{Twilio, TwilioReceipts};
use signalbus::{
    ChannelSetup, Event, Failure, Guarantee, Idempotency, Policy, Recipient, Signalbus, Store,
    Templates,
    channel::{Email, Sms},
};
use tokio::{net::TcpListener, task::JoinHandle};

/// What the two providers are set up with.
pub(crate) struct Providers {
    pub(crate) from: String,
    pub(crate) mailgun: Mailgun,
    pub(crate) mailgun_receipts: MailgunReceipts,
    pub(crate) twilio: Twilio,
    pub(crate) twilio_receipts: TwilioReceipts,
    pub(crate) key: ReceiptKey,
}

pub(crate) struct Running {
    pub(crate) signalbus: Signalbus,
    server: JoinHandle<()>,
    folder: PathBuf,
}

/// Starts everything.
pub(crate) async fn start(providers: Providers, listener: TcpListener) -> Result<Running, Failure> {
    let folder = env::temp_dir().join(format!("signalbus-receipts-{}", process::id()));
    fs::create_dir_all(&folder)?;
    let store = SqliteStore::open(folder.join("notifications.db")).await?;
    let store: Arc<dyn Store> = Arc::new(store);
    let mail = Endpoint::new::<Email>(providers.mailgun_receipts, providers.key.clone())?;
    let text = Endpoint::new::<Sms>(providers.twilio_receipts, providers.key)?;
    let intake = ReceiptIntake::new(Arc::clone(&store))
        .endpoint(mail)
        .endpoint(text);
    let router = intake.router();
    let server = tokio::spawn(async move {
        // It ends with the program.
        let _ = axum::serve(listener, router).await;
    });
    // An unknown outcome is not sent again: a receipt will tell.
    let email = ChannelSetup::new(Email::from(&providers.from)?, providers.mailgun)
        .guarantee(Guarantee::AtMostOnce);
    let signalbus = Signalbus::builder()
        .shared_store(store)
        .channel_setup(email)
        .channel(Sms::new(), providers.twilio)
        .templates(Templates::embedded(&[
            ("order.shipped/en/subject.txt", "Your order is on its way"),
            (
                "order.shipped/en/body.txt",
                "It left our house this morning.",
            ),
            ("order.shipped/en/sms.txt", "Your order is on its way."),
        ])?)
        .policy(
            Policy::new()
                .on::<Email>("order.shipped")
                .on::<Sms>("order.shipped"),
        )
        .start()
        .await?;
    Ok(Running {
        signalbus,
        server,
        folder,
    })
}

pub(crate) fn event(to: Recipient) -> Event {
    Event::new("order.shipped", Idempotency::None).to(to)
}

impl Running {
    pub(crate) async fn stop(self) {
        self.signalbus.shutdown().await;
        self.server.abort();
        // What is left of it is for nobody.
        let _ = fs::remove_dir_all(self.folder);
    }
}
