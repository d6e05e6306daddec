//! A kind of message that Signalbus does not know: chat. The channel is in `chat.rs`, a provider
//! for it in `chat_log.rs`, and nothing else had to change.

#![expect(clippy::print_stdout, reason = "a program talks to its user")]

mod chat;
mod chat_log;

use chat::Chat;
use chat_log::ChatLog;
use signalbus::{Event, Failure, Idempotency, Policy, Recipient, Signalbus, Templates, TenantId};

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let log = ChatLog::default();
    let signalbus = Signalbus::builder()
        .in_memory()
        .channel(Chat, log.clone())
        .templates(Templates::embedded(&[(
            "deploy.done/en/chat.txt",
            "{{ data.service }} {{ data.version }} is live. Thank you, {{ recipient.name }}!",
        )])?)
        .policy(Policy::new().on::<Chat>("deploy.*"))
        .start()
        .await?;

    let event = Event::new("deploy.done", Idempotency::fields(["service", "version"]))
        .to(Recipient::new().name("team").on::<Chat>("#Releases"))
        .to(Recipient::new().name("Ada").on::<Chat>("@ada"))
        .to(Recipient::new().name("Bob").on::<Chat>("bob"))
        .data(serde_json::json!({ "service": "billing", "version": "2.4.1" }));
    let published = signalbus.publish(event).await?;

    signalbus.idle().await;
    signalbus.shutdown().await;

    for line in log.lines() {
        println!("{line}");
    }
    for route in &published.routes {
        if let Some(story) = signalbus
            .explain(&TenantId::default(), route.delivery)
            .await?
        {
            print!("\n{story}");
        }
    }
    Ok(())
}
