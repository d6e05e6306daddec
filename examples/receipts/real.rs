//! Against the real services: one mail and one text.

use std::{env, time::Duration};

use signalbus::http::ReceiptKey;
use signalbus::mailgun::{Mailgun, MailgunReceipts, SigningKey};
use signalbus::twilio::{AuthTokens, Twilio, TwilioConfig, TwilioReceipts};
use signalbus::{DeliveryId, Failure, Recipient};
use tokio::net::TcpListener;

use crate::{
    setup::{self, Providers, Running},
    timeline,
};

pub(crate) struct Settings {
    providers: Providers,
    mail_to: String,
    text_to: String,
    listen: String,
}

/// How long receipts are waited for.
const PATIENCE: Duration = Duration::from_secs(120);

impl Settings {
    /// The settings, if there are any. Some without the others are an error that says which.
    pub(crate) fn from_env() -> Result<Option<Self>, Failure> {
        if env::var_os("MAILGUN_URL").is_none() && env::var_os("TWILIO_URL").is_none() {
            return Ok(None);
        }
        let get = |name: &str| env::var(name).map_err(|_| format!("set {name} as well"));
        let public = get("PUBLIC_URL")?;
        let public = public.trim_end_matches('/');
        let key = ReceiptKey::new(get("RECEIPT_KEY")?)?;
        let callback = format!("{public}/receipts/twilio/{}", key.expose());
        let signing = SigningKey::new(get("MAILGUN_SIGNING_KEY")?);
        let tokens = AuthTokens::new(get("TWILIO_AUTH_TOKEN")?);
        let twilio = TwilioConfig::from_url(&get("TWILIO_URL")?)?.status_callback(callback)?;
        let receipts = signalbus::twilio::ReceiptsConfig::new(tokens, public);
        Ok(Some(Self {
            providers: Providers {
                from: get("MAIL_FROM")?,
                mailgun: Mailgun::from_url(&get("MAILGUN_URL")?)?,
                mailgun_receipts: MailgunReceipts::new(signalbus::mailgun::ReceiptsConfig::new(
                    signing,
                ))?,
                twilio: Twilio::new(twilio)?,
                twilio_receipts: TwilioReceipts::new(receipts)?,
                key,
            },
            mail_to: get("MAIL_TO")?,
            text_to: get("TEXT_TO")?,
            listen: env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:8080".to_owned()),
        }))
    }
}

pub(crate) async fn run(settings: Settings) -> Result<(), Failure> {
    let listener = TcpListener::bind(&settings.listen).await?;
    println!("Listening on {}.", settings.listen);
    let running = setup::start(settings.providers, listener).await?;
    let mail = publish(&running, Recipient::new().email(settings.mail_to)).await?;
    let text = publish(&running, Recipient::new().sms(settings.text_to)).await?;
    println!("Sent; waiting {} s for receipts.", PATIENCE.as_secs());
    tokio::time::sleep(PATIENCE).await;
    for (name, ids) in [("The mail", mail), ("The text", text)] {
        for id in ids {
            timeline::print(&running.signalbus, name, id).await?;
        }
    }
    running.stop().await;
    Ok(())
}

async fn publish(running: &Running, to: Recipient) -> Result<Vec<DeliveryId>, Failure> {
    let published = running.signalbus.publish(setup::event(to)).await?;
    running.signalbus.idle().await;
    Ok(published
        .routes
        .iter()
        .map(|route| route.delivery)
        .collect())
}
