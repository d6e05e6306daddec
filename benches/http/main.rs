//! Sends through Mailgun and Twilio, from message to parsed answer, beside a bare reqwest loop that posts the
//! same bytes: over one kept connection to a server on this machine that answers at once.
//!
//! `cargo bench -p signalbus-benches --bench http`

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

mod messages;
mod server;

use std::{
    error::Error,
    time::{Duration, Instant},
};

use reqwest::{Client, header::CONTENT_TYPE};
use signalbus::{
    DeliveryId, EventId, TenantId,
    channel::Channel,
    provider::{Delivery, Latch, Provider},
};
use signalbus_mailgun::{Account, Mailgun, MailgunConfig};
use signalbus_twilio::{Twilio, TwilioConfig};

use server::{Server, Taken};

const SENDS: u32 = 2_000;
const ROUNDS: usize = 9;

fn main() -> Result<(), Box<dyn Error>> {
    // One thread for the client; the server has another.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let server = Server::start(
            r#"{"id":"<a@mg.acme.test>","message":"Queued. Thank you."}"#,
            200,
        )?;
        let account = Account::new("mg.acme.test", "key")?.base_url(&server.url)?;
        let mailgun = Mailgun::new(MailgunConfig::new(account))?;
        let (to, message) = messages::mail()?;
        compare("Mailgun", &mailgun, &to, &message, &server).await?;

        let server = Server::start(messages::CREATED, 201)?;
        let url = "twilio://AC00000000000000000000000000000001:token@+15005550006";
        let config = TwilioConfig::from_url(url)?
            .base_url(&server.url)?
            .status_callback("https://notify.acme.test/receipts/twilio/k3y")?;
        let twilio = Twilio::new(config)?;
        let (to, message) = messages::text()?;
        compare("Twilio", &twilio, &to, &message, &server).await
    })
}

/// Rounds of each in turn, so that what else the machine does meets both.
async fn compare<C: Channel>(
    name: &str,
    provider: &impl Provider<C>,
    to: &C::Address,
    message: &C::Message,
    server: &Server,
) -> Result<(), Box<dyn Error>> {
    through(provider, to, message, 10).await?;
    let taken = server.last().ok_or("the server got nothing")?;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().no_proxy().build()?;
    bare(&client, server, &taken, 10).await?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        theirs.push(bare(&client, server, &taken, SENDS).await?);
        ours.push(through(provider, to, message, SENDS).await?);
    }
    // What else the machine does makes a round slower, never quicker.
    let fastest = |rounds: &[Duration]| rounds.iter().min().copied().unwrap_or_default();
    let best = fastest(&theirs).as_secs_f64() / fastest(&ours).as_secs_f64();
    let (ours, theirs) = (median(ours), median(theirs));
    println!(
        "{name}: {:.1} us a send, bare reqwest {:.1} us ({} bytes; {ROUNDS} rounds of {SENDS})",
        micros(ours),
        micros(theirs),
        taken.body.len()
    );
    println!(
        "    {:.2} times the rate of bare reqwest by the medians, {best:.2} by the fastest rounds",
        theirs.as_secs_f64() / ours.as_secs_f64()
    );
    Ok(())
}

/// From the message to the parsed answer.
async fn through<C: Channel>(
    provider: &impl Provider<C>,
    to: &C::Address,
    message: &C::Message,
    sends: u32,
) -> Result<Duration, Box<dyn Error>> {
    let event: EventId = "01998c5e-0000-7000-8000-000000000000".parse()?;
    let id: DeliveryId = "01998c5e-0000-7000-8000-000000000001".parse()?;
    let tenant = TenantId::default();
    let start = Instant::now();
    for _ in 0..sends {
        let latch = Latch::default();
        let delivery = Delivery::new(id, event, &tenant, to, message, &latch);
        let sent = provider.send(delivery).await?;
        if sent.id().is_none() || !latch.is_set() {
            return Err("it was not sent".into());
        }
    }
    Ok(start.elapsed())
}

/// The same bytes, signed in, and the answer read.
async fn bare(
    client: &Client,
    server: &Server,
    taken: &Taken,
    sends: u32,
) -> Result<Duration, Box<dyn Error>> {
    let url = format!("{}{}", server.url, taken.path);
    let start = Instant::now();
    for _ in 0..sends {
        let response = client
            .post(&url)
            .basic_auth("api", Some("key"))
            .header(CONTENT_TYPE, &taken.content_type)
            .body(taken.body.clone())
            .send()
            .await?;
        if !response.status().is_success() || response.bytes().await?.is_empty() {
            return Err("it was not taken".into());
        }
    }
    Ok(start.elapsed())
}

fn median(mut rounds: Vec<Duration>) -> Duration {
    rounds.sort_unstable();
    rounds[rounds.len() / 2]
}

fn micros(total: Duration) -> f64 {
    total.as_secs_f64() * 1e6 / f64::from(SENDS)
}
