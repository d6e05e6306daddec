//! 1,000 mails over one server on this machine: through the engine on the store in memory, and by a
//! bare loop of lettre that sends the same bytes over as many connections.
//!
//! `cargo bench -p signalbus-benches --bench smtp`

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

mod bare;
mod sink;

use std::{error::Error, time::Duration};

use signalbus::smtp::{PoolLimits, Security, SmtpConfig, SmtpProvider};
use signalbus::{Event, Idempotency, Policy, Recipient, Signalbus, Templates, channel::Email};

use crate::sink::Sink;

const MAILS: usize = 1_000;
const CONNECTIONS: usize = 8;
const ROUNDS: usize = 9;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sink = Sink::start().await?;
    let mut ratios = Vec::new();
    // What else the machine does makes a round slower, never quicker.
    let mut fastest = [f64::MAX; 2];
    for round in 1..=ROUNDS {
        // In turn, so that a slow moment of the machine meets both.
        let engine = engine(&sink).await?;
        let mails = sink.take();
        assert_eq!(mails.len(), MAILS, "not every mail arrived");
        let bare = bare::send(sink.port(), &mails, CONNECTIONS).await?;
        assert_eq!(same(sink.take()), same(mails), "other bytes were sent");
        let ratio = engine.as_secs_f64() / bare.as_secs_f64();
        println!("round {round}: engine {engine:?}, bare lettre {bare:?}: {ratio:.2} times");
        ratios.push(ratio);
        fastest[0] = fastest[0].min(engine.as_secs_f64());
        fastest[1] = fastest[1].min(bare.as_secs_f64());
    }
    ratios.sort_by(f64::total_cmp);
    println!(
        "{MAILS} mails, {CONNECTIONS} connections: {:.2} times bare lettre, median of {ROUNDS} rounds ({:.2} to {:.2}); {:.2} by the fastest rounds",
        ratios[ROUNDS / 2],
        ratios[0],
        ratios[ROUNDS - 1],
        fastest[0] / fastest[1]
    );
    Ok(())
}

/// They arrive in any order.
fn same(mut mails: Vec<sink::Mail>) -> Vec<sink::Mail> {
    mails.sort();
    mails
}

/// Publishes, renders, sends and settles: from the first publish to the last mail.
async fn engine(sink: &Sink) -> Result<Duration, Box<dyn Error>> {
    let mut pool = PoolLimits::default();
    pool.connections = CONNECTIONS;
    pool.mails = u32::MAX;
    let config = SmtpConfig::new("127.0.0.1")
        .with_security(Security::Plaintext)
        .with_port(sink.port())
        .with_pool(pool);
    let signalbus = Signalbus::builder()
        .in_memory()
        .channel(
            Email::from("Acme <hello@acme.test>")?,
            SmtpProvider::new(config)?,
        )
        .templates(
            Templates::new()
                .part("hello", "en", "subject.txt", "Hello {{ recipient.name }}")?
                .part(
                    "hello",
                    "en",
                    "body.txt",
                    &"Good to have you here. ".repeat(40),
                )?
                .part(
                    "hello",
                    "en",
                    "body.html",
                    &"<p>Good to have you here.</p>\n".repeat(40),
                )?,
        )
        .policy(Policy::new().on::<Email>("hello"))
        .start()
        .await?;
    let events: Vec<Event> = (0..MAILS)
        .map(|number| {
            let ada = Recipient::new()
                .name("Ada")
                .email(format!("ada-{number}@example.org"));
            Event::new("hello", Idempotency::None).to(ada)
        })
        .collect();
    let begun = std::time::Instant::now();
    for batch in events.chunks(100) {
        signalbus.publish_all(batch.to_vec()).await?;
    }
    signalbus.idle().await;
    let took = begun.elapsed();
    signalbus.shutdown().await;
    Ok(took)
}
