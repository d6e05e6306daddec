//! Against the fakes: everything that providers do, good and bad.

use serde_json::{Value, json};
use signalbus::http::ReceiptKey;
use signalbus::mailgun::{Account, Mailgun, MailgunConfig, MailgunReceipts, SigningKey};
use signalbus::twilio::{AuthTokens, Twilio, TwilioConfig, TwilioReceipts};
use signalbus::{DeliveryId, Entropy, Failure, Recipient};
use signalbus_testkit::fakes::{
    Act,
    mailgun::{FakeMailgun, Mail},
    twilio::{FakeTwilio, Text},
};
use tokio::net::TcpListener;

use crate::{
    setup::{self, Providers, Running},
    timeline,
};

const SENDER: &str = "+15005550006";

struct Stage {
    running: Running,
    mailgun: FakeMailgun,
    twilio: FakeTwilio,
    mailgun_url: String,
    twilio_url: String,
    sent: Vec<(String, DeliveryId)>,
}

pub(crate) async fn run() -> Result<(), Failure> {
    let mut stage = open().await?;
    println!("A fake Mailgun and a fake Twilio, which call back to us.");

    println!("\nMail");
    let mail = stage
        .mail("ada@example.org", "Ada's mail: all is well")
        .await?;
    stage
        .mail_says("later than its opening", &mail, "opened", json!({}))
        .await?;
    stage
        .mail_says("twice", &mail, "delivered", json!({}))
        .await?;

    let bounce = json!({ "severity": "permanent", "reason": "bounce",
        "delivery-status": { "code": 550, "enhanced-code": "5.1.1" },
        "flags": { "is-delayed-bounce": true } });
    let mail = stage
        .mail(
            "bob@example.org",
            "Bob's mail: bounces after it was delivered",
        )
        .await?;
    stage.mail_says("", &mail, "delivered", json!({})).await?;
    stage.mail_says("late", &mail, "failed", bounce).await?;
    stage
        .mail("bob@example.org", "Bob's next mail: his address is no good")
        .await?;

    let mail = stage
        .mail("carol@example.org", "Carol's mail: somebody forges")
        .await?;
    stage.forge(&mail).await?;

    stage.mailgun.play([Act::TakeAndCut]);
    let mail = stage
        .mail("dan@example.org", "Dan's mail: the answer was lost")
        .await?;
    stage
        .mail_says(
            "and so we know that it was sent",
            &mail,
            "delivered",
            json!({}),
        )
        .await?;

    println!("\nText");
    let text = stage
        .text("+447700900101", "Erin's text: out of order")
        .await?;
    for status in ["delivered", "sent", "queued"] {
        stage.text_says(&text, status, None).await?;
    }
    let text = stage
        .text("+447700900102", "Frank's text: his telephone is off")
        .await?;
    stage.text_says(&text, "undelivered", Some(30003)).await?;
    stage
        .text("+447700900102", "Frank's next text: that was no reason")
        .await?;

    stage.text("+447700900103", "Grace's text").await?;
    stage.writes("+447700900103", "STOP").await?;
    stage
        .text("+447700900103", "Grace's next text: she asked for none")
        .await?;
    stage.writes("+447700900103", "START").await?;
    stage
        .text("+447700900103", "Grace's text after that: welcome back")
        .await?;

    println!("\nTimelines");
    for (name, id) in &stage.sent {
        timeline::print(&stage.running.signalbus, name, *id).await?;
    }
    println!(
        "\n{} mails and {} texts are in the fakes' books.",
        stage.mailgun.mails().len(),
        stage.twilio.texts().len()
    );
    stage.running.stop().await;
    Ok(())
}

