//! The first program: one event becomes one mail in `outbox/`. Run it again, and it is still one.

#![expect(clippy::print_stdout, reason = "a program talks to its user")]

use signalbus::{Event, Idempotency, Policy, Recipient, Signalbus, Templates, channel::Email};
use signalbus_smtp::MailFolder;
use signalbus_sqlite::SqliteStore;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let subject = ("user.signup/en/subject.txt", "Hello {{ recipient.name }}");
    let body = ("user.signup/en/body.txt", "It is good to have you here.");
    let signalbus = Signalbus::builder()
        .store(SqliteStore::open("notifications.db").await?)
        .channel(Email::from("hello@acme.test")?, MailFolder::new("outbox")?)
        .templates(Templates::embedded(&[subject, body])?)
        .policy(Policy::new().on::<Email>("user.*"))
        .start()
        .await?;
    let ada = Recipient::new().name("Ada").email("ada@example.org");
    let event = Event::new("user.signup", Idempotency::key("ada")).to(ada);
    println!("{:?}", signalbus.publish(event).await?.verdict);
    signalbus.idle().await;
    signalbus.shutdown().await;
    Ok(())
}