async fn open() -> Result<Stage, Failure> {
    let (mailgun, twilio) = (FakeMailgun::start().await, FakeTwilio::start().await);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let origin = format!("http://{}", listener.local_addr()?);
    let key = ReceiptKey::generate(&Entropy::from_os());
    let mailgun_url = format!("{origin}/receipts/mailgun/{}", key.expose());
    let twilio_url = format!("{origin}/receipts/twilio/{}", key.expose());

    let account = Account::new("mg.acme.test", "key")?.base_url(&mailgun.url())?;
    let signing = SigningKey::new(FakeMailgun::SIGNING_KEY);
    let (sid, token) = (FakeTwilio::ACCOUNT, FakeTwilio::TOKEN);
    let config = TwilioConfig::from_url(&format!("twilio://{sid}:{token}@{SENDER}"))?
        .base_url(&twilio.url())?
        .status_callback(&twilio_url)?;
    let receipts = signalbus::twilio::ReceiptsConfig::new(AuthTokens::new(token), origin);
    let providers = Providers {
        from: "Acme <hello@mg.acme.test>".to_owned(),
        mailgun: Mailgun::new(MailgunConfig::new(account))?,
        mailgun_receipts: MailgunReceipts::new(signalbus::mailgun::ReceiptsConfig::new(signing))?,
        twilio: Twilio::new(config)?,
        twilio_receipts: TwilioReceipts::new(receipts)?,
        key,
    };
    Ok(Stage {
        running: setup::start(providers, listener).await?,
        mailgun,
        twilio,
        mailgun_url,
        twilio_url,
        sent: Vec::new(),
    })
}

impl Stage {
    async fn publish(&mut self, to: Recipient, name: &str) -> Result<(), Failure> {
        let published = self.running.signalbus.publish(setup::event(to)).await?;
        self.running.signalbus.idle().await;
        for route in published.routes {
            self.sent.push((name.to_owned(), route.delivery));
        }
        Ok(())
    }

    /// Sends a mail and gives what the fake has of it: the last one, if this one was not sent.
    async fn mail(&mut self, to: &str, name: &str) -> Result<Mail, Failure> {
        self.publish(Recipient::new().email(to), name).await?;
        Ok(self.mailgun.mails().pop().ok_or("the fake has no mail")?)
    }

    async fn text(&mut self, to: &str, name: &str) -> Result<Text, Failure> {
        self.publish(Recipient::new().sms(to), name).await?;
        Ok(self.twilio.texts().pop().ok_or("the fake has no text")?)
    }

    async fn mail_says(
        &self,
        how: &str,
        mail: &Mail,
        event: &str,
        more: Value,
    ) -> Result<(), Failure> {
        let event = self.mailgun.happens(mail, event, &more);
        let webhook = self.mailgun.webhook(&event);
        let times = if how == "twice" { 2 } else { 1 };
        for _ in 0..times {
            let answered = webhook.post(&self.mailgun_url).await?;
            let what = event["event"].as_str().unwrap_or_default();
            println!("  {what:<12} answered with {}  {how}", answered.status);
        }
        Ok(())
    }

    /// Without the key, and with a signature that was caught.
    async fn forge(&self, mail: &Mail) -> Result<(), Failure> {
        let complaint = self.mailgun.happens(mail, "complained", &json!({}));
        let webhook = self.mailgun.webhook(&complaint);
        let mut unsigned = webhook.clone();
        unsigned.body["signature"]["signature"] = "00".repeat(32).into();
        let answered = unsigned.post(&self.mailgun_url).await?;
        println!("  complained   answered with {}  forged", answered.status);
        let delivered = self.mailgun.happens(mail, "delivered", &json!({}));
        let caught = self.mailgun.webhook(&delivered);
        let answered = caught.post(&self.mailgun_url).await?;
        println!("  delivered    answered with {}", answered.status);
        let replayed = caught
            .with_event(&complaint)
            .post(&self.mailgun_url)
            .await?;
        println!(
            "  complained   answered with {}  a caught signature, replayed",
            replayed.status
        );
        Ok(())
    }

    async fn text_says(&self, text: &Text, status: &str, code: Option<u32>) -> Result<(), Failure> {
        let callback = self
            .twilio
            .callback(text, status, code)
            .ok_or("no callback was asked for")?;
        let answered = callback.post().await?;
        let code = code.map(|code| format!("code {code}")).unwrap_or_default();
        println!("  {status:<12} answered with {}  {code}", answered.status);
        Ok(())
    }

    async fn writes(&self, from: &str, text: &str) -> Result<(), Failure> {
        let callback = self.twilio.inbound(&self.twilio_url, from, SENDER, text);
        let answered = callback.post().await?;
        println!(
            "  {text:<12} answered with {}  written to us",
            answered.status
        );
        Ok(())
    }
}
